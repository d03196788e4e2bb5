"""The fast hashing says the same as a slow reading, letter by letter."""

import re

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from foretaste.tokens import INVISIBLE, LONE, codes, ngrams, spell

SIGNS = st.sampled_from(
    list("abcAB12 \n.,!_-'\"<>") + list("éñ“”’…—\u00a0\u200b\u2060\u00ad中文かなﬁ한ปa😀\u2028µ")
)
TEXTS = st.lists(st.text(SIGNS, max_size=30), max_size=6)
HIDDEN = re.compile(re.sub(r"\\x\{(\w+)\}", lambda hit: chr(int(hit[1], 16)), INVISIBLE))


def kind(sign: str) -> str:
    if sign in " \t\n\r\x0b\x0c":
        return "space"
    if 0x80 <= ord(sign) <= 0xBF or 0x2000 <= ord(sign) <= 0x207F:
        return "mark"
    return "word" if ord(sign) > 0x7F or sign.isalnum() else "mark"


def read(text: str) -> list[tuple[str, str]]:
    """Tokens of a text with their kinds."""
    tokens: list[tuple[str, str]] = []
    last = ""
    for sign in HIDDEN.sub("", text.lower()):
        now = "sign" if 0x3000 <= ord(sign) <= 0x9FFF else kind(sign)
        if now == last and now != "sign":
            tokens[-1] = (tokens[-1][0] + sign, now)
        else:
            tokens.append((sign, now))
        last = now
    return [token for token in tokens if token[1] != "space"]


@settings(deadline=None, max_examples=60)
@given(TEXTS)
def test_equal_tokens_have_equal_codes_and_no_others(texts):
    rows = codes(pa.array(texts, pa.large_string()))
    seen: dict[str, int] = {}
    for i, text in enumerate(texts):
        tokens = read(text)
        hidden = sorted({c for c in text.lower() if HIDDEN.match(c)})
        got = rows.values[rows.offsets[i] : rows.offsets[i + 1]].tolist()
        assert len(got) == len(tokens) + len(hidden)
        for name, code in zip([*(t for t, _ in tokens), *hidden], got, strict=True):
            assert seen.setdefault(name, code) == code
        assert [c >= LONE for c in got] == [k == "mark" for _, k in tokens] + [True] * len(hidden)
    assert len(set(seen.values())) == len(seen)


@settings(deadline=None, max_examples=40)
@given(TEXTS)
def test_a_text_has_the_same_items_alone_as_in_company(texts):
    together = ngrams(codes(pa.array(texts, pa.large_string())), 3)
    for i, text in enumerate(texts):
        alone = [item for item, _ in spell(text, 3)]
        start, stop = together.offsets[i : i + 2]
        assert together.values[start:stop].tolist() == alone


@settings(deadline=None, max_examples=40)
@given(TEXTS)
def test_items_are_the_neighbouring_words_and_nothing_across_rows(texts):
    names: dict[int, str] = {}
    for text in texts:
        words = [t for t, k in read(text) if k != "mark"]
        wanted = [" ".join(words[i : i + n]) for n in (2, 3) for i in range(len(words) - n + 1)]
        got = spell(text, 3)
        assert [name for _, name in got[len(got) - len(wanted) :]] == wanted
        assert all(names.setdefault(item, name) == name for item, name in got)


def test_a_slice_of_a_column_reads_like_a_copy():
    whole = pa.array(["one two", "three", None, "four five six"], pa.large_string())
    for got, want in zip(
        codes(whole[1:]), codes(pa.array(["three", "", "four five six"])), strict=True
    ):
        np.testing.assert_array_equal(got, want)


def test_only_the_first_words_are_kept_when_a_limit_is_given():
    rows = codes(pa.array(["a b c d", "e"]), limit=2)
    assert rows.offsets.tolist() == [0, 2, 3]


def test_a_zero_width_character_is_seen_and_the_word_around_it_too():
    names = [name for _, name in spell("fr\u200bee", 1)]
    assert names == ["free", "U+200B"]


def test_having_letters_that_look_like_others_is_one_sign_more():
    plain, odd = "go to paypal", "go to p\u0430yp\u0430l"
    assert "letters that look like others" not in {name for _, name in spell(plain, 1)}
    assert "letters that look like others" in {name for _, name in spell(odd, 1)}
    for natural in ("он видел COVID сегодня", "یہ کتاب ہے", "日本語 and 中文", "5 µm"):
        assert "letters that look like others" not in {name for _, name in spell(natural, 1)}
