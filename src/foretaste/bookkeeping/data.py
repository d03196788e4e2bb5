"""Data sets: scanned, cleaned, poisoned on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foretaste import readers
from foretaste.api import Options, Result, reopen
from foretaste.bookkeeping.seeing import Progress, Seen, file_of, only, plain, seen
from foretaste.clean.manifest import Manifest
from foretaste.clean.split import KEPT, QUARANTINED, again
from foretaste.errors import BadInput
from foretaste.interchange.scanned import facts_of
from foretaste.ledger.event import Event, Thing
from foretaste.planting.truth import AttackNote
from foretaste.record import Record
from foretaste.report.files import read_record


def scanned(
    path: str, options: Options, result: Result, folder: Path, progress: Progress | None = None
) -> tuple[Event, ...]:
    """That a data set was scanned, and what the scan says.

    result: as `api.scan` gave it, with the files it wrote
    folder: of digests of rows
    Raises `BadInput` where the data set is not the one that was scanned any more.
    """
    if result.folder is None:
        raise BadInput("a scan goes into a ledger with its record: give it a folder to write to")
    source = readers.open(path, options.roles or {}, options.format)
    found = _unchanged(seen(path, source, folder, progress), result.record)
    accused = np.unique(_accused(result.findings))
    places = np.searchsorted(result.rows["index"].to_numpy(), accused)
    record = result.record
    facts = {**facts_of(record), "held": record.counts.held, "versions": dict(record.versions)}
    if len(accused):
        facts["accused"] = f"rows:{found.some(places, folder)}"
    written = file_of("record", result.folder / "record.json")
    return (*found.events, Event("scan_verdict", (written,), (found.thing,), facts))


def cleaned(
    path: str, record_folder: Path, out: Path, folder: Path, progress: Progress | None = None
) -> tuple[Event, ...]:
    """That a data set was split, by which scan, and into what.

    out: the folder that `clean` wrote
    """
    record, manifest = read_record(record_folder), Manifest.load(out)
    source = reopen(path, record)
    whole = _unchanged(seen(path, source, folder, progress), record)
    made: list[Thing] = []
    sidecars: dict[str, str] = {}
    for part, note in ((KEPT, manifest.kept), (QUARANTINED, manifest.quarantined)):
        if not note.rows:
            continue
        place = str(only(out / part))
        found = seen(place, again(source, out / part), folder, progress)
        kind = "dataset" if part == KEPT else "rows"
        made.append(Thing(kind, place, found.thing.digest))
        sidecars[part] = found.version.path.name if found.version.path else ""
    facts = {
        "what": manifest.what,
        "kept": manifest.kept.rows,
        "quarantined": manifest.quarantined.rows,
        "refused": manifest.quarantined.refused,
        "held": manifest.held,
        "relabelled": manifest.relabelled,
        "sidecars": sidecars,
    }
    used = (whole.thing, file_of("record", record_folder / "record.json"))
    return (*whole.events, Event("cleaning_decision", tuple(made), used, facts))


def planted(before: Seen, out: Path, note: AttackNote, folder: Path) -> tuple[Event, ...]:
    """That a data set was poisoned on purpose, with what.

    before: the data set, as it was seen before that
    """
    before.same()
    place = str(only(out / "data"))
    after = seen(place, again(before.source, out / "data"), folder)
    facts = {
        "attack": note.name,
        "settings": plain(note.settings),
        "count": note.touched,
        "seed": note.seed,
    }
    truth = file_of("record", out / "attack.json")
    made = (after.thing, truth)
    return (*before.events, Event("attack_planted", made, (before.thing,), facts))


def _unchanged(found: Seen, record: Record) -> Seen:
    if found.fingerprint != record.dataset["fingerprint"]:
        raise BadInput(
            f"{found.thing.name} is not what was scanned any more: scan it again, so that the "
            "verdict in the ledger is about what is there"
        )
    return found


def _accused(findings: pa.Table) -> Any:
    attacks = findings.filter(pc.equal(findings["kind"], "attack"))["index"].to_numpy()
    return attacks[attacks >= 0]  # -1 is the data set as a whole
