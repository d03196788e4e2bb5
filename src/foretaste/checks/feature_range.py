"""Values that trusted records hardly ever have, field by field."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from foretaste.data import Batch, Floats, Mask
from foretaste.streaming import Aspect
from foretaste.summaries.fields import table_of
from foretaste.surprise import Tail

_KNOTS = 96  # values of a number that are remembered, most of them rare ones
_FEW = 40  # records that are looked up all at once
_KINDS = 5_000  # values of a field of strings that are remembered
_FOLDS = 3
_INSIDE = 2.5  # digits; honest drift makes values that were rare frequent, so they count no more
_FARTHEST = 1e12  # spreads; what is farther counts as this far


@dataclass(frozen=True, eq=False)
class Ranges:
    """What values trusted records have, and how rare each is, in digits.

    numbers: names of the fields of numbers; strings: of strings
    knots:   (m, q) values of each number, rising, the last repeated to fill the row
    low:     (m, q + 1) by how many knots are below a value: how rare are values as low
    high:    (m, q + 1) by how many knots are at most the value: how rare are values as high
    least, most, spread: (m,) of each number
    gone:    (m,) how rare a missing number is
    kinds:   of each field of strings the values; rare: their rareness, last of an unseen value
    odds:    (s,) how rare a missing string is
    """

    numbers: tuple[str, ...]
    strings: tuple[str, ...]
    knots: Floats
    low: Floats
    high: Floats
    least: Floats
    most: Floats
    spread: Floats
    gone: Floats
    kinds: tuple[tuple[str, ...], ...]
    rare: tuple[Floats, ...]
    odds: Floats

    @classmethod
    def of(cls, table: pl.DataFrame) -> Ranges:
        """Of trusted rows."""
        names = [c.name for c in table if c.dtype != pl.String]
        words = [c.name for c in table if c.dtype == pl.String]
        lines = [_line(_amounts(table, name)) for name in names]
        told = [_kinds(table[name]) for name in words]
        empty = np.zeros((0, _KNOTS))
        knots, low, high, ends, gone = zip(*lines, strict=True) if lines else ((),) * 5
        least, most, spread = np.array(ends).reshape(-1, 3).T
        return cls(
            tuple(names), tuple(words),
            np.stack(knots) if lines else empty, np.stack(low) if lines else empty,
            np.stack(high) if lines else empty, least, most, spread, np.array(gone),
            tuple(kinds for kinds, _, _ in told), tuple(rare for _, rare, _ in told),
            np.array([odds for _, _, odds in told]),
        )  # fmt: skip

    def rareness(self, table: pl.DataFrame) -> Floats:
        """(n, fields) digits; numbers first."""
        found = np.zeros((len(table), len(self.numbers) + len(self.strings)))
        if self.numbers:
            found[:, : len(self.numbers)] = self._of_numbers(_matrix(table, self.numbers)).T
        for at, name in enumerate(self.strings):
            found[:, len(self.numbers) + at] = self._of_strings(at, table, name)
        return found

    def _of_numbers(self, values: Floats) -> Floats:
        """(m, n) of (m, n)."""
        if values.shape[1] <= _FEW:
            below = (self.knots[:, None] < values[:, :, None]).sum(axis=2)
            until = (self.knots[:, None] <= values[:, :, None]).sum(axis=2)
        else:
            pairs = list(zip(self.knots, values, strict=True))
            below = np.stack([np.searchsorted(k, v, side="left") for k, v in pairs])
            until = np.stack([np.searchsorted(k, v, side="right") for k, v in pairs])
        field = np.arange(len(values))[:, None]
        found = np.maximum(self.low[field, below], self.high[field, until])
        found = np.minimum(found, _INSIDE)
        over = np.maximum(values - self.most[:, None], self.least[:, None] - values)
        out = over > 0
        far = np.minimum(over / self.spread[:, None], _FARTHEST)[out]
        found[out] = _INSIDE + np.log10(1 + 10 * far)
        missing = np.isnan(values)
        found[missing] = np.broadcast_to(self.gone[:, None], values.shape)[missing]
        return np.asarray(found)

    def _of_strings(self, at: int, table: pl.DataFrame, name: str) -> Floats:
        if name not in table.columns:
            return np.full(len(table), self.odds[at])
        kinds, column = self.kinds[at], table[name]
        if len(column) <= _FEW:
            places = _places(kinds)
            rare = self.rare[at]
            return np.array([
                self.odds[at] if one is None else rare[places.get(one, len(kinds))]
                for one in column.to_list()
            ])  # fmt: skip
        arrow = column.to_arrow()
        codes = pc.fill_null(pc.index_in(arrow, value_set=pa.array(kinds, arrow.type)), len(kinds))
        found = self.rare[at][codes.to_numpy(zero_copy_only=False)]
        return np.where(column.is_null().to_numpy(), self.odds[at], found)


@lru_cache(maxsize=256)
def _places(kinds: tuple[str, ...]) -> dict[str, int]:
    return {kind: place for place, kind in enumerate(kinds)}


@dataclass(frozen=True, eq=False)
class Usual:
    """How rare values are, and how rare the rarest value of an honest record is."""

    ranges: Ranges
    tail: Tail


@dataclass(frozen=True)
class FeatureRange:
    """Holds records with a value that trusted ones hardly ever have, or never.

    A number is as rare as trusted values at least as low, or as high, are, to one in 300; beyond
    all of them it is the rarer the farther it is out. A string is as rare as all strings that are
    no more frequent, to one in 300; one never seen is as rare as strings seen once were. A missing
    value is as rare as missing ones were. The rarest of a record's values is its score, and how
    rare that is for honest records is told by trusted rows that were not counted, stretch by
    stretch: so it pays for all fields.

    Blind to usual values in unusual company, and to unusual ones inside the range of a number.

    Needs `features`, a struct of numbers and strings or (n, d) of numbers.

    >>> ages = np.random.default_rng(0).normal(40, 10, (2000, 1))
    >>> check = FeatureRange()
    >>> state = check.start(Batch(range(2000), {"features": ages}))
    >>> asked = Batch(list("abc"), {"features": [[41.0], [900.0], [float("nan")]]})
    >>> (check.judge(asked, state)[0] > 3).tolist()
    [False, True, True]

    References
    ----------
    Breck et al. (2019). Data Validation for Machine Learning. MLSys.
    https://mlsys.org/Conferences/2019/doc/2019/167.pdf
    Good (1953). The population frequencies of species. doi:10.1093/biomet/40.3-4.237
    """

    needs: ClassVar = ("features",)
    aspect: ClassVar = Aspect.INTEGRITY

    def start(self, trusted: Batch) -> Usual:
        table = table_of(trusted)
        fold = np.arange(len(table)) * _FOLDS // max(1, len(table))
        rarest = np.zeros(len(table))
        for one in range(_FOLDS):
            if (fold != one).any() and (fold == one).any():
                ranges = Ranges.of(table.filter(fold != one))
                rarest[fold == one] = _rarest(ranges, table.filter(fold == one))
        return Usual(Ranges.of(table), Tail.of(rarest))

    def judge(self, batch: Batch, state: Usual) -> tuple[Floats, Usual]:
        return state.tail.surprise(_rarest(state.ranges, table_of(batch))), state

    def learn(self, window: Batch, admitted: Mask, state: Usual) -> Usual:
        return state

    def explain(self, batch: Batch, row: int, state: Usual) -> str:
        alone = {"features": batch.arrow("features").slice(row, 1)}
        table = table_of(Batch(["asked"], alone))
        rareness = state.ranges.rareness(table)[0]
        if not len(rareness):
            return "has no fields"
        at = int(rareness.argmax())
        name = (*state.ranges.numbers, *state.ranges.strings)[at]
        value = table[name][0] if name in table.columns else None
        said = f"{name} is {str(value)[:80]!r}, which 1 in {10 ** min(rareness[at], 12):.3g}"
        if at < len(state.ranges.numbers):
            least, most = state.ranges.least[at], state.ranges.most[at]
            said += f" trusted records would have (they range from {least:.4g} to {most:.4g})"
        return " ".join(said.split())


def _rarest(ranges: Ranges, table: pl.DataFrame) -> Floats:
    return np.asarray(ranges.rareness(table).max(axis=1, initial=0.0))


def _matrix(table: pl.DataFrame, names: tuple[str, ...]) -> Floats:
    """(m, n) numbers; NaN where missing. Column by column, since a query takes milliseconds."""
    there = {column.name: column for column in table.get_columns()}
    if all(name in there and there[name].dtype == pl.Float64 for name in names):
        return np.stack([there[name].to_numpy() for name in names])
    return np.stack([_amounts(table, name) for name in names])


def _amounts(table: pl.DataFrame, name: str) -> Floats:
    if name not in table.columns:
        return np.full(len(table), np.nan)
    column = table[name]
    if column.dtype == pl.Float64 and not column.null_count():
        return column.to_numpy()
    return column.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()


def _line(values: Floats) -> tuple[Floats, Floats, Floats, tuple[float, float, float], float]:
    """Knots, rareness as low and as high, least, most and spread, rareness of none at all."""
    n = len(values)
    known = np.sort(np.clip(values[~np.isnan(values)], -1e300, 1e300))
    gone = np.log10((n + 1) / (n - len(known) + 1))
    if not len(known):
        nothing = np.zeros(_KNOTS + 1)
        return np.zeros(_KNOTS), nothing, nothing, (0.0, 0.0, 1.0), 0.0
    steps = np.geomspace(1, max(2, len(known) // 2), _KNOTS // 2).astype(np.int64)
    ranks = np.unique(np.clip(np.concatenate([steps - 1, len(known) - steps]), 0, len(known) - 1))
    knots = np.resize(known[ranks], _KNOTS)
    knots[len(ranks) :] = known[-1]
    lower = np.searchsorted(known, knots, side="right")  # how many are at most a knot
    upper = len(known) - np.searchsorted(known, knots, side="left")
    low = np.log10((n + 1) / (np.append(lower, len(known)) + 1))
    high = np.log10((n + 1) / (np.append(len(known), upper) + 1))
    least, middle, most = known[0], np.median(known), known[-1]
    low_end, high_end = np.quantile(known, (0.01, 0.99))
    spread = max(high_end - low_end, (most - least) / 100, abs(middle) * 1e-6, 1e-9)
    return knots, low, high, (float(least), float(most), float(spread)), float(gone)


def _kinds(column: pl.Series) -> tuple[tuple[str, ...], Floats, float]:
    """Values, their rareness and that of an unseen one, and that of a missing one."""
    n = len(column)
    counts = column.drop_nulls().alias("kind").value_counts(name="rows")
    counts = counts.sort(["rows", "kind"], descending=[True, False]).head(_KINDS)
    rows = counts["rows"].to_numpy().astype(np.float64)
    seen = rows.sum()
    below = np.array([rows[rows <= one].sum() for one in np.unique(rows)])
    share = below[np.searchsorted(np.unique(rows), rows)] + (n - column.null_count() - seen)
    unseen = (rows == 1).sum() + (n - column.null_count() - seen)
    rare = np.log10((n + 1) / (np.append(share, unseen) + 1))
    rare[:-1] = np.minimum(rare[:-1], _INSIDE)
    missing = float(np.log10((n + 1) / (column.null_count() + 1)))
    return tuple(counts["kind"].to_list()), rare, missing
