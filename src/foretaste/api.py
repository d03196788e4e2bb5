"""The door: what `from foretaste import …` gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from foretaste import readers, report
from foretaste.campaign.run import Engine, play
from foretaste.campaign.scorecard import Scorecard, scorecard
from foretaste.campaign.spec import Campaign, read_campaign
from foretaste.contracts import Source
from foretaste.errors import BadInput, UnreadableInput
from foretaste.inspecting.opening import Opened, opened
from foretaste.inspecting.record import Inspection
from foretaste.inspecting.run import inspect_model
from foretaste.inspecting.running import tried
from foretaste.keeping import keep, kept
from foretaste.mending import Mending, Remedy, aimed, fitted_mender, trial_of
from foretaste.mending import mend as mend_victim
from foretaste.planting.gathering import whole
from foretaste.power import power_of
from foretaste.record import Finding, Record, Verdict
from foretaste.registry import component
from foretaste.report import inspected, scored
from foretaste.scanning.exhibits import write_exhibits
from foretaste.scanning.plan import Plan
from foretaste.scanning.recording import to_record
from foretaste.scanning.run import Scanned, Settings, plan_of, scan_into
from foretaste.scanning.watch import Progress, silent
from foretaste.sources import concentrations
from foretaste.trained import Subject

WORK = ".work"  # the folder of working files inside the output folder


@dataclass(frozen=True)
class Result:
    """What a scan found.

    record:   the whole scan in small: verdict, counts, groups, bounds, power
    rows:     one line a row: index, id, location, flagged, p_value, a score a detector
    findings: one line an accusation: index, id, location, detector, kind, score, p_value, reason
    folder:   where all of it was written, or None
    """

    record: Record
    rows: pa.Table
    findings: pa.Table
    folder: Path | None

    @property
    def verdict(self) -> Verdict:
        """Clean, dirty or poisoned."""
        return self.record.verdict

    @property
    def telling(self) -> tuple[Finding, ...]:
        """The five most telling rows."""
        return self.record.telling


@dataclass(frozen=True)
class Options:
    """How to scan, in the words of the command line.

    roles:     role -> column name, where they should not be inferred ("" for none)
    format:    a reader's name, where it should not be inferred
    trusted:   a path or object with rows known to be clean: p-values become exact
    power:     "quick", "full" or "off": how much is planted to learn what would be found
    keep_work: leaves the working files, so that another scan of the same rows starts there
    """

    settings: Settings = Settings()  # noqa: RUF009 (frozen)
    roles: Mapping[str, str] | None = None
    format: str | None = None
    trusted: Any = None
    power: str = "quick"
    keep_work: bool = False


def scan(
    data: Any,
    out: str | Path | None = None,
    options: Options | None = None,
    *,
    alpha: float | None = None,
    progress: Progress = silent,
) -> Result:
    """Scans a data set for poison and dirt.

    data:  a path or fsspec URL, an Arrow table, a pandas or polars frame, a Hugging Face
           data set, or a torch `Dataset` of (x, y) pairs
    out:   folder for record.json, rows.parquet, findings.parquet, findings.sarif, report.html;
           None writes nothing. An interrupted scan goes on where it was.
    alpha: of the rows flagged, about this share is expected to be clean (default 0.01)

    Raises `BadInput` when the data cannot be read at all.
    """
    chosen = _with_alpha(options or Options(), alpha)
    source = readers.open(data, chosen.roles or {}, chosen.format)
    trusted = None
    if chosen.trusted is not None:
        trusted = readers.open(chosen.trusted, source.roles)
    if out is not None:
        return _scan(source, trusted, Path(out), chosen, progress)
    with TemporaryDirectory(prefix="foretaste-") as folder:
        result = _scan(source, trusted, Path(folder), chosen, progress)
    return Result(result.record, result.rows, result.findings, None)


def redteam(
    campaign: Campaign | str | Path,
    out: str | Path,
    *,
    only: str = "",
    engine: Engine | None = None,
    progress: Progress = silent,
) -> Scorecard:
    """Replays attacks against a pipeline, and keeps the score.

    campaign: a campaign file, or the same as an object
    out:      folder for cells and scorecard; cells that are there already are not run again
    only:     of the attacks, those whose name holds this text
    engine:   anything with the signature of `map` that runs the cells instead of processes here

    Raises `BadInput` before any work when the campaign cannot be as it is written.
    """
    said = campaign if isinstance(campaign, Campaign) else read_campaign(campaign)
    played = play(said, Path(out), progress=progress, only=only, engine=engine)
    card = scorecard(played, component("recipes", said.target.recipe.name).measure)
    scored.write(card, Path(out))
    return card


def inspect(
    model: str | Path | Subject,
    data: Any = None,
    out: str | Path | None = None,
    options: Options | None = None,
    *,
    inspectors: Sequence[str] | None = None,
    progress: Progress = silent,
) -> Inspection:
    """Inspects a trained model: its files without loading them, itself where it can be opened.

    model:   a file or folder; or a `Subject`, which says more: a trusted parent, a digest, how a
             network in TorchScript is run
    data:    rows that the model is meant for, in whatever `scan` reads
    out:     folder for inspection.json and inspection.html; None writes nothing
    options: how the data is read: roles and format

    Raises `BadInput` when there is nothing that could be inspected.
    """
    chosen = options or Options()
    subject = model if isinstance(model, Subject) else Subject(path=Path(model))
    found = _opened(subject)
    if data is not None:
        source = readers.open(data, chosen.roles or {}, chosen.format)
        rows = whole(source, like=found.example())
        subject = replace(subject, rows=rows)
    done = inspect_model(subject, found, inspectors, progress=progress)
    if out is not None:
        inspected.write(done, Path(out))
    return done


def _opened(subject: Subject) -> Opened:
    if subject.path is None:
        return Opened(None, "no path was given")
    if subject.running is not None:
        return tried(subject.path, subject.running)
    return opened(subject.path)


def mend(
    model: str | Path,
    data: Any,
    out: str | Path | None = None,
    remedy: Remedy | None = None,
    options: Options | None = None,
) -> Mending:
    """Takes a backdoor out of a trained model, and measures it before and after.

    model:   a file that `foretaste.keeping.keep` wrote
    data:    clean rows with labels, in whatever `scan` reads: some to mend with, others to measure
    out:     file for the mended model, mending.json beside it; None writes nothing
    options: how the data is read: roles and format

    Raises `BadInput` when model, rows and mender do not go together.
    """
    if out is not None and Path(out).absolute() == Path(model).absolute():
        raise BadInput(f"{out} is the model to be mended; choose another file, and compare them")
    chosen, how, came = options or Options(), remedy or Remedy(), kept(Path(model))
    like = Opened(came.victim, came.name, came.classes).example()
    rows = whole(readers.open(data, chosen.roles or {}, chosen.format), like=like)
    rows = rows.without("image") if "pixels" in rows else rows
    mender = fitted_mender(how)
    trial = trial_of(came.recipe, rows, how.rows, seed=how.seed)
    trial = replace(trial, attack=aimed(how, trial.clean))
    victim, done = mend_victim(came.victim, how.by, mender, trial)
    if out is not None:
        facts = {**came.facts, "mended": how.by}
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        keep(Path(out), came.name, came.recipe, victim, came.classes, facts)
        done.save(Path(out).parent)
    return done


def planned(data: Any, options: Options | None = None) -> tuple[Source, Plan]:
    """What a scan would run, from the first rows: the source as it was opened, and the plan."""
    chosen = options or Options()
    source = readers.open(data, chosen.roles or {}, chosen.format)
    first = next((batch for batch in source if len(batch)), None)
    if first is None:
        raise UnreadableInput(f"{source.path}: no rows were found that can be read")
    return source, plan_of(first.names, chosen.settings)


def _scan(
    source: Source, trusted: Source | None, out: Path, chosen: Options, progress: Progress
) -> Result:
    out.mkdir(parents=True, exist_ok=True)
    done = scan_into(source, out / WORK, chosen.settings, trusted=trusted, progress=progress)
    power = power_of(done, chosen.power, out / WORK / "power")
    asked = {"roles": dict(chosen.roles or {}), "format": chosen.format}
    sources = concentrations(done.spool, done.findings)
    result = write(done, out, asked=asked, power=power, sources=sources)
    if not chosen.keep_work:
        done.spool.remove()
    return result


def reopen(data: Any, record: Record) -> Source:
    """The data set of a finished scan, read the way that scan read it."""
    asked = record.plan.get("asked", {})
    return readers.open(data, asked.get("roles") or {}, asked.get("format"))


def write(done: Scanned, out: Path, **parts: Any) -> Result:
    """Writes record, rows, findings, exhibits and reports of a finished scan."""
    rows = done.rows()
    pq.write_table(rows, out / "rows.parquet", compression="zstd")
    pq.write_table(done.findings, out / "findings.parquet", compression="zstd")
    reads = done.reads()
    if reads is not None:
        pq.write_table(reads, out / "reads.parquet", compression="zstd")
    explained = write_exhibits(done, out)
    said: dict[str, Any] = {"concepts": explained.concepts, "explained": explained.notes}
    record = to_record(done, **said, **parts)
    text = record.model_dump_json(by_alias=True, indent=2)
    (out / "record.json").write_text(text, encoding="utf-8")
    report.write(out)
    return Result(record, rows, done.findings, out)


def _with_alpha(options: Options, alpha: float | None) -> Options:
    if alpha is None:
        return options
    return replace(options, settings=replace(options.settings, alpha=alpha))
