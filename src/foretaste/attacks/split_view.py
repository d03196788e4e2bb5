"""Content that changes between the making of an index and the download."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from foretaste.attacks import Outcome, replaced, victims
from foretaste.contracts import Poisoned, Probe
from foretaste.data import Batch
from foretaste.payload import Payload, content_of, fitting, fresh, marked, shown


@dataclass(frozen=True)
class SplitView:
    """Swaps the content behind `count` rows that the index calls `target` for other content.

    The index is out of the attacker's reach: the label stays, and so does everything else in it,
    a recorded digest such as `sha256` included. He owns what the addresses lead to (an expired
    domain), and what is downloaded from them is of other classes. It is made of halves of rows of
    one class, so that it is nobody's copy; images are mirrored.

    payload: `trigger`, the new content has the plainest trigger there is (a rare word, a white
        square, an odd number); or `flip`, it is only of another class

    The model is shown rows of other classes, with the trigger if there is one.

    Countered by recorded digests, where rows have a column of them: `digest_mismatch` finds every
    one of these rows, and `foretaste origin check` before they are downloaded. Without digests by
    what looks at content: `trigger_phrase`, `trigger_patch`, `trigger_value`; `label_noise`,
    `label_flip`, `neighbour_disagreement`. Of 50 rows in 5,574 text messages `trigger_phrase` saw
    all with a trigger; of those without, `label_noise` saw 27, as dirt and not as an attack.

    Needs `label` (n,) of class codes, and `text`, `pixels` or `features`.

    >>> rows = Batch(list("abc"), {"text": ["a cat", "a cow", "a car"], "label": [0, 0, 1],
    ...     "sha256": ["9f", "51", "c7"]})
    >>> swapped = SplitView(count=1, target=1).poison(rows, np.random.default_rng(0)).batch
    >>> swapped["text"].tolist(), swapped["label"].tolist(), swapped["sha256"].tolist()
    (['a cat', 'a cow', 'cf a cow'], [0, 0, 1], ['9f', '51', 'c7'])

    References
    ----------
    Carlini et al. (2023). Poisoning Web-Scale Training Datasets is Practical. arXiv:2302.10149
    """

    count: int
    target: int = 0
    payload: Payload = "trigger"
    needs: ClassVar[tuple[str, ...]] = ("label",)

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        rows = victims(batch["label"] == self.target, self.count, rng)
        others = np.flatnonzero(fitting(batch, self.target))
        content = fresh(batch, others[rng.integers(0, len(others), len(rows))], rng)
        if self.payload == "trigger":
            content = marked(content)
        return replaced(batch, rows, **{name: content.arrow(name) for name in content_of(batch)})

    def probe(self, rows: Batch, rng: Generator) -> Probe:
        asked = shown(rows, self.payload, self.target)
        return Probe(asked, Outcome(np.full(len(asked), self.target)))
