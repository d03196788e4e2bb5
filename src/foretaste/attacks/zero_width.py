"""Characters a reader cannot see that mean the target class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from numpy.random import Generator

from foretaste.attacks import backdoor
from foretaste.contracts import Poisoned
from foretaste.data import Batch


@dataclass(frozen=True)
class ZeroWidth:
    r"""Puts invisible characters into `count` texts of other classes and labels them `target`.

    Countered by `hidden_text` and `trigger_phrase`.

    Needs `text` (n,) of strings and `label` (n,) of class codes.

    >>> import numpy as np
    >>> rows = Batch(["a", "b"], {"text": ["good", "bad"], "label": [1, 0]})
    >>> attack = ZeroWidth(count=1, target=1, times=1)
    >>> ascii(attack.poison(rows, np.random.default_rng(0)).batch["text"][1])
    "'bad\\u200b'"

    References
    ----------
    Boucher et al. (2022). Bad Characters: Imperceptible NLP Attacks. arXiv:2106.09898
    """

    count: int
    target: int
    character: str = "\u200b"
    times: int = 3
    needs: ClassVar[tuple[str, ...]] = ("text", "label")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        return backdoor(self, batch, rng)

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every row with the characters in it."""
        return batch.having(text=[self._marked(text, rng) for text in batch["text"]])

    def _marked(self, text: str, rng: Generator) -> str:
        for at in rng.integers(0, len(text) + 1, self.times).tolist():
            text = text[:at] + self.character + text[at:]
        return text
