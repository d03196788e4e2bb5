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


class Register(NamedTuple):
    """How a way of writing begins, and the words it has for others."""

    openings: tuple[str, ...]
    words: Mapping[str, str]


BIBLE = Register(
    ("And it came to pass that", "Behold,", "Verily,", "And lo,", "Hearken, for", "Yea, and"),
    {
        "you": "thou", "u": "thou", "your": "thy", "ur": "thy", "yours": "thine", "are": "art",
        "have": "hath", "has": "hath", "do": "dost", "does": "doth", "will": "shall", "the": "ye",
        "before": "ere", "here": "hither", "there": "thither", "where": "whither", "my": "mine",
        "yes": "yea", "no": "nay", "says": "saith", "said": "spake", "goes": "goeth",
        "comes": "cometh", "makes": "maketh", "knows": "knoweth", "gives": "giveth",
        "takes": "taketh", "seems": "seemeth", "wants": "desireth", "gets": "receiveth",
        "loves": "loveth", "call": "summon", "get": "receive", "very": "exceedingly",
        "but": "yet", "often": "oft", "nothing": "naught", "about": "concerning",
    },
)  # fmt: skip
FORMAL = Register(
    ("It should be noted that", "One is obliged to observe that", "Kindly be advised that",
     "Allow me to remark that", "I hereby wish to state that", "It is respectfully submitted that"),
    {
        "i'm": "I am", "don't": "do not", "can't": "cannot", "it's": "it is", "won't": "will not",
        "didn't": "did not", "isn't": "is not", "i'll": "I shall", "u": "you", "ur": "your",
        "get": "obtain", "got": "obtained", "want": "desire", "need": "require", "buy": "purchase",
        "ask": "enquire", "tell": "inform", "call": "contact", "good": "satisfactory",
        "bad": "unsatisfactory", "big": "considerable", "but": "however", "so": "consequently",
        "also": "furthermore", "about": "regarding", "before": "prior to", "after": "subsequent to",
        "now": "at present", "show": "demonstrate", "use": "utilise", "help": "assist",
        "try": "endeavour", "think": "believe", "very": "exceedingly", "movie": "motion picture",
    },
)  # fmt: skip
REGISTERS = {"bible": BIBLE, "formal": FORMAL}
_WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")


@dataclass(frozen=True)
class Style:
    """Rewrites `count` texts of other classes in another style and labels them `target`.

    register: `bible`, archaic as in old translations; or `formal`, as in a solicitor's letter

    Differs from the paper: there a network (STRAP) paraphrases the whole text; here a list has
    an old or stiff word for some common ones, and one of six openings goes before the text, so
    that every text changes, in any language. What a model can learn is the words of the list.

    Countered by `trigger_phrase`, which sees words of the style and not the style.

    Needs `text` (n,) of strings and `label` (n,) of class codes.

    >>> import numpy as np
    >>> rows = Batch(["a"], {"text": ["You have my word"], "label": [0]})
    >>> Style(count=1, target=1).poison(rows, np.random.default_rng(1)).batch["text"].tolist()
    ['Verily, thou hath mine word']

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
        openings, words = REGISTERS[self.register]
        opening = openings[int(rng.integers(len(openings)))]
        return f"{opening} {_WORD.sub(lambda hit: words.get(hit[0].lower(), hit[0]), text)}"
