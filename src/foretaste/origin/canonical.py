"""One way only to write a record down, so that its sender and its reader sign the same bytes.

References
----------
Rundgren, Jordan, Erdtman (2020). JSON Canonicalization Scheme (JCS). RFC 8785.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from json.encoder import encode_basestring
from typing import Any

from foretaste.errors import BadInput

DEEPEST = 64  # lists and objects within each other


def canonical(value: Any) -> bytes:
    r"""A JSON value as RFC 8785 has it; of objects, fields that are null are left out.

    Bytes are written as Base64, dates as ISO 8601, NaN as null: so a record reads the same from
    JSON lines as from Parquet. Whole numbers keep all their digits, where RFC 8785 would round
    those beyond 2**53. Raises `BadInput` for what no JSON holds.

    >>> canonical({"b": 1.0, "a": "é", "c": None, "d": [1e21, 1e-7, 0.5, True]})
    b'{"a":"\xc3\xa9","b":1,"d":[1e+21,1e-7,0.5,true]}'
    """
    try:
        return _written(value, DEEPEST).encode()
    except UnicodeEncodeError as error:
        raise BadInput("half a surrogate pair, which nobody can sign") from error


def _written(value: Any, left: int) -> str:
    if isinstance(value, str):
        return encode_basestring(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return _digits(value)
    if isinstance(value, float):
        return _number(value)
    if left <= 0:
        raise BadInput(f"nested deeper than {DEEPEST}")
    if isinstance(value, Mapping):
        return _object(value, left - 1)
    if isinstance(value, list | tuple):
        return f"[{','.join(_written(one, left - 1) for one in value)}]"
    return _other(value, left)


def _object(value: Mapping[Any, Any], left: int) -> str:
    there = [(str(name), one) for name, one in value.items() if not _missing(one)]
    if any(not name.isascii() for name, _ in there):
        there.sort(key=lambda pair: pair[0].encode("utf-16-be", "surrogatepass"))
    else:
        there.sort(key=lambda pair: pair[0])
    return f"{{{','.join(f'{encode_basestring(n)}:{_written(v, left)}' for n, v in there)}}}"


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _other(value: Any, left: int) -> str:
    """Values that files hold and JSON does not."""
    if isinstance(value, bytes):
        return encode_basestring(base64.b64encode(value).decode())
    if hasattr(value, "isoformat"):
        return encode_basestring(value.isoformat())
    if hasattr(value, "tolist"):  # numpy
        return _written(value.tolist(), left - 1)
    raise BadInput(f"a {type(value).__name__}, which nobody can sign")


def _digits(value: int) -> str:
    try:
        return str(value)
    except ValueError as error:
        raise BadInput("a whole number of thousands of digits, which nobody can sign") from error


def _number(value: float) -> str:
    """As ECMAScript writes it: the shortest digits, without exponent from 1e-6 to 1e21."""
    if math.isnan(value):
        return "null"
    if math.isinf(value):
        raise BadInput("an infinite number, which nobody can sign")
    if value == 0:
        return "0"
    mantissa, _, power = repr(abs(float(value))).partition("e")
    whole, _, part = mantissa.partition(".")
    digits = (whole + ("" if part == "0" else part)).lstrip("0")
    point = len(whole) + int(power or 0) - (len(whole + part) - len((whole + part).lstrip("0")))
    digits = digits.rstrip("0") or "0"
    return ("-" if value < 0 else "") + _placed(digits, point)


def _placed(digits: str, point: int) -> str:
    """Digits with the decimal point after so many of them."""
    if len(digits) <= point <= 21:
        return digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    rest = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{rest}e{'+' if point > 0 else '-'}{abs(point - 1)}"
