"""Where the findings concentrate: in one source, contributor, file or stretch of time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from scipy.stats import hypergeom

from foretaste.data import Batch, Dataset
from foretaste.summaries.content import series

KINDS = ("attack", "hygiene")
AXES = ("source", "user", "file", "time")
MOST = 50  # concentrations told, the surest first
TWICE = 2.0  # how many times the common rate is worth telling
_FILE = r"^(.+):\d+$"  # a location that ends in a line or row number names a file
_LEVELS = range(1, 9)  # time is cut into 2, 4, ... 256 stretches of equally many rows
_LONG = 200  # letters of a name that are told
_SINCE = 1e8  # seconds: a smaller time counts from some start of its own, not from 1970


def concentrations(
    dataset: Dataset | Iterable[Batch], findings: pa.Table, alpha: float = 0.01
) -> tuple[dict[str, Any], ...]:
    """The sources, users, files and stretches of time with more findings than chance would give.

    findings: a table with `index` and `kind` (attack or hygiene); a row counts once a kind

    Each name is tested by the exact chance that so many of its rows are among those flagged, if
    these were drawn from all rows without looking, times the number of names tested. Returned are
    those of at least twice the common rate whose product is at most alpha, the surest first:
    `by` (source, user, file, time), `name`, `kind`, `rows`, `flagged`, `rate`, `p_value`.
    Remembers a line for every name in every batch, and 10 bytes for each row that has a time.

    >>> sources = ["a"] * 80 + ["b"] * 10
    >>> rows = Batch(map(str, range(90)), {"index": np.arange(90), "source": sources})
    >>> found = pa.table({"index": range(80, 90), "kind": ["attack"] * 10})
    >>> [(one["name"], one["flagged"], one["rows"]) for one in concentrations([rows], found)]
    [('b', 10, 10)]
    """
    flagged = pl.DataFrame(pl.from_arrow(findings.select(["index", "kind"])))
    counts: dict[str, list[pl.DataFrame]] = {axis: [] for axis in AXES}
    for batch in dataset:
        _count(batch, flagged, counts)
    lines = [_lines(axis, parts) for axis, parts in counts.items() if parts]
    return _sure(pl.concat(lines), alpha) if lines else ()


def _count(batch: Batch, flagged: pl.DataFrame, counts: dict[str, list[pl.DataFrame]]) -> None:
    """Adds what a batch has under each axis: time row by row, all others name by name."""
    if not len(batch):
        return
    hit = {
        kind: np.isin(batch["index"], flagged.filter(pl.col("kind") == kind)["index"].to_numpy())
        for kind in KINDS
    }
    for axis in AXES:
        values = _axis(batch, axis)
        if values is None:
            continue
        rows = pl.DataFrame({"name": values, **hit}).drop_nulls("name")
        counts[axis].append(rows if axis == "time" else _summed([rows.with_columns(rows=1)]))


def _axis(batch: Batch, axis: str) -> pl.Series | None:
    if axis == "file":
        if "location" not in batch:
            return None
        return series(batch.arrow("location")).cast(pl.String).str.extract(_FILE)
    if axis not in batch:
        return None
    values = series(batch.arrow(axis))
    return values.fill_nan(None) if axis == "time" else values.cast(pl.String)


def _summed(parts: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(parts).group_by("name").agg(pl.col("rows", *KINDS).cast(pl.Int64).sum())


def _lines(axis: str, parts: list[pl.DataFrame]) -> pl.DataFrame:
    """A line a name or stretch of time, with the totals of the rows that have one."""
    lines = _stretches(pl.concat(parts)) if axis == "time" else _summed(parts)
    whole = lines.filter(pl.col("level") == _LEVELS[0]) if axis == "time" else lines
    if axis != "time":
        lines = lines.with_columns(low=pl.lit(None, pl.Float64), high=pl.lit(None, pl.Float64))
    totals = [pl.lit(int(whole[name].sum())).alias(f"all_{name}") for name in ("rows", *KINDS)]
    return lines.select(pl.lit(axis).alias("by"), "name", "rows", *KINDS, *totals, "low", "high")


def _stretches(rows: pl.DataFrame) -> pl.DataFrame:
    """Stretches of time of n/2, n/4, ... rows each."""
    n, ordered = len(rows), rows.sort("name")
    cut = [
        ordered.with_columns(at=pl.int_range(n) * 2**level // n, level=level) for level in _LEVELS
    ]
    whole = pl.concat(cut).group_by("level", "at")
    lines = whole.agg(
        pl.col("name").min().alias("low"),
        pl.col("name").max().alias("high"),
        pl.len().cast(pl.Int64).alias("rows"),
        pl.col(*KINDS).cast(pl.Int64).sum(),
    )
    return lines.with_columns(name=pl.lit("")).sort("level", "at")


def _sure(lines: pl.DataFrame, alpha: float) -> tuple[dict[str, Any], ...]:
    """The lines whose chance, times the number of chances, is at most alpha; surest first."""
    sure: list[dict[str, Any]] = []
    for kind in KINDS:
        many = pl.col(kind) / pl.col("rows") >= TWICE * pl.col(f"all_{kind}") / pl.col("all_rows")
        some = lines.filter((pl.col(kind) > 0) & many)
        chance = hypergeom.sf(
            some[kind].to_numpy() - 1,
            *(some[c].to_numpy() for c in ("all_rows", f"all_{kind}", "rows")),
        )
        tried = len(lines) * len(KINDS)
        found = some.with_columns(kind=pl.lit(kind), flagged=pl.col(kind), p_value=chance * tried)
        sure += found.filter(pl.col("p_value") <= alpha).to_dicts()
    sure.sort(key=lambda one: (one["p_value"], -one["flagged"], one["by"], one["name"]))
    told: list[dict[str, Any]] = []
    for one in sure:
        if not any(_overlap(one, other) for other in told):
            told.append(one)
    return tuple(map(_plain, told[:MOST]))


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    if "time" not in (one["by"], other["by"]) or one["by"] != other["by"]:
        return False
    return bool(
        one["kind"] == other["kind"] and one["low"] <= other["high"] >= other["low"] <= one["high"]
    )


def _plain(one: dict[str, Any]) -> dict[str, Any]:
    name = f"{_when(one['low'])} to {_when(one['high'])}" if one["by"] == "time" else one["name"]
    rate = one["flagged"] / one["rows"]
    kept = {key: one[key] for key in ("by", "kind", "rows", "flagged", "p_value")}
    return {**kept, "name": " ".join(name.split())[:_LONG], "rate": rate}


def _when(seconds: float) -> str:
    """A time as people write it, where it counts from 1970.

    >>> _when(1_700_000_000.0), _when(42.0)
    ('2023-11-14T22:13:20Z', '42')
    """
    if not _SINCE <= seconds < 2**35:
        return f"{seconds:g}"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
