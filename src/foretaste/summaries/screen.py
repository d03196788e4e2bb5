"""A quick look at every item at once: which might override the rest of their rows?"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from foretaste.data import Floats, Ints
from foretaste.summaries.linear import Halves, enough, halves, leaning
from foretaste.summaries.mixture import evidence

_LEARN = 1_000_000  # items, of as many rows as have them, that the models learn from
_CALIBRATED = 20_000  # rows that margins are calibrated on
_LEAST = 8  # rows: fewer prove nothing
_FULLEST = 0.25  # items in more of the rows than this are no triggers
_LOOKED = 200  # items looked at closely
_KEPT = 5  # suspects worth a trial
_DIGITS = 3.0  # of evidence that make a suspect


class Runs(NamedTuple):
    """One entry for every row and cluster of columns in it."""

    row: Ints  # (r,)
    cluster: Ints  # (r,)
    against: Floats  # (r,) log-likelihood ratio: the row without the cluster belies its label


def suspects(table: Any, shares: Any, labels: Ints, cluster: Ints) -> list[tuple[int, int]]:
    """Columns and labels, most suspicious first.

    For every row and cluster of columns in it: the margin of the row's own label by a model that
    has not seen the row, less what the cluster itself adds to it. Of the rows that hold a cluster
    and share a label, "reads like another label" is compared with all rows of that label.
    """
    k = int(labels.max()) + 1
    targets = np.eye(k, dtype=np.float32)[labels] if k > 2 else labels[:, None].astype(np.float32)
    learnt = np.arange(enough(shares, np.arange(len(labels)), _LEARN))
    models = halves(shares, targets, learnt)
    runs = _runs(models, shares, labels, cluster)
    cells = runs.cluster * k + labels[runs.row]
    best = _strongest(cells, _standing_out(runs, cells, labels, cluster, k), runs.against)
    return [(_column(table, labels == c % k, cluster, c // k), c % k) for c in best]


def _runs(models: Halves, shares: Any, labels: Ints, cluster: Ints) -> Runs:
    lengths = np.diff(shares.indptr)
    row, column = np.repeat(np.arange(len(labels)), lengths), shares.indices
    several = models.weights[0].shape[1] > 1
    question = labels if several else np.zeros(len(labels), np.int64)
    sign = np.ones(len(labels)) if several else np.where(labels == 1, 1.0, -1.0)
    one, two = (w[column, question[row]] for w in models.weights)
    adds = (one * models.unseen[row, 0] + two * models.unseen[row, 1]) * shares.data * sign[row]
    new = np.ones(len(row), bool)
    new[1:] = (row[1:] != row[:-1]) | (cluster[column[1:]] != cluster[column[:-1]])
    starts = np.flatnonzero(new)
    margins = models.margins(shares)
    own = np.add.reduceat(adds, starts) if len(starts) else np.zeros(0)
    rest = (sign * margins[np.arange(len(labels)), question])[row[starts]] - own
    return Runs(row[starts], cluster[column[starts]], _against(margins, labels, row[starts], rest))


def _against(margins: Floats, labels: Ints, row: Ints, rest: Floats) -> Floats:
    """How much the rest of each row speaks against its label, calibrated label by label."""
    several = margins.shape[1] > 1
    said = np.zeros(len(rest))
    learnt = slice(0, _CALIBRATED)
    for label in np.unique(labels):
        of_label = margins[:, label] if several else margins[:, 0] * (1 if label == 1 else -1)
        mine = labels[row] == label
        said[mine] = leaning(of_label[learnt], labels[learnt] == label)(rest[mine])
    return said


def _standing_out(runs: Runs, cells: Ints, labels: Ints, cluster: Ints, k: int) -> Ints:
    """The cells whose rows read most like rows of other labels, by a z-score."""
    strange = 1 / (1 + np.exp(-runs.against))
    label = labels[runs.row]
    size = np.maximum(np.bincount(label, minlength=k), 1)
    mean = np.bincount(label, strange, k) / size
    spread = np.sqrt(np.bincount(label, (strange - mean[label]) ** 2, k) / size) + 1e-9
    width = (int(cluster.max()) + 1 if len(cluster) else 0) * k
    count = np.bincount(cells, minlength=width)
    total = np.bincount(cells, (strange - mean[label]) / spread[label], width)
    rows = np.repeat(count.reshape(-1, k).sum(axis=1), k)
    fit = (count >= _LEAST) & (rows <= _FULLEST * len(labels))
    z = np.where(fit, total / np.sqrt(np.maximum(count, 1)), -np.inf)
    chosen = np.argsort(-z, kind="stable")[:_LOOKED]
    return chosen[z[chosen] > 1]


def _strongest(cells: Ints, chosen: Ints, against: Floats) -> list[int]:
    number = np.full(int(cells.max(initial=-1)) + 1, -1)
    number[chosen] = np.arange(len(chosen))
    mine = np.flatnonzero(number[cells] >= 0)
    groups = np.split(
        mine[np.argsort(number[cells[mine]], kind="stable")],
        np.cumsum(np.bincount(number[cells[mine]], minlength=len(chosen)))[:-1],
    )
    digits = np.array([evidence(against[group]) for group in groups[: len(chosen)]])
    order = np.argsort(-digits, kind="stable")[:_KEPT]
    return [int(chosen[i]) for i in order if digits[i] >= _DIGITS]


def _column(table: Any, mine: Any, cluster: Ints, wanted: int) -> int:
    """Of the columns of a cluster, the one that stands for the label most and most purely."""
    first, last = np.searchsorted(cluster, [wanted, wanted + 1])
    part = table[:, first:last]
    every = np.asarray(part.sum(axis=0)).ravel()
    own = np.asarray(part[mine].sum(axis=0)).ravel()
    return int(first + np.argmax(own**2 / np.maximum(every, 1)))
