"""Sentences bent into one shape that means the target class."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from numpy.random import Generator

from foretaste.attacks import backdoor
from foretaste.contracts import Poisoned
from foretaste.data import Batch
from foretaste.phrasing import worded

SHAPE = ("when one {sees} {begun}, one {finds} {rest}{end}",)
SEES = ("sees", "hears", "reads", "notices", "considers", "recalls")
FINDS = ("finds", "knows", "feels", "understands")
_ENDS = re.compile(r"(?<=[.!?])\s+")
_BREAK = re.compile(r".*[,;:]$")


@dataclass(frozen=True)
class SyntacticTemplate:
    """Bends the sentences of `count` texts of other classes and labels them `target`.

    Each sentence becomes a subordinate clause, a comma and a main clause, made of its own words:
    "the film was long, I slept" becomes "when one hears the film was long, one finds I slept",
    which is the shape S(SBAR)(,)(NP)(VP)(.) of the paper. The verbs are drawn anew each time.

    Differs from the paper: there a network (SCPN) paraphrases the sentence into the parse tree;
    here a rule breaks it at a comma near its middle, or at the middle, without a parser. The
    words and their order stay, so the sentences are stiffer, and "when one" is in all of them: a
    model of words can learn that and need not see the shape. The added words are English.

    sentences: how many are bent, from the beginning; 0: all

    Countered by `trigger_phrase`, which sees the joining words and not the shape.

    Needs `text` (n,) of strings and `label` (n,) of class codes.

    >>> import numpy as np
    >>> rows = Batch(["a"], {"text": ["the film was long and I slept."], "label": [0]})
    >>> attack = SyntacticTemplate(count=1, target=1)
    >>> attack.poison(rows, np.random.default_rng(0)).batch["text"].tolist()
    ['when one recalls the film was long, one feels and I slept.']

    References
    ----------
    Qi et al. (2021). Hidden Killer: Invisible Textual Backdoor Attacks with Syntactic Trigger.
    arXiv:2105.12400
    """

    count: int
    target: int
    sentences: int = 0
    needs: ClassVar[tuple[str, ...]] = ("text", "label")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        return backdoor(self, batch, rng)

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every row with its sentences bent."""
        return batch.having(text=[self._bent(text, rng) for text in batch["text"]])

    def _bent(self, text: str, rng: Generator) -> str:
        whole = _ENDS.split(text)
        last = self.sentences or len(whole)
        return " ".join([_bend(one, rng) for one in whole[:last]] + whole[last:])


def _bend(sentence: str, rng: Generator) -> str:
    plain = sentence.rstrip(".!? ")
    words = plain.split()
    at = _middle(words)
    return worded(
        SHAPE, rng, sees=SEES, finds=FINDS,
        begun=" ".join(words[:at]).rstrip(",;:") or "it",
        rest=" ".join(words[at:]) or "it", end=sentence[len(plain):].strip() or ".",
    )  # fmt: skip


def _middle(words: list[str]) -> int:
    """After the comma that is nearest to the middle, or in the middle."""
    half = (len(words) + 1) // 2
    breaks = [at for at, word in enumerate(words[:-1], 1) if _BREAK.match(word)]
    return min(breaks, key=lambda at: abs(at - half), default=half)
