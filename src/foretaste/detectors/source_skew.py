"""Finds sources whose labels contradict their content more than the labels of others do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import polars as pl
from scipy.stats import binom

from foretaste.contracts import Kind, Scale
from foretaste.data import Array, Batch, Floats, Ints, Mask
from foretaste.summaries import content

MOST_SURPRISE = 300.0  # beyond it a p-value is no longer a number
_COUNTS = ("rows", "against", "expected")
_ROUNDS = 5  # of learning what is usual without those that are not
_SURPRISING = 3.0  # -log10 of a chance that makes a source no standard for others
_MEDIAN = 0.455  # of a squared standard normal number


class Skew(NamedTuple):
    """What is known of one source and one label, where it is too much for chance."""

    surprise: float  # -log10 of the p-value, for all sources and labels tried
    rows: int  # of the source whose content speaks for another label
    against: int  # of these, those that have this label
    expected: float  # how many would, if the source were like all others


@dataclass(frozen=True)
class Counts:
    """Frames of source, label, rows, against, expected; grows by a line a source and label."""

    parts: tuple[pl.DataFrame, ...]

    def merge(self, other: Counts) -> Counts:
        return Counts(self.parts + other.parts)


@dataclass(frozen=True)
class SourceSkew:
    """Suspects rows labelled against their content by a source that does so too often.

    For each source and label it counts the rows that have the label although the model, which has
    not seen them, speaks for another; and how many would, were the label drawn as the model
    says, corrected by what all other sources do. Sources of hard content are so expected to
    contradict more. The score is -log10 of the chance of so many (binomial, widened by how much
    sources differ from each other), for all sources and labels tried; 0 for rows whose label
    the model shares, and where the excess is under `least` rows or under `times` the expected.

    Remembers a line for each source and label, batch by batch.

    Blind to a flipper spread over many sources, and to flips the model has learned to repeat.

    Needs `source` (n,) of strings, `label` (n,) of class codes and `prediction` (n, k), the
    probabilities of each class by a model that was not shown the row.

    >>> wrong = np.eye(2)[[0] * 60]
    >>> columns = {"source": ["a"] * 40 + ["b"] * 20, "label": [0] * 40 + [1] * 20}
    >>> rows = Batch(map(str, range(60)), columns | {"prediction": wrong * 0.98 + 0.01})
    >>> model = SourceSkew().fit(SourceSkew().summarize(rows))
    >>> scores = SourceSkew().score(rows, model)
    >>> float(scores[:40].max()), bool(scores[40:].min() > 10)
    (0.0, True)

    References
    ----------
    Dawid, Skene (1979). Maximum Likelihood Estimation of Observer Error-Rates. doi:10.2307/2346806
    """

    least: int = 5
    times: float = 3.0

    needs: ClassVar = ("source", "label", "prediction")
    kind: ClassVar = Kind.ATTACK
    scale: ClassVar = Scale.SURPRISE

    def summarize(self, batch: Batch) -> Counts:
        if not len(batch):
            return Counts(())
        label, prediction = batch["label"], batch["prediction"]
        usable = _usable(label, prediction)
        sources = content.column(batch, "source", pl.String())
        told = np.where(usable, np.nan_to_num(prediction).argmax(axis=1), -1)
        lines = [
            pl.DataFrame(
                {
                    "source": sources,
                    "label": np.full(len(batch), k),
                    "rows": (usable & (told != k)).astype(np.int64),
                    "against": (usable & (told != k) & (label == k)).astype(np.int64),
                    "expected": np.where(usable & (told != k), prediction[:, k], 0.0),
                }
            )
            for k in range(prediction.shape[1])
        ]
        return Counts((_summed(lines),))

    def fit(self, summary: Counts) -> dict[tuple[str, int], Skew]:
        if not summary.parts:
            return {}
        lines = _summed(list(summary.parts)).filter(pl.col("rows") > 0).sort("source", "label")
        rows, against, expected = _expected(lines)
        logs = _chance(rows, against, expected)
        surprise = -logs / _width(against, expected, rows) - np.log10(max(len(lines), 1))
        enough = (against - expected >= self.least) & (against >= self.times * expected)
        kept = np.flatnonzero(enough & (surprise > 0))
        names, labels = lines["source"].to_list(), lines["label"].to_list()
        return {
            (names[i], labels[i]): Skew(
                min(float(surprise[i]), MOST_SURPRISE),
                int(rows[i]),
                int(against[i]),
                float(expected[i]),
            )
            for i in kept
        }

    def score(self, batch: Batch, model: dict[tuple[str, int], Skew]) -> Floats:
        label, prediction = batch["label"], batch["prediction"]
        usable = _usable(label, prediction)
        told = np.nan_to_num(prediction).argmax(axis=1) if len(batch) else label
        scores = np.zeros(len(batch))
        for row in np.flatnonzero(usable & (told != label)) if model else ():
            skew = model.get((batch["source"][row], int(label[row])))
            scores[row] = skew.surprise if skew else 0.0
        return scores

    def explain(self, batch: Batch, row: int, model: dict[tuple[str, int], Skew]) -> str:
        source, label = batch["source"][row], int(batch["label"][row])
        skew = model.get((source, label))
        if skew is None or not self.score(batch.take([row]), model)[0]:
            return "its source labels such content as others do"
        name = " ".join(str(source).split())[:80]
        return (
            f"source {name} calls {skew.against} of {skew.rows} rows {batch.class_name(label)} "
            f"whose content speaks for another class; {skew.expected:.1f} were to be expected"
        )


def _usable(label: Ints, prediction: Array) -> Mask:
    known = np.isfinite(prediction).all(axis=1)
    return np.asarray(known & (label >= 0) & (label < prediction.shape[1]))


def _summed(parts: list[pl.DataFrame]) -> pl.DataFrame:
    return (
        pl.concat(parts)
        .drop_nulls("source")
        .group_by("source", "label")
        .agg(pl.col(*_COUNTS).sum())
    )


def _expected(lines: pl.DataFrame) -> tuple[Ints, Ints, Floats]:
    """Rows, rows against the model, and how many these would be by the standard of the others.

    How much more often than the model says a label is given to such rows, is learned from all
    sources; then again without those that this standard already finds surprising.
    """
    rows, against, said = (lines[name].to_numpy() for name in _COUNTS)
    label = lines["label"].to_numpy()
    fair = np.ones(len(lines), bool)
    expected = said
    for _ in range(_ROUNDS):
        seen, told = (np.bincount(label, of * fair) for of in (against, said))
        expected = np.minimum(said * ((seen + 1) / (told + 1))[label], rows)
        fair = _chance(rows, against, expected) > -_SURPRISING
    return rows, against, expected


def _chance(rows: Ints, against: Ints, expected: Floats) -> Floats:
    """log10 of the chance of so many or more."""
    logs: Floats = binom.logsf(against - 1, rows, expected / np.maximum(rows, 1)) / np.log(10)
    return logs


def _width(against: Array, expected: Floats, rows: Array) -> float:
    """How much wider than binomial the counts of sources are spread: a robust variance, from 1."""
    variance = np.maximum(expected * (1 - expected / np.maximum(rows, 1)), 0.5)
    if not len(rows):
        return 1.0
    squares = (against - expected) ** 2 / variance
    return max(1.0, float(np.quantile(squares, 0.5, method="lower")) / _MEDIAN)
