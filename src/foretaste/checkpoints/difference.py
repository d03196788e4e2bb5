"""How far the tensors of one model are from those of another, with bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from foretaste.checkpoints.bounded import Unreadable, Untold
from foretaste.checkpoints.listing import listed
from foretaste.checkpoints.tensors import Weight
from foretaste.checkpoints.weights import weights
from foretaste.data import Array, Floats

SKETCH = 40  # directions in which the difference of two matrices is looked at
HELD = 0.95  # share of the squared difference that the effective rank has to hold
WIDEST = 1 << 20  # numbers a row, at most, for a sketch
SEED = 20_190_101


@dataclass(frozen=True)
class Moved:
    """What became of one tensor.

    changed:  numbers that differ; rows: those in which any does
    relative: norm of the difference over the norm of the parent
    largest:  the largest change over the root mean square of the parent
    rank:     how many singular values hold 95 % of the squared difference; 0 where not looked at,
              SKETCH where more than can be told
    """

    name: str
    shape: tuple[int, ...]
    changed: int
    rows: tuple[int, ...]  # the first 1,000
    relative: float
    largest: float
    rank: int = 0

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def matrix(self) -> bool:
        """Whether it has two sides or more, both longer than one."""
        return len(self.shape) > 1 and min(self.shape[0], self.size // self.shape[0]) > 1


def tensors_in(path: Path) -> dict[str, Weight]:
    """The tensors of a file, or of all files of a folder, by name; raises `Unreadable`."""
    files = listed(path)
    found = {one.name: one for name in files.names for one in _told(files.file(name))}
    if not found:
        raise Unreadable(f"{path.name} holds no tensors that can be read here")
    return found


def _told(path: Path) -> list[Weight]:
    try:
        return weights(path)
    except Untold:
        return []


def moved(new: Weight, old: Weight) -> Moved:
    """Compares two tensors of one shape, number by number; what is NaN in both is the same."""
    if all(np.array_equal(one, other) for one, other in _both(new, old)):
        return Moved(new.name, new.shape, 0, (), 0.0, 0.0)
    changed, rows, far, norm, largest, start = 0, list[int](), 0.0, 0.0, 0.0, 0
    for one, other in _both(new, old):
        differ = (one != other) & ~(np.isnan(one) & np.isnan(other))
        if differ.any():
            changed += int(differ.sum())
            rows += (start + np.flatnonzero(differ.any(axis=1))).tolist()
            step = np.nan_to_num(one.astype(np.float64) - other, posinf=1e300, neginf=-1e300)
            with np.errstate(over="ignore"):
                far += float(np.square(step).sum())
            largest = max(largest, float(np.abs(step).max()))
        norm += float(np.square(other.astype(np.float64)).sum())
        start += len(one)
    typical = float(np.sqrt(norm / max(new.size, 1))) or 1.0
    relative = float(np.sqrt(far / norm)) if norm > 0 else float(changed > 0)
    rank = _rank(new, old, far) if changed and np.isfinite(far) else 0
    return Moved(new.name, new.shape, changed, tuple(rows), relative, largest / typical, rank)


def _both(new: Weight, old: Weight) -> Iterator[tuple[Array, Array]]:
    return zip(new.pieces(), old.pieces(), strict=True)


def _rank(new: Weight, old: Weight, far: float) -> int:
    """Effective rank of the difference, from a sketch: two walks, one matrix of SKETCH columns."""
    width = new.size // new.rows
    if new.rows < 2 or width < 2 or width > WIDEST or far <= 0:
        return 0
    rng = np.random.default_rng(SEED)
    probes = rng.standard_normal((width, min(SKETCH, width)))
    image = np.concatenate([_step(one, other) @ probes for one, other in _both(new, old)])
    basis, _ = np.linalg.qr(image)
    core: Floats = np.zeros((basis.shape[1], width))
    start = 0
    for one, other in _both(new, old):
        core += basis[start : start + len(one)].T @ _step(one, other)
        start += len(one)
    energy = np.cumsum(np.linalg.svd(core, compute_uv=False) ** 2)
    held = np.flatnonzero(energy >= HELD * far)
    return int(held[0]) + 1 if len(held) else SKETCH


def _step(one: Array, other: Array) -> Floats:
    return np.asarray(one.astype(np.float64) - other)
