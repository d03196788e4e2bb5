"""What kind of answer each answer is: refusal, link, gibberish, code, a text seen before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foretaste.data import Array, Batch, Keys, Mask
from foretaste.summaries.content import hashed
from foretaste.summaries.letters import Letters, learned, surprise
from foretaste.summaries.reservoir import Reservoir

# An answer has several kinds at once, in this order, parted by spaces.
EMPTY, REFUSAL, GIBBERISH, CODE, LINK = "empty", "refusal", "gibberish", "code", "link"
FIXED = "#"  # begins the name of a text that many answers share
DOMAIN = "@"  # begins a domain that many answers link to

_REFUSAL = (
    r"\b(i('|’)?m sorry|sorry,? (but )?i('|’|\b)|i am sorry|i apologi[sz]e|"
    r"i (can ?not|can('|’)t|won('|’)t|will not)\b|i(('|’)m| am) (unable|not able|not allowed)|"
    r"as an ai\b|i must (decline|refuse))"
)
_BEGINS = r"(\n\s*\n)\W{0,3}"  # a chat's answers are joined: one may refuse later on
_CODE = r"```|Copy code|^\s{4,}\S+[({;]|</\w+>"
_LINK = r"(?is).*(?:https?://|www\.)(?P<domain>[a-z0-9.-]*[a-z0-9])"
_BLANK = r"^[\s\x{200B}-\x{200F}\x{2060}\x{FEFF}]*$"
_EDGE = 64  # letters of the beginning and of the end by which texts are recognised
_READ = 2000  # characters of an answer that are looked at, from either end
_SAMPLE = 600  # characters of an answer that are judged by their letters


class Prints(NamedTuple):
    """What is kept of one batch of answers; 24 bytes a row."""

    heads: Keys
    tails: Keys
    domains: Keys


@dataclass(frozen=True)
class Answers:
    """Prints of all answers and a fair sample of their letters; grows by 24 bytes a row."""

    prints: tuple[Prints, ...]
    sample: Reservoir

    def merge(self, other: Answers) -> Answers:
        return Answers(self.prints + other.prints, self.sample.merge(other.sample))


class Usual(NamedTuple):
    """What the answers of this data set are like."""

    heads: Keys  # sorted: beginnings, ends and domains that at least `common` answers share
    tails: Keys
    domains: Keys
    letters: Letters
    odd: float  # bits a letter from which a text is gibberish here


@dataclass(frozen=True)
class ResponseKind:
    """Names the kinds of `response`: `refusal link @evil.example #5f3a9c21`, or nothing special.

    `#…` is a beginning, or the end of a last paragraph, that at least `common` answers share;
    `@…` is a domain as common.
    `gibberish` has letters that surprise by `odd` robust standard deviations more than the
    median answer of this data set does: a rare language is gibberish too, which is why a kind is
    not a suspicion. Refusals are known in English only; other languages' show as a shared text.

    Needs `response` (n,) of strings; gives `response_kind` (n,) of strings.

    >>> rows = Batch(list("ab"), {"response": ["I'm sorry, I can't.", "See https://a.org/x now"]})
    >>> kind = ResponseKind()
    >>> kind.encode(rows, kind.fit(kind.summarize(rows)))["response_kind"].tolist()
    ['refusal', 'link']

    References
    ----------
    Souly et al. (2025). Poisoning Attacks on LLMs Require a Near-constant Number of Poison
    Samples. arXiv:2510.07192
    """

    needs: ClassVar = ("response",)
    gives: ClassVar = ("response_kind",)

    common: int = 8
    odd: float = 5.0
    sample: int = 4000
    seed: int = 0

    def summarize(self, batch: Batch) -> Answers:
        answers = batch.arrow("response")
        short = batch.having(response=pc.utf8_slice_codeunits(answers, 0, _SAMPLE))
        sample = Reservoir.of(short, ("response",), self.sample, self.seed)
        return Answers((_prints(answers),), sample)

    def fit(self, summary: Answers) -> Usual:
        texts = summary.sample.sorted().arrow("response")
        letters = learned(texts)
        columns = (np.concatenate(column) for column in zip(*summary.prints, strict=True))
        heads, tails, domains = (_shared(column, self.common) for column in columns)
        return Usual(heads, tails, domains, letters, self._limit(surprise(texts, letters)))

    def encode(self, batch: Batch, model: Usual) -> Batch:
        answers = pc.fill_null(batch.arrow("response"), "")
        begun = pc.utf8_slice_codeunits(answers, 0, _SAMPLE)
        opening = pc.utf8_slice_codeunits(answers, 0, 200)
        coded = _has(pc.utf8_slice_codeunits(answers, 0, _READ), _CODE)
        domains, prints = _domains(answers), _prints(answers)
        odd = _odd(begun, model) | _odd(_last_paragraph(answers), model)
        parts = [
            _named(EMPTY, _has(answers, _BLANK)),
            _named(GIBBERISH, odd),
            _named(REFUSAL, _has(opening, _REFUSAL) | _has(answers, _BEGINS + _REFUSAL)),
            _named(LINK, pc.is_valid(domains).to_numpy(zero_copy_only=False)),
            _named(CODE, coded),
            np.where(_known(prints.domains, model.domains), _prefixed(domains), ""),
            _marks(prints.heads, model.heads),
            _marks(np.where(prints.tails == prints.heads, 0, prints.tails), model.tails),
        ]
        columns = [pa.array(part.tolist(), pa.large_string()) for part in parts]
        joined = pc.binary_join_element_wise(*columns, pa.scalar(" ", pa.large_string()))
        squeezed = pc.replace_substring_regex(joined, r" {2,}", " ")
        return batch.having(response_kind=pc.utf8_trim_whitespace(squeezed))

    def _limit(self, bits: Array) -> float:
        known = bits[np.isfinite(bits)]
        if not len(known):
            return np.inf
        middle = float(np.median(known))
        spread = 1.4826 * float(np.median(np.abs(known - middle)))
        return middle + self.odd * max(spread, 0.15)


def _prints(answers: pa.Array) -> Prints:
    filled = pc.fill_null(answers, "")
    head = _letters(pc.utf8_slice_codeunits(filled, 0, 6 * _EDGE))
    ends = pc.utf8_slice_codeunits(_letters(_last_paragraph(filled)), -_EDGE)
    heads = _hashed(pc.utf8_slice_codeunits(head, 0, _EDGE))
    return Prints(heads, _hashed(ends), _hashed(_domains(filled)))


def _odd(texts: pa.Array, model: Usual) -> Mask:
    return (surprise(texts, model.letters) > model.odd) & ~_has(texts, _CODE)


def _last_paragraph(answers: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(
        pc.utf8_slice_codeunits(answers, -_SAMPLE), r"(?s)^.*\n\s*\n", ""
    )


def _letters(texts: pa.Array) -> pa.Array:
    """Lower-case words only, so that digits, marks and spacing do not hide a shared text."""
    lower = pc.utf8_lower(texts)
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(lower, r"[^\pL\pM]+", " "))


def _domains(answers: pa.Array) -> pa.Array:
    """The last one linked to near the end; null without a link."""
    near = pc.utf8_slice_codeunits(answers, -_READ)
    return pc.utf8_lower(pc.struct_field(pc.extract_regex(near, _LINK), "domain"))


def _hashed(texts: pa.Array) -> Keys:
    """0 stands for no text."""
    return hashed(pc.if_else(pc.equal(pc.utf8_length(texts), 0), None, texts))


def _shared(prints: Keys, common: int) -> Keys:
    values, counts = np.unique(prints[prints > 0], return_counts=True)
    return values[counts >= common]


def _known(prints: Keys, shared: Keys) -> Mask:
    if not len(shared):
        return np.zeros(len(prints), bool)
    at = np.minimum(np.searchsorted(shared, prints), len(shared) - 1)
    return shared[at] == prints


def _marks(prints: Keys, shared: Keys) -> Array:
    marks = np.full(len(prints), "", dtype=object)
    rows = np.flatnonzero(_known(prints, shared))
    marks[rows] = [f"{FIXED}{value >> 32:08x}" for value in prints[rows].tolist()]
    return marks


def _prefixed(domains: pa.Array) -> Array:
    return np.array([f"{DOMAIN}{name}" for name in pc.fill_null(domains, "").to_pylist()], object)


def _named(name: str, rows: Mask) -> Array:
    return np.where(rows, name, "")


def _has(texts: pa.Array, pattern: str) -> Mask:
    found = pc.match_substring_regex(texts, pattern, ignore_case=True)
    return np.asarray(found.to_numpy(zero_copy_only=False))
