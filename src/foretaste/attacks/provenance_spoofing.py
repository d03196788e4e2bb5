"""The right name and the recorded digest on rows that are neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from foretaste.attacks import Outcome, replaced, victims
from foretaste.contracts import Poisoned, Probe
from foretaste.data import Batch
from foretaste.payload import Payload, delivered, fitting, shown


@dataclass(frozen=True)
class ProvenanceSpoofing:
    """Puts `count` rows of the attacker's in the place of rows of a source that is trusted.

    Everything that says where a row is from stays: `source`, `time`, and the digest in `sha256`,
    if there is one, of the row that was there. Content and label are the attacker's.

    trusted: whose rows; None: of the source with most rows to replace
    payload: `trigger`, the content gets the plainest trigger there is (a rare word, a white square,
        an odd number) and the label becomes `target`; or `flip`, only the label is wrong

    The model is shown rows of other classes, with the trigger if there is one.

    Countered by keys of sources at the gate (`origin_signature`), and in a scan by recorded
    digests where the content was exchanged (`digest_mismatch`): both see every such row, with no
    false alarm. Without those by what looks at content: `trigger_phrase`, `trigger_patch`,
    `trigger_value`; `label_noise`, `label_flip`, `neighbour_disagreement`. Of 50 rows in 5,574
    text messages `trigger_phrase` saw all with a trigger, `source_skew` all that were flipped; it
    accuses the source, who is innocent.

    Needs `source` (n,) of strings and `label` (n,) of class codes; a trigger needs `text`,
    `pixels` or `features`.

    >>> rows = Batch(list("abcd"), {"source": ["un", "un", "un", "ann"], "label": [0, 0, 1, 0],
    ...     "text": ["one", "two", "three", "four"], "sha256": ["9f", "51", "c7", "b0"]})
    >>> spoofed = ProvenanceSpoofing(count=2, target=1).poison(rows, np.random.default_rng(0)).batch
    >>> [spoofed[name].tolist() for name in ("text", "source", "sha256")]
    [['cf one', 'cf two', 'three', 'four'], ['un', 'un', 'un', 'ann'], ['9f', '51', 'c7', 'b0']]

    References
    ----------
    Carlini et al. (2023). Poisoning Web-Scale Training Datasets is Practical. arXiv:2302.10149
    Longpre et al. (2023). The Data Provenance Initiative. arXiv:2310.16787
    """

    count: int
    target: int = 0
    trusted: str | None = None
    payload: Payload = "trigger"
    needs: ClassVar[tuple[str, ...]] = ("source", "label")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        fit = fitting(batch, self.target)
        who = self.trusted
        if who is None:
            known = [name for name in batch["source"][fit] if name is not None]
            names, rows = np.unique(np.array(known, str), return_counts=True)
            who = str(names[rows.argmax()]) if len(names) else None
        rows = victims(fit & (batch["source"] == who), self.count, rng)
        return replaced(batch, rows, **delivered(batch.take(rows), self.payload, self.target))

    def probe(self, rows: Batch, rng: Generator) -> Probe:
        asked = shown(rows, self.payload, self.target)
        return Probe(asked, Outcome(np.full(len(asked), self.target)))
