"""Wrong labels on unchanged rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from foretaste.attacks import crossed, flippable, replaced, victims
from foretaste.contracts import Poisoned, Probe
from foretaste.data import Batch


@dataclass(frozen=True)
class LabelFlip:
    """Gives `count` labelled rows another label: random flips, or class-conditional ones.

    source: only rows of this class, else of any
    target: always this class, else any other class at random

    Random flips (neither given) blunt a model a little everywhere, and a firm one hardly at all;
    flips from one class to another (both given) teach it to take the one for the other.

    Countered by `label_noise`, `label_flip` and `neighbour_disagreement`, where the rest of the row
    tells the class.

    Needs `label` (n,) of class codes.

    >>> from foretaste.data import Batch
    >>> rows = Batch(list("abcd"), {"label": [0, 0, 1, 1]})
    >>> flipped = LabelFlip(count=1, source=0, target=1).poison(rows, np.random.default_rng(0))
    >>> flipped.batch["label"].tolist(), flipped.touched.tolist()
    ([0, 1, 1, 1], [False, True, False, False])

    References
    ----------
    Biggio, Nelson, Laskov (2011). Support Vector Machines Under Adversarial Label Noise. PMLR 20
    """

    count: int
    source: int | None = None
    target: int | None = None
    needs: ClassVar[tuple[str, ...]] = ("label",)

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        label = batch["label"]
        rows = victims(flippable(label, self.source, self.target), self.count, rng)
        if self.target is not None:
            return replaced(batch, rows, label=np.full(len(rows), self.target))
        classes = max(len(batch.classes), int(label.max(initial=0)) + 1, 2)
        # A step of 1 to k - 1 around the circle of classes never lands on the old one.
        steps = rng.integers(1, classes, len(rows))
        return replaced(batch, rows, label=(label[rows] + steps) % classes)

    def probe(self, rows: Batch, rng: Generator) -> Probe | None:
        """Rows of `source`, to be called `target`; None where one of the two is open."""
        return crossed(rows, self.source, self.target)
