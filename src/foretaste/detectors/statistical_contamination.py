"""A class of two origins is better told as two groups than as one; the other classes are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from scipy.stats import norm, t

from foretaste.contracts import Kind, Scale
from foretaste.data import UNLABELLED, Array, Batch, Floats, Ints, Mask
from foretaste.summaries.moments import Moments
from foretaste.summaries.strata import Strata
from foretaste.summaries.whitening import main_axes, pooled_whitening

FEWEST = 60  # sampled rows of a group that may be two
SMALLEST = 10  # sampled rows of one of the two, in the half that shows where to cut
FEWEST_CLASSES = 4  # fewer do not show what is usual
FLOOR = 0.02  # nats a row: classes do not differ by less than this
CUTS = 6  # of a class at most
HALF = 0.6  # of its class: a group of more is the class itself


class Cut(NamedTuple):
    """A plane between two groups; the smaller lies beyond it.

    gain: nats a row by which two groups tell rows better that were not asked where to cut
    """

    direction: Floats  # (d,)
    plane: float
    gain: float


class Mixed(NamedTuple):
    """A class of more than one origin: what lies beyond any of the cuts, and the rest."""

    cuts: tuple[Cut, ...]
    surprise: float
    rest: bool  # whether the rest is proposed too, for it is not most of the class either


@dataclass(frozen=True)
class StatisticalContamination:
    """Suspects the groups of a class that is more clearly of two origins than the others are.

    The variation within a class is taken to be the same everywhere, as in SCAn, but is learned
    from all rows: the pooled within-class covariance. On the main axes that are left, two means
    found in one half of the class are tried on its other half: how much better two normals tell it
    than one, in nats a row. Natural classes gain a little, and alike. One that gains far more, by
    the median and the median distance over the classes, is cut, and what is most of it again while
    that gains as much. What was cut off is proposed, and the rest too where it is not most of the
    class either: no gap in the density is needed, nor that poison is the smaller part. The score
    is -log10 of the p-value of Student's t with as many degrees of freedom as there are classes
    but two, times the classes tried.

    Blind to poison in most of the classes at once, to data of fewer than four classes, and to
    poison whose embedding stays inside its class or is less than a hundredth of it.

    Needs `embedding` (n, d) and `label` (n,) of class codes; a row without a label scores 0.

    >>> rng = np.random.default_rng(0)
    >>> label = np.arange(1_500) % 5
    >>> vectors = rng.standard_normal((1_500, 3))
    >>> vectors[:750:5, 1] += 5
    >>> rows = Batch(range(1_500), {"embedding": vectors, "label": label})
    >>> scan = StatisticalContamination()
    >>> scores = scan.score(rows, scan.fit(scan.summarize(rows)))
    >>> np.unique(label[scores > 1]).tolist()
    [0]

    References
    ----------
    Tang, Wang, Tang, Zhang (2021). Demon in the Variant: Statistical Analysis of DNNs for Robust
    Backdoor Contamination Detection. arXiv:1908.00686
    """

    sample: int = 40_000  # rows that are looked at
    axes: int = 8
    proposed: float = 1.0  # the score from which the groups of a class are put to the override test
    seed: int = 0

    needs: ClassVar = ("embedding", "label")
    kind: ClassVar = Kind.STRUCTURE
    scale: ClassVar = Scale.SURPRISE

    def summarize(self, batch: Batch) -> Strata:
        return Strata.of(batch, ("embedding",), self.sample, self.seed)

    def fit(self, summary: Strata) -> Mapping[int, Mixed | None]:
        rows = summary.sorted()
        usable = np.isfinite(rows["embedding"]).all(axis=1)
        vectors, labels = rows["embedding"][usable], rows["label"][usable]
        if not len(vectors):
            return {}
        whitening = pooled_whitening(Moments.of(vectors, labels))
        classes = {int(k): vectors[labels == k] for k in np.unique(labels)}
        cuts = {k: _cut(mine, whitening, self.axes) for k, mine in classes.items()}
        gains = np.array([cut.gain for cut in cuts.values() if cut])
        found: dict[int, Mixed | None] = dict.fromkeys(classes)
        for label, cut in cuts.items():
            surprise = _surprise(cut.gain, gains) if cut else 0.0
            if cut and surprise >= self.proposed:
                least = _least(gains, self.proposed / 2)
                found[label] = self._parted(cut, classes[label], whitening, least, surprise)
        return found

    def score(self, batch: Batch, model: Mapping[int, Mixed | None]) -> Floats:
        scores, _ = _placed(batch, model)
        unknown = ~np.isin(batch["label"], [UNLABELLED, *model])
        return np.where(unknown, np.nan, scores)

    def propose(self, batch: Batch, model: Mapping[int, Mixed | None]) -> Ints:
        return _placed(batch, model)[1]

    def explain(self, batch: Batch, row: int, model: Mapping[int, Mixed | None]) -> str:
        [score], [group] = _placed(batch.take([row]), model)
        name = batch.class_name(int(batch["label"][row]))
        if group < 0:
            return f"in what is most of class {name}, or all of it"
        return f"in one of the two groups that class {name} is made of (score {score:.1f})"

    def _parted(
        self, cut: Cut, vectors: Array, whitening: Floats, least: float, surprise: float
    ) -> Mixed:
        """Cuts what is most of the class again while that gains as much."""
        cuts, rest = [cut], vectors[~_beyond(vectors, (cut,))]
        while len(rest) > HALF * len(vectors) and len(cuts) < CUTS:
            again = _cut(rest, whitening, self.axes)
            if again is None or again.gain < least:
                break
            cuts.append(again)
            rest = rest[~_beyond(rest, (again,))]
        return Mixed(tuple(cuts), surprise, len(rest) <= HALF * len(vectors))


def _placed(batch: Batch, model: Mapping[int, Mixed | None]) -> tuple[Floats, Ints]:
    """(n,) the surprise of the class whose group each row is in, and its number; 0 and -1."""
    scores, groups = np.zeros(len(batch)), np.full(len(batch), -1, np.int64)
    labels, vectors = batch["label"], batch["embedding"]
    for label, mixed in model.items():
        rows = np.flatnonzero(labels == label)
        if mixed:
            beyond = _beyond(vectors[rows], mixed.cuts)
            named = rows[beyond | mixed.rest]
            scores[named] = mixed.surprise
            groups[named] = 2 * label + np.where(beyond, 0, 1)[beyond | mixed.rest]
    return scores, groups


def _beyond(vectors: Array, cuts: tuple[Cut, ...]) -> Mask:
    """(m,) whether a vector lies beyond any of the planes."""
    found = np.zeros(len(vectors), bool)
    for cut in cuts:
        found |= vectors @ cut.direction > cut.plane
    return found


def _usual(gains: Floats) -> tuple[float, float]:
    """What classes gain, and how far they lie apart in that."""
    middle = float(np.median(gains))
    return middle, 1.4826 * float(np.median(np.abs(gains - middle))) + FLOOR


def _surprise(gain: float, gains: Floats) -> float:
    if len(gains) < FEWEST_CLASSES:
        return 0.0
    middle, spread = _usual(gains)
    p = t.sf((gain - middle) / spread, len(gains) - 2) * len(gains)
    return max(0.0, -float(np.log10(max(p, 1e-300))))


def _least(gains: Floats, surprise: float) -> float:
    """The gain that surprises as much."""
    middle, spread = _usual(gains)
    return middle + spread * float(t.isf(10.0**-surprise / len(gains), len(gains) - 2))


def _cut(vectors: Array, whitening: Floats, axes: int) -> Cut | None:
    """Where one half of the rows (every other) says to cut, and what the other half gains."""
    if len(vectors) < FEWEST:
        return None
    shown, asked = vectors[::2] @ whitening, vectors[1::2] @ whitening
    middle = shown.mean(axis=0)
    seen = main_axes((shown - middle).T @ (shown - middle) / len(shown), axes)
    places = (shown - middle) @ seen
    inside = _two_means(places)
    if inside is None:
        return None
    gap = places[inside].mean(axis=0) - places[~inside].mean(axis=0)
    gap /= np.linalg.norm(gap)
    gain, plane = _gain(places @ gap, inside, (asked - middle) @ seen @ gap)
    sign = 1.0 if np.mean(places @ gap > plane) <= 0.5 else -1.0
    direction = sign * (whitening @ seen @ gap)
    return Cut(direction, sign * (plane + float(middle @ seen @ gap)), gain)


def _two_means(places: Floats) -> Mask | None:
    """(m,) one of two clusters: the best found from cuts across each axis, high and low."""
    best, found = np.inf, None
    for inside in _starts(places):
        for _ in range(20):
            if not SMALLEST <= inside.sum() <= len(places) - SMALLEST:
                break
            ends = places[inside].mean(axis=0), places[~inside].mean(axis=0)
            again = (places - (ends[0] + ends[1]) / 2) @ (ends[0] - ends[1]) > 0
            if (again == inside).all():
                break
            inside = again
        if SMALLEST <= inside.sum() <= len(places) - SMALLEST:
            spread = sum(len(one) * one.var(axis=0).sum() for one in _both(places, inside))
            if spread < best:
                best, found = spread, inside
    return found


def _starts(places: Floats) -> Iterator[Mask]:
    for axis in places.T[:4]:
        low, middle, high = np.quantile(axis, (0.1, 0.5, 0.9))
        yield from (axis > high, axis > middle, axis < low)


def _both(values: Floats, inside: Mask) -> tuple[Floats, Floats]:
    return values[inside], values[~inside]


def _gain(shown: Floats, inside: Mask, asked: Floats) -> tuple[float, float]:
    """Nats a row of `asked` by which two normals of one width beat one, and the plane between.

    Both are fitted to `shown`; a few rounds of expectation and maximisation.
    """
    share = inside.astype(np.float64)
    for _ in range(25):
        weight = np.clip(np.array([1 - share.mean(), share.mean()]), 1e-6, 1)
        means = np.array([np.average(shown, weights=w + 1e-12) for w in (1 - share, share)])
        away = shown[:, None] - means
        width = np.sqrt(np.mean((1 - share) * away[:, 0] ** 2 + share * away[:, 1] ** 2)) + 1e-9
        odds = np.log(weight) + norm.logpdf(away / width)
        share = 1 / (1 + np.exp(np.clip(odds[:, 0] - odds[:, 1], -500, 500)))
    two = np.logaddexp(*(np.log(weight) + norm.logpdf((asked[:, None] - means) / width)).T)
    one = norm.logpdf(asked, shown.mean(), shown.std() + 1e-9)
    gap = means[1] - means[0]
    plane = means.mean() - width**2 * np.log(weight[1] / weight[0]) / (gap if gap else 1.0)
    return float(np.mean(two - np.log(width) - one)), float(plane)
