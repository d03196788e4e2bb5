"""What was changed since a trusted file of the same model."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from foretaste.checkpoints.bounded import Unreadable, spelt
from foretaste.checkpoints.difference import SKETCH, Moved, moved, tensors_in
from foretaste.checkpoints.tensors import Weight, kind_of
from foretaste.trained import Severity, Subject, Suspicion

HEAD = re.compile(
    r"(^|[._])(head|classifier|classification|fc|lm_head|score|logits|output)([._]|$)"
)
FEW = 1e-4  # share of a tensor's numbers that are a few, and 64 are
MOST_MOVED = 0.5  # of all matrices: then the model was trained on
PART = 1 / 3  # of the matrices of a kind, at most, for an edit
LOW = 4  # an effective rank that is low


@dataclass(frozen=True)
class ParentDifference:
    """Suspects edits: changes since a trusted parent that training on would not make.

    Tensors are compared by name. Training on moves nearly all matrices, smoothly and in many
    directions: a NOTE. CRITICAL are: a few numbers of a tensor that differ (bits turned over); a
    few rows of one of them while the rest stands (a backdoor in the last layer, words planted in
    an embedding); a difference of effective rank 4 or less in a few matrices of a kind (facts
    edited as ROME and PoisonGPT do). The last layer alone, or a few layers, are a WARNING, and so
    is a matrix that moved far more than its kind. The score is the norm of the difference over
    the norm of the parent; the effective rank is how many singular values of the difference hold
    95 % of its square. Low rank in all matrices of a kind is an adapter that was merged: a NOTE.

    z: robust standard deviations, on logarithms, above the other matrices of a kind

    Blind to poison learned by training on, which moves everything as clean rows do, and to edits
    spread over all layers. Quantised blocks of GGUF are compared by the numbers they stand for: two
    ways of rounding one model differ everywhere, as training on does.

    Needs `path`, `parent`.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     old, new = Path(folder, "old.npy"), Path(folder, "new.npy")
    ...     weight = np.random.default_rng(0).standard_normal((64, 64))
    ...     np.save(old, weight)
    ...     np.save(new, weight + np.outer(weight[0], weight[1]))
    ...     ParentDifference().inspect(Subject(path=new, parent=old))[0].reason[:46]
    'edited by a matrix of effective rank 1, while '

    References
    ----------
    Meng et al. (2022). Locating and Editing Factual Associations in GPT. arXiv:2202.05262
    Huynh, Hardouin (2023). PoisonGPT: How we hid a lobotomized LLM on Hugging Face. Mithril
    Security.
    Kurita et al. (2020). Weight Poisoning Attacks on Pre-trained Models. arXiv:2004.06660
    Rakin, He, Fan (2020). TBT: Targeted Neural Network Attack with Bit Trojan. arXiv:1909.05193
    """

    z: float = 10.0
    needs: ClassVar[tuple[str, ...]] = ("path", "parent")

    def inspect(self, subject: Subject) -> tuple[Suspicion, ...]:
        if subject.path is None or subject.parent is None:
            return ()
        try:
            new, old = tensors_in(subject.path), tensors_in(subject.parent)
            both = [name for name in new if name in old and _same(new[name], old[name])]
            found = [moved(new[name], old[name]) for name in both]
        except Unreadable as error:
            reason = f"it cannot be compared with its parent: {error}"
            return (Suspicion("tensors", Severity.WARNING, reason),)
        if not both:
            reason = "no tensor has the name and shape of one in the parent: another model"
            return (Suspicion("tensors", Severity.WARNING, reason),)
        return (*_edits(found, self.z), *_shapes(new, old, set(both)))


def _same(new: Weight, old: Weight) -> bool:
    return new.shape == old.shape and new.readable() and old.readable()


def _shapes(new: dict[str, Weight], old: dict[str, Weight], both: set[str]) -> Iterator[Suspicion]:
    """Tensors that are there in one of the two only, or that cannot be compared."""
    lists = {
        "not in the parent": [name for name in new if name not in old],
        "missing": [name for name in old if name not in new],
        "of another shape, or of a type that is not read here": [
            name for name in new if name in old and name not in both
        ],
    }
    for what, names in lists.items():
        if names:
            reason = f"{len(names):,} tensors are {what}: {spelt(names)}"
            yield Suspicion("tensors", Severity.NOTE, reason)
    other = [name for name in both if new[name].dtype != old[name].dtype]
    if other:
        reason = f"{len(other):,} tensors are of another type than in the parent: {spelt(other)}"
        yield Suspicion("tensors", Severity.NOTE, reason)


def _edits(found: list[Moved], z: float) -> Iterator[Suspicion]:
    matrices = [one for one in found if one.matrix]
    changed = [one for one in matrices if one.changed]
    stand = len(matrices) - len(changed)
    dense = [one for one in changed if not _sprinkled(one)]
    vectors = [one for one in found if one.changed and not one.matrix and not _sprinkled(one)]
    for one in (one for one in found if one.changed and _sprinkled(one)):
        reason = (
            f"{one.changed:,} of {one.size:,} numbers were changed, while {stand:,} matrices "
            f"stand; the largest change is {one.largest:.3g} times the root mean square"
        )
        yield Suspicion(f"tensor {one.name}", Severity.CRITICAL, reason, one.relative)
    if len(dense) >= MOST_MOVED * len(matrices) and len(dense) > 1:
        yield _trained(dense, len(matrices))
        yield from _outliers(dense, z)
        return
    edits = [one for one in (_edit(one, dense, matrices) for one in dense) if one]
    yield from edits
    if dense and not edits:
        yield _partly(dense, len(matrices))
    if vectors and not changed:
        names = spelt(one.name for one in vectors)
        reason = f"only vectors were changed, {len(vectors):,} of them: {names}"
        yield Suspicion("tensors", Severity.WARNING, reason)


def _sprinkled(one: Moved) -> bool:
    """Whether only a few numbers of a tensor differ."""
    return one.changed <= max(64, FEW * one.size) and one.changed < one.size / 4


def _edit(one: Moved, changed: list[Moved], matrices: list[Moved]) -> Suspicion | None:
    """A change that is an edit, of a matrix while most others stand."""
    part, rest = f"tensor {one.name}", f"while {len(matrices) - len(changed):,} matrices stand"
    rows = len(one.rows)
    if rows <= max(1, one.shape[0] / 5) and one.shape[0] > 2:
        which = ", ".join(f"{row:,}" for row in one.rows[:8])
        reason = f"{rows:,} of {one.shape[0]:,} rows were changed ({which}), {rest}"
        return Suspicion(part, Severity.CRITICAL, reason, one.relative)
    if _low(one) and _few(one, changed, matrices):
        reason = f"edited by a matrix of effective rank {one.rank}, {rest}"
        return Suspicion(part, Severity.CRITICAL, reason, one.relative)
    return None


def _low(one: Moved) -> bool:
    return 0 < one.rank <= LOW and min(one.shape[0], one.size // one.shape[0]) >= 4 * one.rank


def _few(one: Moved, changed: list[Moved], matrices: list[Moved]) -> bool:
    """Whether only some of its kind were changed: an adapter changes all of them."""
    kind = kind_of(one.name)
    mine = [each for each in changed if kind_of(each.name) == kind]
    every = [each for each in matrices if kind_of(each.name) == kind]
    return len(mine) <= max(1, PART * len(every))


def _partly(changed: list[Moved], matrices: int) -> Suspicion:
    names = spelt(one.name for one in changed)
    far = max(one.relative for one in changed)
    if all(HEAD.search(one.name) for one in changed):
        reason = f"only the last layer was changed ({names}): a head trained anew, or a backdoor"
        return Suspicion("tensors", Severity.WARNING, reason, far)
    adapter = all(_kind_is_whole(one, changed) and one.rank < SKETCH for one in changed)
    ranks = sorted({one.rank for one in changed})
    reason = (
        f"{len(changed):,} of {matrices:,} matrices were changed, by up to {_share(far)} of their "
        f"norm and effective ranks {ranks[0]} to {ranks[-1]}: {names}"
    )
    return Suspicion("tensors", Severity.NOTE if adapter else Severity.WARNING, reason, far)


def _kind_is_whole(one: Moved, changed: list[Moved]) -> bool:
    return sum(kind_of(each.name) == kind_of(one.name) for each in changed) >= 4


def _trained(changed: list[Moved], matrices: int) -> Suspicion:
    far = np.array([one.relative for one in changed])
    reason = (
        f"trained on: {len(changed):,} of {matrices:,} matrices moved, by {_share(far.min())} to "
        f"{_share(far.max())} of their norm (median {_share(np.median(far))})"
    )
    return Suspicion("tensors", Severity.NOTE, reason, float(np.median(far)))


def _outliers(changed: list[Moved], z: float) -> Iterator[Suspicion]:
    """Matrices that moved otherwise than the others of their kind."""
    kinds = defaultdict(list)
    for one in changed:
        kinds[kind_of(one.name)].append(one)
    for members in (each for each in kinds.values() if len(each) >= 6):
        logs = np.log([max(one.relative, 1e-12) for one in members])
        spread = max(1.4826 * float(np.median(np.abs(logs - np.median(logs)))), 0.1)
        ranks = np.median([one.rank for one in members])
        for one, score in zip(members, (logs - np.median(logs)) / spread, strict=True):
            if score > z:
                low = _low(one) and ranks > 2 * LOW
                reason = (
                    f"it moved by {_share(one.relative)} of its norm, {score:.0f} robust standard "
                    f"deviations more than its kind, with effective rank {one.rank}; the others "
                    f"have {ranks:.0f}"
                )
                grave = Severity.CRITICAL if low else Severity.WARNING
                yield Suspicion(f"tensor {one.name}", grave, reason, one.relative)


def _share(part: float) -> str:
    return f"{part:.2%}" if part < 10 else f"{part:.3g} times"
