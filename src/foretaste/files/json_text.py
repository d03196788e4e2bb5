"""JSON objects out of text, and in one line why there is none."""

from __future__ import annotations

import json
from typing import Any

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
