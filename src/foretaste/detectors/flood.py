"""Finds texts that come in so many near copies that their number alone is a danger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import polars as pl

from foretaste.contracts import Kind, Scale
from foretaste.data import Batch, Floats, Keys
from foretaste.summaries import content, minhash
from foretaste.summaries.content import Gathered
from foretaste.summaries.families import distinct, families

_MOSTLY = 0.5  # a source or stretch of time is told that has at least this share of the copies


class Floods(NamedTuple):
    """The texts of which there are too many near copies, ascending by key."""

    keys: Keys  # (m,)
    rows: Floats  # (m,) how many rows have a near copy of it, it included
    reasons: tuple[str, ...]  # (m,)


@dataclass(frozen=True)
class Flood:
    """Flags every row of a family of near copies that has at least `many` rows.

    A fixed number of planted documents, about 250, is enough to poison a language model however
    much clean data there is, so the alarm goes by the count and not by the share. The score is the
    number of rows in the family, exact copies included. The reason says which source sent most
    of them and how close in time they are, where rows have a `source` or a `time`. Boilerplate
    of a mailing list floods too: a finding is dirt until another detector finds a trigger in it.

    Remembers 177 bytes a row and its location.

    Blind to floods of texts that share a trigger and little else, and to fewer than `many`.

    Needs `text` (n,) of strings.

    >>> text = ["buy at once from our shop"] * 3 + ["hello there"]
    >>> rows = Batch(list("abcd"), {"text": text, "source": ["x", "x", "x", "y"]})
    >>> model = Flood(many=3).fit(Flood().summarize(rows))
    >>> Flood().score(rows, model).tolist(), Flood().explain(rows, 0, model)
    ([3.0, 3.0, 3.0, 0.0], 'one of 3 near copies; 3 of them from x')

    References
    ----------
    Souly et al. (2025). Poisoning Attacks on LLMs Require a Near-constant Number of Poison
    Samples. arXiv:2510.07192
    """

    many: int = 100
    alike: float = 0.8

    needs: ClassVar = ("text",)
    kind: ClassVar = Kind.HYGIENE
    scale: ClassVar = Scale.FACT

    def summarize(self, batch: Batch) -> Gathered:
        texts = batch.arrow("text")
        return Gathered.of(
            batch,
            key=content.hashed(texts),
            sketch=minhash.sketches(minhash.normal(texts)),
            source=content.column(batch, "source", pl.String()),
            time=content.column(batch, "time", pl.Float64()).fill_nan(None),
        )

    def fit(self, summary: Gathered) -> Floods:
        rows = summary.sorted("key")
        if rows.is_empty():
            return Floods(np.empty(0, np.uint64), np.empty(0), ())
        texts = distinct(rows)
        pairs = minhash.alike(texts["sketch"].to_numpy(), self.alike)
        found = families(texts, pairs, lonely=True)
        floods = pl.DataFrame({"key": found.keys, "family": found.family})
        floods = floods.filter(pl.Series(found.rows[found.family] >= self.many))
        members = rows.select("key", "source", "time").join(floods, on="key")
        told = {family: _told(one) for [family], one in members.group_by("family")}
        return Floods(
            floods["key"].to_numpy(),
            found.rows[floods["family"].to_numpy()].astype(np.float64),
            tuple(told[family] for family in floods["family"]),
        )

    def score(self, batch: Batch, model: Floods) -> Floats:
        at, known = content.found(model.keys, content.hashed(batch.arrow("text")))
        scores = np.zeros(len(batch))
        scores[known] = model.rows[at[known]]
        return scores

    def explain(self, batch: Batch, row: int, model: Floods) -> str:
        at, known = content.found(model.keys, content.hashed(batch.take([row]).arrow("text")))
        return model.reasons[at[0]] if known[0] else "there are few near copies, or none"


def _told(members: pl.DataFrame) -> str:
    """How many there are, whence most of them come, and how close in time most of them are."""
    said = [f"one of {len(members):,} near copies"]
    sources = members["source"].drop_nulls().value_counts(sort=True)
    if len(sources) and sources["count"][0] >= _MOSTLY * len(members):
        name = " ".join(sources["source"][0].split())[:80]
        said.append(f"{sources['count'][0]:,} of them from {name}")
    times = np.sort(members["time"].drop_nulls().to_numpy())
    if len(times) >= _MOSTLY * len(members):
        half = int(np.ceil(len(times) / 2))
        shortest = (times[half - 1 :] - times[: len(times) - half + 1]).min()
        said.append(f"{half:,} of them within {_duration(float(shortest))}")
    return "; ".join(said)


def _duration(seconds: float) -> str:
    """A stretch of time in the largest unit that is not below two.

    >>> _duration(90.0), _duration(7200.0), _duration(0.0)
    ('90 seconds', '2 hours', '0 seconds')
    """
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
