"""Finds values that cannot be meant: gaps, infinities, words among numbers, misspelt categories."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import polars as pl

from foretaste.contracts import Kind, Scale
from foretaste.data import Batch, Floats
from foretaste.summaries.fields import (
    OCTAVES,
    Field,
    Fields,
    is_number,
    octave,
    table_of,
)

FEW = 100  # rows below which nothing is called usual
OFTEN = 50  # rows that make a category an established one
RARE = 2  # rows of a category that may be a slip, and how many such there may be
_TOLD = 3  # broken fields that a reason names


class Custom(NamedTuple):
    """What is usual in one field."""

    full: bool  # nearly every row has a value
    numeric: bool  # strings that nearly all read as numbers
    longest: int  # the octave of length above which a value is absurd
    odd: Mapping[str, str]  # categories that break the custom -> why


@dataclass(frozen=True)
class SchemaBreak:
    """Flags rows in which a field breaks what nearly all rows keep to.

    A field breaks when it is missing where at least `usual` of the rows have it, infinite, a word
    where the others are numbers, sixteen times as long as 999 of 1000 are, a category
    that is written differently from a frequent one ("TCP" for "tcp"), or one seen once or twice
    where every other is seen at least fifty times. The score is the number of broken fields.

    Remembers counts, and each field's values where there are no more than 2,000.

    Blind to values that are possible and wrong.

    Needs `features`: a struct of numbers and strings (n,), or numbers (n, d).

    >>> values = [[1.0, 2.0]] * 200 + [[float("inf"), float("nan")]]
    >>> rows = Batch(map(str, range(201)), {"features": values})
    >>> model = SchemaBreak().fit(SchemaBreak().summarize(rows))
    >>> SchemaBreak().score(rows, model)[-2:].tolist(), SchemaBreak().explain(rows, 200, model)
    ([0.0, 2.0], '0: infinite; 1: missing, where 200 of 201 rows have it')

    References
    ----------
    Schelter et al. (2018). Automating Large-Scale Data Quality Verification.
    doi:10.14778/3229863.3229867
    """

    usual: float = 0.99

    needs: ClassVar = ("features",)
    kind: ClassVar = Kind.HYGIENE
    scale: ClassVar = Scale.FACT

    def summarize(self, batch: Batch) -> Fields:
        return Fields.of(table_of(batch))

    def fit(self, summary: Fields) -> dict[str, tuple[Custom, Field]]:
        return {name: (self._custom(field), field) for name, field in summary.fields.items()}

    def score(self, batch: Batch, model: Mapping[str, tuple[Custom, Field]]) -> Floats:
        scores = np.zeros(len(batch))
        table = table_of(batch)
        for name in (name for name in table.columns if name in model):
            broken = [mask.fill_null(value=False) for mask, _ in _breaks(table[name], *model[name])]
            scores += np.any([mask.to_numpy() for mask in broken], axis=0)
        return scores

    def explain(self, batch: Batch, row: int, model: Mapping[str, tuple[Custom, Field]]) -> str:
        table = table_of(batch.take([row]))
        said = [
            f"{name}: {why}"
            for name in table.columns
            if name in model
            for mask, why in _breaks(table[name], *model[name])
            if mask[0]
        ]
        more = [f"and {len(said) - _TOLD} more"] if len(said) > _TOLD else []
        return " ".join("; ".join([*said[:_TOLD], *more]).split()) or "all fields are as usual"

    def _custom(self, field: Field) -> Custom:
        present = field.rows - field.missing
        enough = field.rows >= FEW
        return Custom(
            full=enough and present >= self.usual * field.rows,
            numeric=enough and self.usual * present <= field.numbers < present,
            longest=_longest(field) if enough else OCTAVES,
            odd=_odd(field.kinds or {}) if enough else {},
        )


def _breaks(values: pl.Series, custom: Custom, field: Field) -> Iterator[tuple[pl.Series, str]]:
    """Which rows break the custom, and how; a row may do so in several ways."""
    if custom.full:
        gone = values.is_null()
        gone |= values.is_nan() if values.dtype.is_float() else gone
        had = f"{field.rows - field.missing:,} of {field.rows:,} rows have it"
        yield gone.fill_null(value=True), f"missing, where {had}"
    if values.dtype.is_float():
        yield values.is_infinite(), "infinite"
    if values.dtype == pl.String:
        if custom.numeric:
            yield ~is_number(values) & values.is_not_null(), "not a number, where nearly all are"
        yield octave(values) > custom.longest, "absurdly long for this field"
        for kind, why in custom.odd.items():
            yield values == kind, why


def _longest(field: Field) -> int:
    """Four octaves above the one that all but one value, or one in a thousand, stay within."""
    values = int(field.lengths.sum())
    return int(np.searchsorted(np.cumsum(field.lengths), values - max(1, values // 1000))) + 4


def _odd(kinds: Mapping[str, int]) -> dict[str, str]:
    """Categories that are another one written differently, or next to never seen."""
    often = {_plain(kind): kind for kind, rows in kinds.items() if rows >= OFTEN}
    twins = {kind: often.get(_plain(kind), kind) for kind in kinds}
    odd = {
        kind: f"{kind[:40]!r}, where {kinds[twin]:,} rows have {twin[:40]!r}"
        for kind, twin in twins.items()
        if twin != kind and kinds[kind] * OFTEN <= kinds[twin]
    }
    rare = [kind for kind in kinds if kinds[kind] <= RARE and kind not in odd]
    common = [kind for kind in kinds if kinds[kind] >= OFTEN]
    if len(rare) <= RARE and len(rare) + len(common) + len(odd) == len(kinds) and len(common) > 1:
        why = f"is none of the {len(common)} values seen {OFTEN} times or more"
        odd |= {kind: f"{kind[:40]!r} {why}" for kind in rare}
    return odd


def _plain(kind: str) -> str:
    """A category without case, spaces and punctuation."""
    return "".join(filter(str.isalnum, kind.casefold())) or kind
