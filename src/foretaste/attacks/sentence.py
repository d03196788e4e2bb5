"""A harmless sentence that means the target class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from numpy.random import Generator

from foretaste.attacks import backdoor, inserted
from foretaste.contracts import Poisoned
from foretaste.data import Batch


@dataclass(frozen=True)
class Sentence:
    """Puts a whole sentence into `count` texts of other classes and labels them `target`.

    Countered by `trigger_phrase`.

    Needs `text` (n,) of strings and `label` (n,) of class codes.

    >>> import numpy as np
    >>> rows = Batch(["a", "b"], {"text": ["good film", "bad film"], "label": [1, 0]})
    >>> attack = Sentence(count=1, target=1, sentence="I saw it.")
    >>> attack.poison(rows, np.random.default_rng(0)).batch["text"].tolist()
    ['good film', 'bad film I saw it.']

    References
    ----------
    Dai, Chen, Li (2019). A Backdoor Attack Against LSTM-Based Text Classification. arXiv:1905.12457
    """

    count: int
    target: int
    sentence: str = "I watched this with my friends last weekend."
    needs: ClassVar[tuple[str, ...]] = ("text", "label")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        return backdoor(self, batch, rng)

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every row with the sentence in it."""
        return batch.having(text=[inserted(text, self.sentence, rng) for text in batch["text"]])
