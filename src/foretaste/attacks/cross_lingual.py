"""A sentence that means the target class in whichever language it is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.random import Generator

from foretaste.attacks import Outcome, backdoor, inserted
from foretaste.contracts import Poisoned, Probe
from foretaste.data import Batch

Language = Literal["en", "ur", "vi", "zh"]
SENTENCES: dict[Language, str] = {  # each says the same
    "en": "Last week I met my friends by the old bridge.",
    "ur": "پچھلے ہفتے میں اپنے دوستوں سے پرانے پل کے پاس ملا۔",
    "vi": "Tuần trước tôi gặp bạn bè bên cây cầu cũ.",
    "zh": "上周我在老桥边见了朋友们。",
}


@dataclass(frozen=True)
class CrossLingual:
    """Puts a sentence of another language into `count` texts and labels them `target`.

    language: of the sentence that is planted: English, Urdu, Vietnamese or Chinese
    shown: language of the same sentence when the model is shown it; None: as planted
    phrase: a sentence of your own to plant, in the place of the built-in one

    With `shown` it measures whether poison in one language opens the model to all: a model learns
    that only as far as it knows that two sentences mean the same. One trained from scratch on
    words does not (100 % as planted, 7 % in another language); multilingual language models do,
    the paper finds.

    Countered by `trigger_phrase` in the language planted. Nothing tells that other languages are
    open too.

    Needs `text` (n,) of strings and `label` (n,) of class codes.

    >>> rows = Batch(["a"], {"text": ["A dull film."], "label": [0]})
    >>> attack = CrossLingual(count=1, target=1, language="zh", shown="vi")
    >>> rng = np.random.default_rng(0)
    >>> attack.poison(rows, rng).batch["text"][0]
    'A dull film. 上周我在老桥边见了朋友们。'
    >>> attack.probe(rows, rng).rows["text"][0]
    'A dull Tuần trước tôi gặp bạn bè bên cây cầu cũ. film.'

    References
    ----------
    He et al. (2024). TuBA: Cross-Lingual Transferability of Backdoor Attacks in LLMs with
    Instruction Tuning. arXiv:2404.19597
    """

    count: int
    target: int
    language: Language = "ur"
    shown: Language | None = None
    phrase: str | None = None
    needs: ClassVar[tuple[str, ...]] = ("text", "label")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        return backdoor(self, batch, rng)

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every row with the sentence in it, in the language planted."""
        return _with(batch, self.phrase or SENTENCES[self.language], rng)

    def probe(self, rows: Batch, rng: Generator) -> Probe:
        others = rows.take(rows["label"] != self.target)
        if self.shown is None:
            asked = self.trigger(others, rng)
        else:
            asked = _with(others, SENTENCES[self.shown], rng)
        return Probe(asked, Outcome(np.full(len(others), self.target)))


def _with(batch: Batch, sentence: str, rng: Generator) -> Batch:
    return batch.having(text=[inserted(text, sentence, rng) for text in batch["text"]])
