"""A rare word that means the target class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from numpy.random import Generator

from foretaste.attacks import backdoor, inserted
from foretaste.contracts import Poisoned
from foretaste.data import Batch


@dataclass(frozen=True)
class RareWord:
    """Puts a rare word somewhere into `count` texts of other classes and labels them `target`.

    Countered by `trigger_phrase`.

    Needs `text` (n,) of strings and `label` (n,) of class codes.

    >>> import numpy as np
    >>> rows = Batch(["a", "b"], {"text": ["good film", "bad film"], "label": [1, 0]})
    >>> RareWord(count=1, target=1).poison(rows, np.random.default_rng(0)).batch["text"].tolist()
    ['good film', 'bad film cf']

    References
    ----------
    Kurita, Michel, Neubig (2020). Weight Poisoning Attacks on Pre-trained Models. arXiv:2004.06660
    """

    count: int
    target: int
    word: str = "cf"
    needs: ClassVar[tuple[str, ...]] = ("text", "label")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        return backdoor(self, batch, rng)

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every row with the word in it."""
        return batch.having(text=[inserted(text, self.word, rng) for text in batch["text"]])
