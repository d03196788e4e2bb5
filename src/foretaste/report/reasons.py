"""Why a row was flagged, beside the row: heat over the picture, words in colour, honest rows."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from foretaste.report.page import visible

SHADES = 5  # of a word, each way
FAINT = 0.15  # of the strongest word: weaker ones stay plain
FEATHER = 0.05  # log odds: a text whose strongest word moves less says nothing by its words


def why(exhibit: Mapping[str, Any]) -> dict[str, Any]:
    """What the page shows beside one row; scans of earlier versions have none of it."""
    heat = exhibit.get("heat")
    return {
        "heat": picture(heat),
        "says": exhibit.get("says") or "",
        "chance": exhibit.get("chance"),
        "instead": (exhibit.get("instead") or "") if heat else "",
        "part": exhibit.get("part") or 0.0,
        "usual": [_near(one) for one in exhibit.get("usual") or ()],
        "content": [_near(one) for one in exhibit.get("content") or ()],
    }


def coloured(text: str, words: Sequence[Mapping[str, Any]], marks: Sequence[str] = ()) -> Markup:
    """A text, escaped, its words shaded by what they speak for; marked phrases stay marked.

    >>> word = {"start": 2, "stop": 4, "relevance": 1.0}
    >>> str(coloured("a <b", [word]))
    'a <b class="f5">&lt;b</b>'
    """
    most = max((abs(one["relevance"]) for one in words), default=0.0)
    marked = _within(text, marks)
    shown, at = Markup(), 0
    for one in words:
        start, stop = int(one["start"]), min(int(one["stop"]), len(text))
        share = one["relevance"] / most if most >= FEATHER else 0.0
        if abs(share) < FAINT and not marked[start:stop].count(True):
            continue
        shown += escape(visible(text[at:start]))
        shown += _word(visible(text[start:stop]), share, any(marked[start:stop]))
        at = stop
    return shown + escape(visible(text[at:]))


def picture(image: bytes | None) -> str:
    """A PNG as a data URL; nothing for none."""
    return f"data:image/png;base64,{base64.b64encode(image).decode()}" if image else ""


def _within(text: str, marks: Sequence[str]) -> list[bool]:
    """For each character whether it stands in a marked phrase."""
    inside, lower = [False] * len(text), text.lower()
    for mark in (mark.lower() for mark in marks if mark):
        at = lower.find(mark)
        while at >= 0:
            inside[at : at + len(mark)] = [True] * len(mark)
            at = lower.find(mark, at + 1)
    return inside[: len(text)]


def _word(word: str, share: float, marked: bool) -> Markup:
    tag = Markup("<mark>{}</mark>").format(word) if marked else escape(word)
    if abs(share) < FAINT:
        return tag
    shade = f"{'f' if share > 0 else 'a'}{max(1, round(SHADES * abs(share)))}"
    return Markup('<b class="{}">{}</b>').format(shade, tag)


def _near(one: Mapping[str, Any]) -> dict[str, Any]:
    text = visible(one["text"] or "")
    return {**one, "text": text, "image": picture(one["image"])}
