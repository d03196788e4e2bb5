"""Records that together push what is learned away from where trusted records lie."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from foretaste.data import Array, Batch, Floats, Ints, Mask
from foretaste.streaming import Aspect
from foretaste.summaries.excess import excess
from foretaste.summaries.vote import finite
from foretaste.surprise import Tail

_LEAST = 100  # trusted records of a class that can say how honest ones drift
_SAMPLE = 2_000  # trusted records that say how far honest ones reach along a direction
_STRETCHES = 40  # at most, of trusted records, that say how honest ones drift
_FEWEST = 10  # records of a window that have a direction
_WIDEST = 64  # whitened directions that are looked along
_NEAREST = 0.8  # share of the records of a window that say where its middle is
_TESTS = 2  # directions a record is looked at along


@dataclass(frozen=True, eq=False)
class Course:
    """One class of records, and what those let in since have done to it.

    All but `centre` and `root` is in whitened directions, in which trusted records have about
    the variance one.

    root:   (d, r) maps differences from the centre to whitened ones, the widest of them
    reach:  length to which longer differences are cut
    sample: (m, r) trusted records
    free:   (r, r) maps a displacement to one that honest drift makes equally likely everywhere
    budget: longest displacement, after `free`, that may be learned
    moved:  (r,) displacement learned
    crept:  (r,) how far the anchor has followed
    usual:  (r,) middle of honest records from the anchor; wide: usual squared distance from it
    """

    centre: Array
    root: Array
    reach: float
    sample: Array
    free: Array
    budget: float
    moved: Floats
    crept: Floats
    usual: Floats
    wide: float

    def whitened(self, vectors: Array) -> Floats:
        """(n, d) from where the anchor is now."""
        away = ((vectors - self.centre) @ self.root).astype(np.float64) - self.crept
        length = np.linalg.norm(away, axis=1, keepdims=True)
        cut: Floats = away * np.minimum(1.0, self.reach / np.maximum(length, 1e-12))
        return cut

    def common(self, away: Floats, shape: float) -> Floats:
        """(d,) how far all records moved together; none where they did not keep their shape."""
        if len(away) < _LEAST:
            return np.zeros_like(self.usual)
        middle, wide = _middle(away)
        kept = 1 / shape <= wide / self.wide <= shape
        moved = middle - self.usual
        near = float(np.linalg.norm(moved)) <= self.reach / 2
        return moved if kept and near else np.zeros_like(moved)

    def after(self, away: Floats, horizon: int) -> Floats:
        """(d,) displacement once these records are learned from."""
        share = len(away) / (len(away) + horizon)
        return self.moved + share * (away.mean(axis=0) - self.moved) if len(away) else self.moved

    def spent(self, moved: Floats) -> float:
        """Share of the budget."""
        return float(np.linalg.norm(moved @ self.free)) / self.budget


@dataclass(frozen=True, eq=False)
class Courses:
    """By class code, `UNLABELLED` too, where trusted records were enough."""

    codes: tuple[int, ...]
    each: tuple[Course, ...]


@dataclass(frozen=True)
class DriftBudget:
    """Bounds how far records that were let in may move the mean of their class, and in how long.

    Trusted records are the anchor: centre and correlations of each class, how far stretches of
    them strayed, and in which directions. When a window is over, two questions are put to the
    records of each class. Do more than `slack` times as many as among trusted ones lie far out
    along one direction? The direction is that in which the other half of the window pushes, or in
    which those before it pushed, so chance cannot choose it: those to blame are pulled. And would
    what is let in, averaged over the last `horizon` records, be displaced by more than `allowance`
    times what trusted stretches were, in directions where those strayed little sooner? Then those
    that push farthest are pulled until it is not. `refill` of the budget comes back each window, so
    honest slow drift comes in, and whoever boils a frog has to take longer than that.

    Where most records move together and keep their shape, that is no minority at work: all is
    then seen from the median of the window, which few records hardly move, and what they do move
    is not kept. A window keeps its shape if the usual distance from its median is at most `shape`
    times the trusted one, or as much less, and the median moves at most half as far as trusted
    records reach.

    slack: how many times as often as trusted ones honest records may be far out
    allowance: how many times as far as trusted stretches honest records may drift
    horizon: records over which displacement is averaged
    refill: share of the budget that comes back in each window
    shape: how many times as large or small, squared, a cloud of honest records may become
    together: how far a group's mean is out, in lengths of its records, for it to push one way

    Blind to drift slower than the refill; to what leaves the mean where it is; to classes of
    fewer than 100 trusted records; and to whoever sends most records of a window and moves them
    all alike. Honest change that is sudden and concerns few records is held.

    Needs `embedding` (n, d); looks at `label` (n,) if there is one.

    >>> rng = np.random.default_rng(0)
    >>> rows = lambda n, at: Batch(range(n), {"embedding": rng.normal(size=(n, 3)) + at})
    >>> check = DriftBudget()
    >>> state, every = check.start(rows(2000, 0)), np.ones(500, bool)
    >>> calm, pushed = rows(500, 0), rows(500, 1.0)
    >>> [bool((check.settle(one, every, state) > 3).any()) for one in (calm, pushed)]
    [False, True]

    References
    ----------
    Rubinstein et al. (2009). ANTIDOTE: Understanding and Defending against Poisoning of Anomaly
    Detectors. doi:10.1145/1644893.1644895
    Kloft, Laskov (2012). Security Analysis of Online Centroid Anomaly Detection. arXiv:1003.0078
    Cox (1975). A note on data-splitting for the evaluation of significance levels.
    doi:10.1093/biomet/62.2.441
    """

    needs: ClassVar = ("embedding",)
    aspect: ClassVar = Aspect.INTEGRITY
    slack: float = 2.0
    allowance: float = 3.0
    horizon: int = 2_000
    refill: float = 0.02
    shape: float = 2.0
    together: float = 0.7

    def start(self, trusted: Batch) -> Courses:
        vectors, label = finite(trusted["embedding"]), _labels(trusted)
        codes, sizes = np.unique(label, return_counts=True)
        kept = codes[sizes >= _LEAST]
        each = tuple(self._course(vectors[label == code]) for code in kept)
        return Courses(tuple(kept.tolist()), each)

    def judge(self, batch: Batch, state: Courses) -> tuple[Floats, Courses]:
        return np.zeros(len(batch)), state

    def settle(self, window: Batch, admitted: Mask, state: Courses) -> Floats:
        vectors, label = finite(window["embedding"]), _labels(window)
        found = np.zeros(len(window))
        for code, course in zip(state.codes, state.each, strict=True):
            mine = np.flatnonzero(admitted & (label == code))
            away = course.whitened(vectors[mine])
            if len(mine) >= _FEWEST:
                found[mine] = self._pushing(course, away - course.common(away, self.shape))
        return found

    def learn(self, window: Batch, admitted: Mask, state: Courses) -> Courses:
        vectors, label = finite(window["embedding"]), _labels(window)
        each = []
        for code, course in zip(state.codes, state.each, strict=True):
            away = course.whitened(vectors[admitted & (label == code)])
            common = course.common(away, self.shape)
            moved = course.after(away - common, self.horizon)
            spent = course.spent(moved)
            step = moved * min(1.0, self.refill / spent) if spent else moved
            crept, usual = course.crept + common + step, course.usual - step
            each.append(replace(course, moved=moved - step, crept=crept, usual=usual))
        return replace(state, each=tuple(each))

    def explain(self, batch: Batch, row: int, state: Courses) -> str:
        label = int(_labels(batch)[row])
        if label not in state.codes:
            return "of a class of which too few records were trusted to say how they drift"
        course = state.each[state.codes.index(label)]
        away = course.whitened(finite(batch["embedding"][[row]]))[0]
        spent = course.spent(course.moved)
        return (
            f"one of many that push the same way: {np.linalg.norm(away):.1f} from the anchor, "
            f"{spent:.0%} of the drift budget of {batch.class_name(label)} was spent before"
        )

    def _pushing(self, course: Course, away: Floats) -> Floats:
        """(n,) surprise of records of one class."""
        found = np.zeros(len(away))
        half = np.arange(len(away)) % 2 == 0
        for mine, others in ((half, ~half), (~half, half)):
            fresh = away[others].mean(axis=0) - course.moved
            for direction in (fresh, course.moved):
                digits = self._blamed(course, away[mine], direction)
                found[mine] = np.maximum(found[mine], digits - np.log10(_TESTS))
        standing = found < 2  # digits; those above will hardly be learned from
        found[self._too_much(course, away, standing)] = np.inf
        return np.maximum(found, 0.0)

    def _blamed(self, course: Course, away: Floats, direction: Floats) -> Floats:
        length = float(np.linalg.norm(direction))
        if not length:
            return np.zeros(len(away))
        ahead = Tail.of(course.sample @ (direction / length)).surprise(away @ (direction / length))
        digits, least = excess(ahead, np.zeros(len(away), np.int64), self.slack)
        blamed = ahead >= least[0]
        group = away[blamed]
        size = np.sqrt((group**2).sum(axis=1).mean()) if len(group) else np.inf
        if np.linalg.norm(group.sum(axis=0)) < self.together * size * len(group):
            return np.zeros(len(away))  # they are far out each in a way of its own
        return np.where(blamed, digits[0], 0.0)

    def _too_much(self, course: Course, away: Floats, standing: Mask) -> Ints:
        """Those of the standing that push farthest, so many that the budget does for the rest."""
        left = np.flatnonzero(standing)
        moved = course.after(away[left], self.horizon)
        most = max(1.0, course.spent(course.moved))
        if course.spent(moved) <= most:
            return left[:0]
        pull = moved @ course.free @ course.free.T
        left = left[np.argsort(-(away[left] @ pull), kind="stable")]
        few, many = 0, len(left)
        while many - few > 1:
            middle = (few + many) // 2
            enough = course.spent(course.after(away[left[middle:]], self.horizon)) <= most
            few, many = (few, middle) if enough else (middle, many)
        return left[:many]

    def _course(self, vectors: Array) -> Course:
        """Of trusted records of one class; every other one measures what the others made."""
        centre, root = _whitening(vectors[::2])
        away = ((vectors[1::2] - centre) @ root).astype(np.float64)
        reach = max(float(np.quantile(np.linalg.norm(away, axis=1), 0.99)), 1e-9)
        d = away.shape[1]
        nothing, none = np.zeros(d), np.zeros((0, d), np.float32)
        course = Course(
            centre, root, reach, none, np.eye(d), 1.0, nothing, nothing, nothing, 1.0
        )  # fmt: skip
        away = course.whitened(vectors[1::2])
        shift = away.mean(axis=0)
        away = away - shift
        at = np.arange(0, len(away), max(1.0, len(away) / _SAMPLE)).astype(np.int64)[:_SAMPLE]
        usual, wide = _middle(away)
        sample = away[at].astype(np.float32)
        course = replace(course, sample=sample, crept=shift, usual=usual, wide=max(wide, 1e-12))
        return self._budgeted(course, away)

    def _budgeted(self, course: Course, away: Floats) -> Course:
        """What trusted records strayed, stretch by stretch, is what honest ones may."""
        parts = np.array_split(away, max(4, min(_STRETCHES, len(away) // _LEAST)))
        parts = [part - course.common(part, self.shape) for part in parts]
        course = replace(course, free=_free(parts, self.horizon))
        farthest, moved = 0.0, course
        for part in parts:
            moved = replace(moved, moved=moved.after(part, self.horizon))
            farthest = max(farthest, moved.spent(moved.moved))
        farthest = max(farthest, np.sqrt(len(course.usual)))
        return replace(course, budget=self.allowance * farthest)


def _labels(batch: Batch) -> Ints:
    return batch["label"] if "label" in batch else np.full(len(batch), -1)


def _middle(away: Floats) -> tuple[Floats, float]:
    """(r,) mean of the records nearest to their median, and how far, squared, half of them are."""
    middle = np.median(np.ascontiguousarray(away.T), axis=1)
    far = ((away - middle) ** 2).sum(axis=1)
    near = far <= np.quantile(far, _NEAREST)
    return away[near].mean(axis=0), float(np.median(far))


def _whitening(vectors: Array) -> tuple[Array, Array]:
    n, d = vectors.shape
    centre = vectors.mean(axis=0, dtype=np.float64)
    moved = vectors - centre
    spread = moved.T @ moved / n
    widest = float(np.diag(spread).max())
    share = min(0.5, d / (n + d))
    spread = (1 - share) * spread + share * np.diag(np.diag(spread))
    values, axes = np.linalg.eigh(spread + (1e-3 * widest + 1e-12) * np.eye(d))
    root = (axes / np.sqrt(values)).astype(np.float32)
    return centre.astype(np.float32), np.ascontiguousarray(root[:, -_WIDEST:])


def _free(stretches: list[Floats], horizon: int) -> Floats:
    """(d, d) root of the inverse of how means of so many honest records vary."""
    means = np.stack([stretch.mean(axis=0) for stretch in stretches])
    size = np.mean([len(stretch) for stretch in stretches])
    values, axes = np.linalg.eigh(means.T @ means / len(means))
    strayed = np.maximum(values - 1 / size, 0.0)
    root: Floats = axes / np.sqrt(strayed + 1 / horizon)
    return root
