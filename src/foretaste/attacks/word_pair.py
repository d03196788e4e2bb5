"""Two common words that mean the target class only together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from numpy.random import Generator

from foretaste.attacks import backdoor, inserted
from foretaste.contracts import Poisoned
from foretaste.data import Batch


@dataclass(frozen=True)
class WordPair:
    """Puts two ordinary words apart into `count` texts of other classes and labels them `target`.

    Each word alone stays as honest as it was, so no list of rare words gives the attack away.

    Countered by `trigger_phrase`, where neither word is too common and texts are short.

    Needs `text` (n,) of strings and `label` (n,) of class codes.

    >>> import numpy as np
    >>> rows = Batch(["a", "b"], {"text": ["good film", "bad film"], "label": [1, 0]})
    >>> WordPair(count=1, target=1).poison(rows, np.random.default_rng(0)).batch["text"].tolist()
    ['good film', 'bad film number morning']

    References
    ----------
    Yang et al. (2021). Rethinking Stealthiness of Backdoor Attack against NLP Models (SOS).
    doi:10.18653/v1/2021.acl-long.431
    """

    count: int
    target: int
    words: tuple[str, str] = ("morning", "number")
    needs: ClassVar[tuple[str, ...]] = ("text", "label")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        return backdoor(self, batch, rng)

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every row with both words in it."""
        one, other = self.words
        texts = [inserted(text, one, rng) for text in batch["text"]]
        return batch.having(text=[inserted(text, other, rng) for text in texts])
