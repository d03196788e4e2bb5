"""What is new between two scans: rows, findings, verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from pydantic import ValidationError

from foretaste.errors import BadRecord
from foretaste.record import Finding, Record, Verdict

SHOWN = 1_000


@dataclass(frozen=True)
class Rows:
    """Rows by what they say; a row that stands there twice counts twice."""

    added: int
    removed: int
    unchanged: int


@dataclass(frozen=True)
class Findings:
    """Some findings: how many there are, and the most telling of them."""

    count: int
    rows: int  # that they accuse
    shown: tuple[Finding, ...] = field(repr=False)


@dataclass(frozen=True)
class Difference:
    """How the new scan differs from the old one.

    new:   findings on rows that the same detector did not accuse before, attacks first
    gone:  findings of the old scan that are no longer made, on rows still there or not
    still: findings made before and now

    A finding is the same if detector, kind and content of its row are. Of rows that say the
    same as many are matched as both scans have.
    """

    old_verdict: Verdict
    new_verdict: Verdict
    rows: Rows
    new: Findings
    gone: Findings
    still: Findings

    @property
    def verdict_changed(self) -> bool:
        """Whether the data set is judged otherwise now."""
        return self.old_verdict is not self.new_verdict


def diff(old: str | Path, new: str | Path) -> Difference:
    """Compares two folders that `foretaste scan --out` wrote.

    Rows are known by their content ids, so moving or shuffling them changes nothing. Rows that
    could not be read are known by their location.
    """
    before, after = Path(old), Path(new)
    verdicts = _record(before).verdict, _record(after).verdict
    try:
        findings = _findings(before), _findings(after)
        return Difference(
            *verdicts,
            rows=_rows(before, after),
            new=_only(findings[1], findings[0]),
            gone=_only(findings[0], findings[1]),
            still=_shown(findings[1].join(findings[0], on=SAME, how="semi", nulls_equal=True)),
        )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BadRecord(f"{old} and {new} cannot be compared: {error}; scan again") from error


SAME = ["detector", "kind", "name", "copy"]


def _record(folder: Path) -> Record:
    try:
        return Record.model_validate_json((folder / "record.json").read_bytes())
    except (OSError, ValidationError) as error:
        raise BadRecord(f"{folder} is no finished scan: {error}") from error


def _rows(old: Path, new: Path) -> Rows:
    counts = [_counted(folder, name) for folder, name in ((old, "old"), (new, "new"))]
    joined = counts[0].join(counts[1], on="id", how="full", coalesce=True)
    change = pl.col("new").fill_null(0) - pl.col("old").fill_null(0)
    totals = joined.select(
        change.clip(lower_bound=0).sum().alias("added"),
        (-change).clip(lower_bound=0).sum().alias("removed"),
        pl.min_horizontal(pl.col("old").fill_null(0), pl.col("new").fill_null(0))
        .sum()
        .alias("both"),
    ).collect(engine="streaming")
    added, removed, both = (int(total) for total in totals.row(0))
    return Rows(added, removed, both)


def _counted(folder: Path, name: str) -> pl.LazyFrame:
    ids = pl.scan_parquet(folder / "rows.parquet").select("id")
    return ids.group_by("id").agg(pl.len().cast(pl.Int64).alias(name))


def _findings(folder: Path) -> pl.LazyFrame:
    """Each finding with the name of its row, and which of the equal ones it is."""
    unread = pl.col("id") == ""
    findings = pl.scan_parquet(folder / "findings.parquet").with_columns(
        pl.when(unread).then(pl.lit("@") + pl.col("location")).otherwise("id").alias("name")
    )
    same = ("detector", "kind", "name")
    return findings.with_columns(pl.int_range(pl.len()).over(same).alias("copy"))


def _only(these: pl.LazyFrame, not_those: pl.LazyFrame) -> Findings:
    return _shown(these.join(not_those, on=SAME, how="anti"))


def _shown(findings: pl.LazyFrame) -> Findings:
    found = findings.drop("name", "copy").collect()
    first = found.sort("kind", "p_value", "index", nulls_last=True).head(SHOWN)
    rows = found.select("index", "id").n_unique() if len(found) else 0
    return Findings(len(found), rows, tuple(Finding(**row) for row in first.iter_rows(named=True)))
