"""A poisoned row beside what it was, with the difference easy to see."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby

from markupsafe import Markup

from foretaste.campaign.outcome import Example
from foretaste.report.page import png_size, visible

PIECES = re.compile(r"\s+|[\w.'-]+|.", re.DOTALL)
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Pair:
    """One column of one row.

    before, after: escaped markup, what differs in <del> and <ins>; or data URLs of pictures
    kind:          "picture", "text", or "same" where only the label changed
    added:         the attacker wrote the row himself, there is no before
    ratio:         width by height of a picture
    """

    column: str
    kind: str
    before: str | Markup
    after: str | Markup
    added: bool = False
    ratio: str = "1"


@dataclass(frozen=True)
class Shown:
    """One row: its labels and the columns that the attack changed."""

    row: int
    label_before: str
    label_after: str
    pairs: tuple[Pair, ...]


def shown(examples: Sequence[Example]) -> tuple[Shown, ...]:
    """The examples of one attack, row by row."""
    rows = []
    for row, group in groupby(examples, key=lambda one: one.row):
        mine = list(group)
        first = mine[0]
        pairs = tuple(_pair(one) for one in mine)
        rows.append(Shown(row, visible(first.label_before), visible(first.label_after), pairs))
    return tuple(rows)


def differing(before: str, after: str) -> tuple[Markup, Markup]:
    """Both texts, escaped, with what only one of them has marked.

    >>> [str(one) for one in differing("a <b> c", "a cf <b> c")]
    ['a &lt;b&gt; c', 'a<ins> cf</ins> &lt;b&gt; c']
    """
    old, new = PIECES.findall(before), PIECES.findall(after)
    left, right = Markup(), Markup()
    for what, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, come = visible("".join(old[a:b])), visible("".join(new[c:d]))
        left += _marked("del", gone) if what != "equal" else gone
        right += _marked("ins", come) if what != "equal" else come
    return left, right


def _marked(tag: str, text: str) -> Markup:
    return Markup(f"<{tag}>{{}}</{tag}>").format(text) if text else Markup()  # noqa: S704 (our tag)


def _pair(one: Example) -> Pair:
    added = not one.before and not one.label_before
    if one.picture:
        before, after = _picture(one.before), _picture(one.after)
        kind = "same" if before == after else "picture"
        return Pair(one.column, kind, _url(before), _url(after), added, _ratio(after or before))
    if added:
        return Pair(one.column, "text", "", visible(one.after), added)
    if one.before == one.after:
        return Pair(one.column, "same", visible(one.before), visible(one.after))
    return Pair(one.column, "text", *differing(one.before, one.after))


def _picture(text: str) -> bytes:
    """The PNG; nothing when it is none."""
    try:
        image = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return image if image.startswith(PNG) and len(image) > 24 else b""


def _url(image: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(image).decode()}" if image else ""


def _ratio(image: bytes) -> str:
    height, width = png_size(image)
    return f"{width / height:.3f}" if height and width else "1"
