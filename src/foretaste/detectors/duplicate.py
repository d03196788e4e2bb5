"""Finds rows that say exactly what an earlier row says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import polars as pl

from foretaste.contracts import Kind, Scale
from foretaste.data import Batch, Floats, Ints, Keys, Mask
from foretaste.summaries import content
from foretaste.summaries.content import Gathered

NAMED = 4  # rows named in a reason


class Copies(NamedTuple):
    """The contents that more than one row has, ascending by key."""

    keys: Keys  # (m,)
    rows: Ints  # (m,) how many rows
    first: Ints  # (m,) the index of the first of them; -1 where rows have no index
    names: tuple[tuple[str, ...], ...]  # (m,) where the first few of them stand


@dataclass(frozen=True)
class Duplicate:
    """Flags every exact copy of an earlier row, whatever the labels of the two.

    The score is the number of other rows with the same content; the first of them, which a
    cleaner data set would keep, scores 0. Without a column `index` none is the first.

    Remembers 16 bytes a row and its location.

    Blind to copies that differ in one letter or pixel, and to rows it has not been shown.

    Needs nothing in particular: content is whatever there is of text, prompt, response,
    rejected answer, image, features and item.

    >>> rows = Batch(list("abc"), {"text": ["hi", "ho", "hi"], "index": [0, 1, 2]})
    >>> model = Duplicate().fit(Duplicate().summarize(rows))
    >>> Duplicate().score(rows, model).tolist(), Duplicate().explain(rows, 2, model)
    ([0.0, 0.0, 1.0], 'exactly the same content as 1 other row: row 0')

    References
    ----------
    Lee et al. (2022). Deduplicating Training Data Makes Language Models Better. arXiv:2107.06499
    """

    needs: ClassVar = ()
    kind: ClassVar = Kind.HYGIENE
    scale: ClassVar = Scale.FACT

    def summarize(self, batch: Batch) -> Gathered:
        return Gathered.of(batch, key=content.keys(batch))

    def fit(self, summary: Gathered) -> Copies:
        rows = summary.sorted("key")
        if rows.is_empty():
            return Copies(np.empty(0, np.uint64), np.empty(0, int), np.empty(0, int), ())
        copied = rows.filter((pl.col("key") != 0) & pl.col("key").is_duplicated())
        groups = copied.group_by("key", maintain_order=True)
        found = groups.agg(pl.len().cast(pl.Int64), pl.col("index", "location").head(NAMED))
        found = found.sort("key")
        first = found["index"].list.first().fill_null(-1).to_numpy()
        names = content.places(found["location"], found["index"])
        return Copies(found["key"].to_numpy(), found["len"].to_numpy(), first, names)

    def score(self, batch: Batch, model: Copies) -> Floats:
        at, known = _looked_up(batch, model)
        others = np.zeros(len(batch))
        others[known] = model.rows[at[known]] - 1
        others[known & _first(batch, at, model)] = 0
        return others

    def explain(self, batch: Batch, row: int, model: Copies) -> str:
        one = batch.take([row])
        at, known = _looked_up(one, model)
        if not known[0]:
            return "no other row has the same content"
        names = model.names[at[0]]
        own = content.own_name(one)
        others = [name for name in names if name != own][: NAMED - 1]
        first = "the first of the rows with this content; " if _first(one, at, model)[0] else ""
        count = int(model.rows[at[0]]) - 1
        return f"{first}exactly the same content as {content.listed(others, count)}"


def _looked_up(batch: Batch, model: Copies) -> tuple[Ints, Mask]:
    """Where each row's content stands in the model, and whether it does."""
    return content.found(model.keys, content.keys(batch))


def _first(batch: Batch, at: Ints, model: Copies) -> Mask:
    if "index" not in batch or not len(model.first):
        return np.zeros(len(batch), bool)
    return np.asarray(batch["index"] == model.first[at])
