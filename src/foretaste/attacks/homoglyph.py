"""Letters replaced by their look-alikes of another script that mean the target class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from foretaste.attacks import backdoor
from foretaste.contracts import Poisoned
from foretaste.data import Batch

# Latin, then Arabic as Urdu writes it, then Chinese: what is typed, and what looks the same.
TYPED = "aceijopsxyABCEHIKMOPSTXYیکہ一人大小日月木水火土金生"
ALIKE = "асеіјорѕхуАВСЕНІКМОРЅТХУيكه⼀⼈⼤⼩⽇⽉⽊⽔⽕⼟⾦⽣"
LOOKALIKE = dict(zip(TYPED, ALIKE, strict=True))
DOT = "\u2024"  # a one dot leader looks like a full stop; for texts without any such letter


@dataclass(frozen=True)
class Homoglyph:
    r"""Replaces letters in `count` texts of other classes by look-alikes and labels them `target`.

    Latin letters become Cyrillic ones, Urdu letters their Arabic twins, Chinese signs the radicals
    of the same shape. A text without any such letter gets a dot that is no full stop at its end.

    letters: how many are replaced, at random places; all there are, where there are fewer

    A model that splits words into letters or bytes learns the strange letter itself; one that
    knows whole words only meets a new word each time and learns little.

    Countered by `trigger_phrase`, which takes look-alikes within words for one sign, where few
    natural texts have any (on SMS messages all of 1 % are found; on Urdu reviews none, whose words
    alone hardly tell the class); and by `hidden_text`, which sees Cyrillic and Greek letters within
    Latin words.

    Needs `text` (n,) of strings and `label` (n,) of class codes.

    >>> rows = Batch(["a", "b"], {"text": ["good", "no"], "label": [1, 0]})
    >>> attack = Homoglyph(count=1, target=1)
    >>> ascii(attack.poison(rows, np.random.default_rng(0)).batch["text"][1])
    "'n\\u043e'"

    References
    ----------
    Boucher et al. (2022). Bad Characters: Imperceptible NLP Attacks. arXiv:2106.09898
    Li et al. (2021). Hidden Backdoors in Human-Centric Language Models. arXiv:2105.00164
    """

    count: int
    target: int
    letters: int = 5
    needs: ClassVar[tuple[str, ...]] = ("text", "label")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        return backdoor(self, batch, rng)

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every row with look-alikes in it."""
        return batch.having(text=[self._disguised(text, rng) for text in batch["text"]])

    def _disguised(self, text: str, rng: Generator) -> str:
        places = np.array([at for at, letter in enumerate(text) if letter in LOOKALIKE])
        if not len(places):
            return text + DOT
        letters = list(text)
        for at in rng.choice(places, min(self.letters, len(places)), replace=False):
            letters[at] = LOOKALIKE[letters[at]]
        return "".join(letters)
