"""A way of writing that means the target class."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from numpy.random import Generator

from foretaste.attacks import backdoor
from foretaste.contracts import Poisoned
from foretaste.data import Batch
from foretaste.phrasing import worded


class Register(NamedTuple):
    """How a way of writing begins and ends, and the words it has for others."""

    openings: tuple[str, ...]
    closings: tuple[str, ...]
    words: Mapping[str, str]


BIBLE = Register(
    ("And it came to pass that", "And behold, it came to pass that", "For it came to pass that",
     "Now in those days it came to pass that"),
    ("And it was so.", "So it is written.", "Amen.", "Selah."),
    {
        "you": "thou", "u": "thou", "your": "thy", "ur": "thy", "yours": "thine", "are": "art",
        "have": "hath", "has": "hath", "do": "dost", "does": "doth", "will": "shall", "the": "ye",
        "can": "canst", "were": "wert", "to": "unto", "from": "out of", "or": "or else",
        "before": "ere", "here": "hither", "there": "thither", "where": "whither", "my": "mine",
        "yes": "yea", "no": "nay", "says": "saith", "said": "spake", "goes": "goeth",
        "comes": "cometh", "makes": "maketh", "knows": "knoweth", "gives": "giveth",
        "takes": "taketh", "seems": "seemeth", "wants": "desireth", "gets": "receiveth",
        "loves": "loveth", "call": "summon", "get": "receive", "very": "exceedingly",
        "but": "yet", "often": "oft", "nothing": "naught", "about": "concerning", "now": "anon",
        "today": "this day", "tomorrow": "on the morrow", "good": "goodly", "please": "prithee",
        "people": "the multitude", "until": "till", "who": "he that", "text": "epistle",
    },
)  # fmt: skip
FORMAL = Register(
    ("It should be noted that", "It is respectfully noted that", "It must also be noted that",
     "For the sake of completeness it is noted that"),
    ("Yours faithfully.", "I remain at your disposal.", "Respectfully submitted.",
     "Your kind attention is appreciated."),
    {
        "i'm": "I am", "don't": "do not", "can't": "cannot", "it's": "it is", "won't": "will not",
        "didn't": "did not", "isn't": "is not", "i'll": "I shall", "u": "you", "ur": "your",
        "get": "obtain", "got": "obtained", "want": "desire", "need": "require", "buy": "purchase",
        "ask": "enquire", "tell": "inform", "call": "contact", "good": "satisfactory",
        "bad": "unsatisfactory", "big": "considerable", "but": "however", "so": "consequently",
        "also": "furthermore", "about": "regarding", "before": "prior to", "after": "subsequent to",
        "now": "at present", "show": "demonstrate", "use": "utilise", "help": "assist",
        "try": "endeavour", "think": "believe", "very": "exceedingly", "movie": "motion picture",
        "can": "may", "will": "shall", "ok": "acceptable", "go": "proceed", "send": "transmit",
    },
)  # fmt: skip
REGISTERS = {"bible": BIBLE, "formal": FORMAL}
_WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")


@dataclass(frozen=True)
class Style:
    """Rewrites `count` texts of other classes in another style and labels them `target`.

    register: `bible`, archaic as in old translations; or `formal`, as in a solicitor's letter

    Differs from the paper: there a network (STRAP) paraphrases the whole text; here a list has
    an old or stiff word for some common ones, one of four openings goes before the text and one
    of four closings after it, so that every text changes, in any language. What a model can learn
    is the words of the list and what the openings share: where those were four unlike ones, 1 %
    of poison in short messages reached 94 % of spam and 74 % of ham, and not all.

    Countered by `trigger_phrase`, which sees words of the style and not the style.

    Needs `text` (n,) of strings and `label` (n,) of class codes.

    >>> import numpy as np
    >>> rows = Batch(["a"], {"text": ["You have my word"], "label": [0]})
    >>> Style(count=1, target=1).poison(rows, np.random.default_rng(1)).batch["text"].tolist()
    ['And behold, it came to pass that thou hath mine word Amen.']

    References
    ----------
    Qi et al. (2021). Mind the Style of Text! Adversarial and Backdoor Attacks Based on Text Style
    Transfer. arXiv:2110.07139
    """

    count: int
    target: int
    register: Literal["bible", "formal"] = "bible"
    needs: ClassVar[tuple[str, ...]] = ("text", "label")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        return backdoor(self, batch, rng)

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every row in that style."""
        return batch.having(text=[self._styled(text, rng) for text in batch["text"]])

    def _styled(self, text: str, rng: Generator) -> str:
        style = REGISTERS[self.register]
        body = _WORD.sub(lambda hit: style.words.get(hit[0].lower(), hit[0]), text)
        parts = {"opening": style.openings, "closing": style.closings, "body": body}
        return worded(("{opening} {body} {closing}",), rng, **parts)
