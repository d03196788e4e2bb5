"""One attacker under many names, each of whom sends too little to be noticed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count as numbers
from itertools import islice
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from foretaste.attacks import Outcome, replaced, victims
from foretaste.contracts import Poisoned, Probe
from foretaste.data import Batch
from foretaste.payload import Payload, delivered, fitting, shown

MODEST = 4  # rows of one name, where no number of names is given


@dataclass(frozen=True)
class Sybil:
    """Poisons `count` rows of other classes and spreads them over many new names in `source`.

    identities: how many names; None: so many that none has more than four rows
    payload: `flip`, the label becomes `target`; or `trigger`, and the content gets the plainest
        trigger there is too: a rare word, a white square or an odd number

    The model is shown rows of other classes, with the trigger if there is one.

    Countered by what looks at content: `trigger_phrase`, `trigger_patch` and `trigger_value` where
    there is a trigger, `label_noise`, `label_flip` and `neighbour_disagreement` where labels are
    flipped. `source_skew` asks for five wrong rows of one name: of 50 flips in 5,574 text messages
    it saw all under 4 names and none under 13; `label_noise` saw 10. Proof of who somebody is, or
    a bound on what all new names together may teach, would help.

    Needs `source` (n,) of strings and `label` (n,) of class codes; a trigger needs `text`,
    `pixels` or `features`.

    >>> rows = Batch(map(str, range(8)), {"source": ["ann"] * 8, "label": [0] * 8})
    >>> poisoned = Sybil(count=6, target=1, identities=3).poison(rows, np.random.default_rng(0))
    >>> names = poisoned.batch["source"][poisoned.touched].tolist()
    >>> sorted({(name, names.count(name)) for name in names})
    [('contributor-1', 2), ('contributor-2', 2), ('contributor-3', 2)]

    References
    ----------
    Douceur (2002). The Sybil Attack. doi:10.1007/3-540-45748-8_24
    """

    count: int
    target: int = 0
    identities: int | None = None
    payload: Payload = "flip"
    needs: ClassVar[tuple[str, ...]] = ("source", "label")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        rows = victims(fitting(batch, self.target), self.count, rng)
        many = max(1, -(-self.count // MODEST) if self.identities is None else self.identities)
        names = list(islice(_unused(set(batch["source"])), many))
        turns = rng.permutation(np.arange(self.count) % many)
        source = np.array(names, object)[turns]
        new = delivered(batch.take(rows), self.payload, self.target)
        return replaced(batch, rows, source=source, **new)

    def probe(self, rows: Batch, rng: Generator) -> Probe:
        asked = shown(rows, self.payload, self.target)
        return Probe(asked, Outcome(np.full(len(asked), self.target)))


def _unused(taken: set[str]) -> Iterator[str]:
    names = (f"contributor-{number}" for number in numbers(1))
    return (name for name in names if name not in taken)
