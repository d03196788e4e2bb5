"""Numbers in a model that training does not leave there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from foretaste.checkpoints.bounded import Unreadable, Untold, spelt
from foretaste.checkpoints.tensors import FLOATS, Weight, kind_of
from foretaste.checkpoints.weights import weights
from foretaste.data import Array, Floats
from foretaste.trained import Severity, Subject, Suspicion

SAMPLED = 4_096  # numbers of a tensor from which its median is taken
SPREAD = 0.25  # of logarithms, at least: kinds of which all are alike should not be touchy
MAD = 1.4826  # makes a median absolute deviation a standard deviation


@dataclass(frozen=True)
class Values:
    """What the numbers of one tensor come to.

    rms: root mean square; ratio: the largest over the median, both absolute
    """

    weight: Weight
    nan: int
    infinite: int
    same: bool  # all numbers are one number
    rms: float
    ratio: float
    row: int  # the row with the largest norm
    row_score: float  # robust z of its logarithm


@dataclass(frozen=True)
class TensorValues:
    """Suspects tensors that hold what no training leaves: NaN, constants, numbers out of all scale.

    Each tensor is read piece by piece. NaN and infinity are a WARNING (a mask of zeros and minus
    infinity is none). A tensor of rank two or more whose largest number is `ratio` times its
    median is a WARNING: so is the exponent bit turned over that ruins a network. So are a row, or
    a tensor among those of its kind (the same name but for the number of the layer), whose norm
    is `z` robust standard deviations above the median of the others, on logarithms and with a
    deviation of at least 0.25: at 16, the factor is at least 55. The score is that ratio or z.
    Constant matrices and kinds of mixed types are a NOTE.

    z:     robust standard deviations
    ratio: of the largest number to the median

    Blind to backdoors that fit among the other weights: compare with a parent, or open the model.
    Quantised blocks (GGUF) are judged by the numbers they stand for, integers are not. Numbers of
    types without a known meaning, in compressed archives of numpy and in files that are not there
    are not read: a NOTE says so.

    Needs `path`.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "net.npy")
    ...     np.save(path, np.array([[0.1, np.nan], [0.2, 0.3]]))
    ...     TensorValues().inspect(Subject(path=path))[0].reason
    'it holds NaN, 1 of 4 numbers'

    References
    ----------
    Rakin, He, Fan (2019). Bit-Flip Attack: Crushing Neural Network with Progressive Bit Search.
    arXiv:1903.12269
    Leys et al. (2013). Detecting outliers: use absolute deviation around the median.
    doi:10.1016/j.jesp.2013.03.013
    """

    z: float = 16.0
    ratio: float = 1e4
    needs: ClassVar[tuple[str, ...]] = ("path",)

    def inspect(self, subject: Subject) -> tuple[Suspicion, ...]:
        if subject.path is None:
            return ()
        try:
            return tuple(self._judged(weights(subject.path)))
        except Unreadable as error:
            reason = f"its numbers cannot be looked at: {error}"
            grave = Severity.NOTE if isinstance(error, Untold) else Severity.WARNING
            return (Suspicion("tensors", grave, reason),)

    def _judged(self, found: list[Weight]) -> Iterator[Suspicion]:
        read = [one for one in found if one.real and one.readable()]
        values = [_values(one) for one in read]
        for one in values:
            yield from self._alone(one)
        yield from self._beside(values)
        yield from _types(found)

    def _alone(self, one: Values) -> Iterator[Suspicion]:
        part, size = f"tensor {one.weight.name}", one.weight.size
        many = len(one.weight.shape) > 1
        for count, what in ((one.nan, "NaN"), (one.infinite, "infinity")):
            if count:
                reason = f"it holds {what}, {count:,} of {size:,} numbers"
                yield Suspicion(part, Severity.WARNING, reason)
        if one.nan or one.infinite:
            return
        if one.same and many and size > 16:
            reason = "all its numbers are the same: it was never trained, or it was wiped"
            yield Suspicion(part, Severity.NOTE, reason)
        if many and one.ratio > self.ratio:
            reason = (
                f"its largest number is {one.ratio:.3g} times the median: a bit turned over, or "
                "a weight put in by hand"
            )
            yield Suspicion(part, Severity.WARNING, reason, one.ratio)
        elif one.row_score > self.z:
            reason = (
                f"row {one.row:,} is out of scale with the other rows: its norm is "
                f"{one.row_score:.0f} robust standard deviations above their median"
            )
            yield Suspicion(part, Severity.WARNING, reason, one.row_score)

    def _beside(self, values: list[Values]) -> Iterator[Suspicion]:
        """Tensors of one kind beside each other."""
        kinds = defaultdict(list)
        for one in values:
            if len(one.weight.shape) > 1 and np.isfinite(one.rms) and one.rms > 0:
                kinds[kind_of(one.weight.name)].append(one)
        for members in kinds.values():
            scores = _scores(np.log([one.rms for one in members]))
            for one, score in zip(members, scores, strict=True):
                if score > self.z:
                    reason = (
                        f"its norm is {score:.0f} robust standard deviations above the median of "
                        f"the {len(members)} tensors of its kind"
                    )
                    part = f"tensor {one.weight.name}"
                    yield Suspicion(part, Severity.WARNING, reason, float(score))


def _values(weight: Weight) -> Values:
    nan = infinite = zeros = 0
    low, high, total = np.inf, -np.inf, 0.0
    norms, sample = [np.empty(0)], [np.empty(0)]
    negative = True
    for piece in weight.pieces():
        with np.errstate(over="ignore", invalid="ignore"):
            squares = np.einsum("ij,ij->i", piece, piece, dtype=piece.dtype).astype(np.float64)
        if not np.isfinite(squares).all():
            nan += int(np.isnan(piece).sum())
            infinite += int(np.isinf(piece).sum())
            zeros += int((piece == 0).sum())
            negative &= not bool((piece == np.inf).any())
            squares = _squares(piece)
        low, high = min(low, float(piece.min())), max(high, float(piece.max()))
        total += float(squares.sum())
        norms.append(squares)
        sample.append(np.abs(piece.ravel()[:: max(1, piece.size // 256)]).astype(np.float64))
    if negative and infinite + zeros == weight.size:
        infinite = 0  # a mask
    typical = float(np.median(np.concatenate(sample)[:SAMPLED])) if weight.size else 0.0
    row, score = _row(np.concatenate(norms))
    largest = max(abs(low), abs(high))
    ratio = largest / typical if typical > 0 and np.isfinite(largest) else 0.0
    rms = float(np.sqrt(total / max(weight.size, 1)))
    return Values(weight, nan, infinite, low == high, rms, ratio, row, score)


def _squares(piece: Array) -> Floats:
    """Sums of squares a row that do not overflow; what is no number counts nothing."""
    wide = np.nan_to_num(piece.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    return np.asarray(np.einsum("ij,ij->i", wide, wide))


def _row(squares: Floats) -> tuple[int, float]:
    """The row with the largest norm, and how far it is above the others."""
    if len(squares) < 16 or not (squares > 0).any():
        return 0, 0.0
    logs = 0.5 * np.log(np.maximum(squares, squares[squares > 0].min()))
    row = int(logs.argmax())
    return row, float(_scores(logs)[row])


def _scores(logs: Floats) -> Floats:
    """(n,) how many robust standard deviations each is above the median; 0 for a few."""
    if len(logs) < 6:
        return np.zeros(len(logs))
    middle = np.median(logs)
    spread = max(MAD * float(np.median(np.abs(logs - middle))), SPREAD)
    return np.asarray((logs - middle) / spread)


def _types(found: list[Weight]) -> Iterator[Suspicion]:
    if unread := [one.name for one in found if one.numbers is None]:
        reason = f"{len(unread):,} tensors are of types that are not read here: {spelt(unread)}"
        yield Suspicion("tensors", Severity.NOTE, reason)
    kinds = defaultdict(set)
    for one in found:
        kinds[kind_of(one.name)].add(one.dtype)
    mixed = sorted(kind for kind, dtypes in kinds.items() if len(dtypes & FLOATS) > 1)
    if mixed:
        reason = f"tensors of one kind have more than one type: {spelt(mixed)}"
        yield Suspicion("tensors", Severity.NOTE, reason)
