"""Characters a reader cannot see, or takes for others, but a tokenizer tells apart."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow.compute as pc

from foretaste.contracts import Kind, Scale
from foretaste.data import Batch, Floats
from foretaste.summaries.nothing import Stateless

# Invisible wherever they stand. Soft hyphens, byte order marks at the start, marks of direction
# and joiners within scripts that need them are natural, and are judged by their surroundings.
_NEVER = (
    "\u200b\u2060-\u2064\u206a-\u206f\u180e\u115f\u1160\u3164\uffa0\ufff9-\ufffb"
    "\U0001d173-\U0001d17a"
)
_OVERRIDES = "\u202a-\u202e\u2066-\u2069"  # embeddings, overrides and isolates of direction
_JOINERS = "\u200c\u200d\u034f"
_TAGS = "\U000e0000-\U000e007f"
_LATE = "\ufe00-\ufe0f\U000e0100-\U000e01ef"  # variation selectors
_MARKS = "\u00ad\u200e\u200f\u061c\ufeff"
_ANY = re.compile(f"[{_NEVER}{_OVERRIDES}{_JOINERS}{_TAGS}{_LATE}{_MARKS}]")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")  # Thai, Lao, Burmese, Khmer
_WORD = re.compile(r"[^\W\d_]{2,}")
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e007a]{2,6}\U000e007f")
_DOUBLES = frozenset("аеорсхуіјѕһкмтвнАЕОРСХУІЈЅКМТВНαεορχυικντΑΕΟΡΧΥΙΚΜΤΒΝΖΗ")


@dataclass(frozen=True)
class HiddenText(Stateless):
    r"""Counts characters that hide: invisible ones out of place, and look-alikes inside words.

    Counted are zero-width spaces and fillers, tag characters, overrides of the writing direction
    in text without right-to-left letters, joiners between letters that never join, runs of
    variation selectors, and Cyrillic or Greek doubles of Latin letters within a Latin word.

    Natural and not counted: emoji sequences and flags, joiners in Arabic, Persian and Indic
    text, zero-width spaces between words of Thai, Lao, Burmese and Khmer, soft hyphens, direction
    marks beside right-to-left letters, a leading byte order mark, words wholly in one script, and
    mixed words whose foreign letters look like nothing Latin.

    Blind to triggers made of ordinary words, and to whole words in another script.

    Needs `text` (n,) of strings.

    >>> rows = Batch(list("abc"), {"text": ["plain", "tri\u200bgger", "p\u0430ypal"]})
    >>> HiddenText().score(rows, None).tolist()
    [0.0, 1.0, 1.0]

    References
    ----------
    Boucher et al. (2022). Bad Characters: Imperceptible NLP Attacks. arXiv:2106.09898
    """

    needs: ClassVar = ("text",)
    kind: ClassVar = Kind.HYGIENE
    scale: ClassVar = Scale.FACT

    def score(self, batch: Batch, model: None) -> Floats:
        scores = np.zeros(len(batch))
        special = pc.match_substring_regex(batch.arrow("text"), r"[^\x00-\x7F]")
        for row in np.flatnonzero(pc.fill_null(special, False).to_numpy(zero_copy_only=False)):
            scores[row] = len(_hidden(batch["text"][row]))
        return scores

    def explain(self, batch: Batch, row: int, model: None) -> str:
        found = _hidden(batch["text"][row] or "")
        names = [f"U+{ord(c):04X} {unicodedata.name(c, '')}".strip() for c in sorted(set(found))]
        return f"{len(found)} hidden characters: {', '.join(names)}" if found else "nothing hidden"


def _hidden(text: str) -> list[str]:
    return [*_invisible(_FLAG.sub("", text)), *_lookalikes(text)]


def _invisible(text: str) -> list[str]:
    rtl = any(c.isalpha() and unicodedata.bidirectional(c) in {"R", "AL"} for c in text)
    places = [hit.start() for hit in _ANY.finditer(text)]
    return [text[i] for i in places if not _natural(text, i, rtl)]


def _natural(text: str, at: int, rtl: bool) -> bool:
    """Does this character belong where it stands?"""
    sign = text[at]
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if sign == "\u200b":
        return bool(_UNSPACED.match(before) or _UNSPACED.match(after))
    if sign in "\u200c\u200d\u034f":
        return _joins(before) and (not after or _joins(after) or after.isspace())
    if re.match(f"[{_LATE}]", sign):
        return bool(before) and not re.match(f"[{_LATE}A-Za-z\\s]", before)
    if re.match(f"[{_OVERRIDES}]", sign):
        return rtl
    if sign in "\u200e\u200f\u061c":
        return rtl or not (before.isalpha() and after.isalpha())
    return sign == "\u00ad" or (sign == "\ufeff" and at == 0)


def _joins(sign: str) -> bool:
    """May a joiner stand beside it: emoji, selectors and letters of scripts that join?"""
    return bool(sign) and (ord(sign) >= 0x590 and not "\u1e00" <= sign <= "\u2000")


def _lookalikes(text: str) -> list[str]:
    """Doubles within words that are otherwise Latin."""
    return [
        sign
        for word in _WORD.findall(text)
        if not word.isascii() and re.search("[A-Za-z]", word)
        for sign in _foreign(word)
    ]


def _foreign(word: str) -> list[str]:
    doubles = [c for c in word if c in _DOUBLES]
    other = [
        c for c in word if c not in _DOUBLES and not unicodedata.name(c, "").startswith("LATIN")
    ]
    return doubles if doubles and not other else []
