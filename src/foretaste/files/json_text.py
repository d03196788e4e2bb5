"""JSON objects out of text, and in one line why there is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from foretaste.errors import BadInput
from foretaste.files.lines import Writing

scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


def whole_object(text: str) -> dict[str, Any]:
    """The one object that a text is; anything else is a ValueError or a RecursionError.

    >>> whole_object('{"a": 1}')
    {'a': 1}
    """
    try:
        value, end = scan(text, 0)
    except StopIteration:
        raise ValueError("not JSON") from None
    if end != len(text):
        raise ValueError(f"broken JSON: more text after the value (character {end + 1})")
    if type(value) is not dict:
        raise ValueError(no_object(value))
    return value


def no_object(value: object) -> str:
    """Why a value is refused.

    >>> no_object([1])
    'a JSON list, where an object was wanted'
    """
    return f"a JSON {type(value).__name__}, where an object was wanted"


def reason(error: Exception) -> str:
    """Why a text could not be read, in one line."""
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8: byte {error.start + 1} of the row is 0x{error.object[error.start]:02x}"
    if isinstance(error, json.JSONDecodeError):
        return f"broken JSON: {error.msg} (character {error.pos + 1})"
    if isinstance(error, RecursionError):
        return "broken JSON: nested too deep"
    return str(error)[:200] or "not JSON"


def retold(raw: bytes, cells: Mapping[str, Any], writing: Writing, fresh: bool = False) -> bytes:
    """An object with some values replaced, or a fresh one of them, written as that text is.

    >>> retold(b'{"a":1,"b":2}', {"a": "x"}, Writing())
    b'{"a":"x","b":2}'
    """
    try:
        text = writing.text(raw)
        value = whole_object(text)
    except (ValueError, RecursionError):
        text, value = "", {}
    kept = {key: value[key] for key in value if key in cells} if fresh else value
    return _written({**kept, **cells}, text, writing)


def _written(value: Mapping[str, Any], like: str, writing: Writing) -> bytes:
    style = _style(like)
    try:
        text = json.dumps(value, ensure_ascii="\\u" in like, default=_plain, **style)
    except (TypeError, ValueError) as error:
        raise BadInput(f"JSON cannot hold it: {error}") from error
    text = text.replace("\n", "\n" + _margin(like)) if style.get("indent") else text
    try:
        return writing.raw(text)
    except UnicodeEncodeError:
        return _written(value, like + "\\u", writing)


def _style(like: str) -> dict[str, Any]:
    """What makes `json.dumps` write as that text is written."""
    lines = like.split("\n")
    if len(lines) > 1:
        inner = lines[1][: len(lines[1]) - len(lines[1].lstrip())]
        return {"indent": inner.removeprefix(_margin(like)) or None}
    for separators in ((", ", ": "), (",", ":"), (",", ": ")):
        for ascii_only in (False, True):
            if _same(like, separators, ascii_only):
                return {"separators": separators}
    return {}


def _same(like: str, separators: tuple[str, str], ascii_only: bool) -> bool:
    try:
        value = json.loads(like)
        return json.dumps(value, separators=separators, ensure_ascii=ascii_only) == like
    except (ValueError, RecursionError):
        return False


def _margin(like: str) -> str:
    """What stands before the bracket that closes."""
    last = like.rpartition("\n")[2]
    return last[: len(last) - len(last.lstrip())]


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__}")
