"""Explanations as the page shows them."""

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from foretaste.report.page import visible
from foretaste.report.reasons import coloured, why
from foretaste.tokens import spans


def words(text, *relevance):
    return [
        {"start": a, "stop": b, "relevance": value}
        for (a, b), value in zip(spans(text), relevance, strict=False)
    ]


def test_what_speaks_for_is_red_and_what_speaks_against_is_blue():
    text = "win the match"
    shown = str(coloured(text, words(text, 4.0, 0.1, -2.0)))
    assert shown == '<b class="f5">win</b> the <b class="a2">match</b>'


def test_marked_phrases_stay_marked_whatever_they_weigh():
    text = "a cf b"
    assert "<mark>cf</mark>" in coloured(text, words(text, 1.0, 0.0, 0.0), ["CF"])


def test_a_text_of_which_no_word_matters_stays_plain():
    text = "nothing here"
    assert str(coloured(text, words(text, 0.001, -0.001))) == text


def test_scans_of_earlier_versions_have_no_reasons():
    assert why({"image": b""})["heat"] == ""
    assert why({"image": b""})["usual"] == []


@given(st.text(max_size=60), st.lists(st.floats(-9, 9), max_size=40), st.text(max_size=5))
def test_no_text_breaks_out_and_none_is_lost(text, relevance, mark):
    text = text.encode("utf-8", "ignore").decode()
    shown = str(coloured(text, words(text, *relevance), [mark]))
    for tag in (
        "<mark>",
        "</mark>",
        "</b>",
        *(f'<b class="{c}{n}">' for c in "fa" for n in "12345"),
    ):
        shown = shown.replace(tag, "")
    assert shown == str(escape(visible(text)))
