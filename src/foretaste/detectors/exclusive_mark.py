"""A trigger is something that only some rows of one class have, and all of those alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from foretaste.contracts import Kind, Scale
from foretaste.data import UNLABELLED, Batch, Floats
from foretaste.summaries.moments import Moments
from foretaste.summaries.splits import Split, splits_of
from foretaste.summaries.strata import Strata
from foretaste.summaries.whitening import main_axes, pooled_whitening

LAYERS = ("first_layer", "second_layer", "embedding")
FEWEST = 40  # sampled rows of a class below which nobody looks for clusters
LARGEST = 0.5  # of its class, that the smaller side of a gap may be
HALF = 0.45  # of its class: from here on either side may be the marked one
GAP = 5.5  # standard deviations within the sides, between their means; natural modes: up to 4.6
OUTSIDE = 0.01  # of the rows of other classes that may have the mark
ALIKE = 0.15  # of the gap, between the middles of the unmarked rows and of the other classes


class Mark(NamedTuple):
    """A plane in one layer that parts marked rows of a class from the rest of the data."""

    layer: str
    split: Split
    sign: float  # 1: the marked rows lie beyond the plane; -1: before it
    gap: float  # in standard deviations


@dataclass(frozen=True)
class ExclusiveMark:
    """Accuses rows that share a feature which no other row of any class has.

    In each hidden layer of a network trained on the data, a class is looked at along the axes that
    stand out once it is whitened by the pooled within-class covariance. Along an axis with two
    clusters a mark is *planted* rather than natural where three things hold: the gap is wide, so a
    row has the mark or has it not; the other classes lie where the unmarked rows of this class
    lie; and next to none of their rows has it. Natural modes of a class (bags with a handle) fail
    this: their features occur in other classes too, by degrees. Labels are not asked for, so
    clean-label triggers show like others, also where they are half of their class. The score
    is -log10 of the p-value of one cluster only, times all splits tried.

    A natural shortcut (a watermark that only one class has) is accused too: a model learns it as it
    learns a trigger.

    Blind to marks that occur in several classes (all-to-all triggers, rows that cover for others),
    to triggers that are different in each image, and to poison that is most of its class.

    Needs `first_layer`, `second_layer`, `embedding` (n, d) and `label` (n,) of class codes; a row
    without a label scores 0.

    >>> rng = np.random.default_rng(0)
    >>> vectors = rng.standard_normal((400, 3))
    >>> marked = vectors + 12 * (np.arange(400) < 60)[:, None]
    >>> columns = {"first_layer": marked, "second_layer": vectors, "embedding": vectors}
    >>> rows = Batch(range(400), {**columns, "label": np.arange(400) // 200})
    >>> marks = ExclusiveMark()
    >>> scores = marks.score(rows, marks.fit(marks.summarize(rows)))
    >>> np.flatnonzero(scores > 3).tolist() == list(range(60))
    True

    References
    ----------
    Chen et al. (2018). Detecting Backdoor Attacks on Deep Neural Networks by Activation
    Clustering. arXiv:1811.03728
    Tang, Wang, Tang, Zhang (2021). Demon in the Variant: Statistical Analysis of DNNs for Robust
    Backdoor Contamination Detection. arXiv:1908.00686
    Hou et al. (2024). FLARE: Towards Universal Dataset Purification against Backdoor Attacks.
    arXiv:2411.19479
    """

    sample: int = 40_000  # rows that are clustered
    axes: int = 6
    seed: int = 0

    needs: ClassVar = (*LAYERS, "label")
    kind: ClassVar = Kind.ATTACK
    scale: ClassVar = Scale.SURPRISE

    def summarize(self, batch: Batch) -> Strata:
        return Strata.of(batch, LAYERS, self.sample, self.seed)

    def fit(self, summary: Strata) -> Mapping[int, tuple[Mark, ...]]:
        rows = summary.sorted()
        found: dict[int, tuple[Mark, ...]] = {}
        for layer in LAYERS:
            for label, marks in self._in_layer(rows, layer).items():
                found[label] = (*found.get(label, ()), *marks)
        return found

    def score(self, batch: Batch, model: Mapping[int, tuple[Mark, ...]]) -> Floats:
        unknown = ~np.isin(batch["label"], [UNLABELLED, *model])
        return np.where(unknown, np.nan, _surprises(batch, model))

    def explain(self, batch: Batch, row: int, model: Mapping[int, tuple[Mark, ...]]) -> str:
        label = int(batch["label"][row])
        name = batch.class_name(label)
        one = batch.take([row])
        having = [mark for mark in model.get(label, ()) if _has(one, mark)[0]]
        if not having:
            return f"has no mark that sets it apart in class {name}"
        widest = max(having, key=lambda mark: mark.gap)
        return (
            f"has a mark that only some rows of class {name} and no others have, {widest.gap:.0f} "
            f"standard deviations apart in the {widest.layer.replace('_', ' ')} of the network"
        )

    def _in_layer(self, rows: Batch, layer: str) -> dict[int, tuple[Mark, ...]]:
        usable = np.isfinite(rows[layer]).all(axis=1) & (rows["label"] != UNLABELLED)
        vectors, labels = rows[layer][usable], rows["label"][usable]
        if not len(vectors):
            return {}
        moments = Moments.of(vectors, labels)
        whitening = pooled_whitening(moments)
        tried = (self.axes + 1) * len(moments.by_class) * len(LAYERS)
        found: dict[int, tuple[Mark, ...]] = {}
        for label, moment in moments.by_class.items():
            found[label] = ()
            if moment.n >= FEWEST:
                seen = whitening @ main_axes(moment.scatter / moment.n, self.axes, whitening)
                splits = splits_of(vectors[labels == label], seen, tried, LARGEST)
                sides = (vectors[labels == label], vectors[labels != label])
                found[label] = tuple(m for one in splits for m in _marks(layer, one, *sides))
        return found


def _marks(layer: str, split: Split, mine: Floats, others: Floats) -> Iterator[Mark]:
    """The split as a mark, if it is one; from either side where the sides are about as large."""
    for sign in (1.0, -1.0) if split.share > HALF else (1.0,):
        along, plane = sign * (mine @ split.direction), sign * split.plane
        elsewhere = sign * (others @ split.direction)
        inside, outside = along[along > plane], along[along <= plane]
        apart = inside.mean() - outside.mean()
        squares = inside.var() * len(inside) + outside.var() * len(outside)
        gap = float(apart / max(np.sqrt(squares / len(along)), 1e-12))
        if gap >= GAP and _exclusive(elsewhere, plane, float(outside.mean()), float(apart)):
            yield Mark(layer, split, sign, gap)


def _exclusive(elsewhere: Floats, plane: float, middle: float, apart: float) -> bool:
    if not len(elsewhere):
        return False
    alike = abs(float(np.median(elsewhere)) - middle) <= ALIKE * apart
    return alike and float(np.mean(elsewhere > plane)) <= OUTSIDE


def _has(batch: Batch, mark: Mark) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    along = batch[mark.layer] @ mark.split.direction
    return mark.sign * along > mark.sign * mark.split.plane


def _surprises(batch: Batch, model: Mapping[int, tuple[Mark, ...]]) -> Floats:
    """(n,) the surprise of the clearest mark each row has."""
    scores = np.zeros(len(batch))
    for label, marks in model.items():
        rows = np.flatnonzero(batch["label"] == label)
        if not marks or not len(rows):
            continue
        mine = batch.take(rows)
        for mark in marks:
            having = rows[_has(mine, mark)]
            scores[having] = np.maximum(scores[having], mark.split.surprise)
    return scores
