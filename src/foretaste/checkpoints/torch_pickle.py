"""Which tensors a torch pickle describes, read off its opcodes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from foretaste.checkpoints.bounded import Unreadable
from foretaste.checkpoints.opcodes import follow
from foretaste.checkpoints.standins import Made, Name, Pairs, Persistent, Within

STORAGES = {
    "FloatStorage": ("F32", 4), "DoubleStorage": ("F64", 8), "HalfStorage": ("F16", 2),
    "BFloat16Storage": ("BF16", 2), "LongStorage": ("I64", 8), "IntStorage": ("I32", 4),
    "ShortStorage": ("I16", 2), "CharStorage": ("I8", 1), "ByteStorage": ("U8", 1),
    "BoolStorage": ("BOOL", 1),
}  # fmt: skip
MOST = 100_000  # things walked through
WRAPPERS = ("_rebuild_parameter", "_rebuild_parameter_with_state", "_rebuild_from_type_v2")
REBUILDS = ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3")


@dataclass(frozen=True)
class StoredTensor:
    """A tensor: the entry of the archive that holds its numbers, and where they begin in it."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    key: str
    offset: int  # bytes


def stored_tensors(stream: BinaryIO, size: int) -> list[StoredTensor]:
    """Every tensor, under the keys that lead to it; raises `Unreadable` where one is odd."""
    followed = follow(Within(stream, size))
    if followed.trouble:
        raise Unreadable(f"its tensors cannot be told: {followed.trouble}")
    found: dict[str, StoredTensor] = {}
    for name, made in _walked(followed.root):
        tensor = _tensor(name or "tensor", made)
        if tensor is not None:
            found.setdefault(tensor.name, tensor)
    return list(found.values())


def _walked(root: Any) -> Iterator[tuple[str, Made]]:
    """Everything made by a call, with the keys that lead to it; each thing once."""
    waiting: list[tuple[str, Any]] = [("", root)]
    seen: set[int] = set()
    while waiting:
        name, one = waiting.pop()
        if id(one) in seen or not isinstance(one, (Made, Pairs, list, tuple)):
            continue
        seen.add(id(one))
        if len(seen) > MOST:
            raise Unreadable(f"more than {MOST:,} things are in it")
        if isinstance(one, Made):
            yield name, one
        waiting += reversed(list(_within(name, one)))


def _within(name: str, one: Any) -> Iterator[tuple[str, Any]]:
    dotted = f"{name}." if name else ""
    if isinstance(one, (list, tuple)):
        yield from ((f"{dotted}{at}", part) for at, part in enumerate(one))
        return
    yield from ((f"{dotted}{_key(key)}", value) for key, value in one.pairs)
    if isinstance(one, Made):
        yield from ((f"{dotted}{at}", part) for at, part in enumerate(one.parts))
        if _maker(one) in WRAPPERS and isinstance(one.given, tuple):
            yield from ((name, part) for part in one.given)
        elif _maker(one) not in REBUILDS:
            yield from ((name, part) for part in (one.given, one.state))


def _key(key: Any) -> str:
    return "" if key in ("_parameters", "_buffers", "_modules") else str(key)[:200]


def _maker(one: Made) -> str:
    return one.maker.name if isinstance(one.maker, Name) else ""


def _tensor(name: str, made: Made) -> StoredTensor | None:
    if _maker(made) not in REBUILDS or not isinstance(made.given, tuple) or len(made.given) < 4:
        return None
    storage, offset, shape, strides = made.given[:4]
    kept = storage.key if isinstance(storage, Persistent) else None
    if not isinstance(kept, tuple) or len(kept) < 5 or not isinstance(kept[1], Name):
        raise Unreadable(f"tensor {name[:80]!r} is not stored as torch stores tensors")
    dtype, width = STORAGES.get(kept[1].name, ("other", 1))
    if not (_naturals((offset,)) and _naturals(shape) and _naturals(strides)):
        raise Unreadable(f"tensor {name[:80]!r} has no proper shape")
    if not _contiguous(shape, strides):
        dtype = "strided"
    end = offset + math.prod(shape)
    if _naturals((kept[4],)) and end > kept[4] and dtype != "strided":
        raise Unreadable(f"tensor {name[:80]!r} reaches beyond its storage")
    clean = ".".join(part for part in name.split(".") if part)
    return StoredTensor(clean or "tensor", dtype, tuple(shape), str(kept[2]), offset * width)


def _naturals(values: Any) -> bool:
    return isinstance(values, tuple) and all(type(one) is int and one >= 0 for one in values)


def _contiguous(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    wanted = 1
    for side, stride in zip(reversed(shape), reversed(strides), strict=False):
        if side != 1 and stride != wanted:
            return False
        wanted *= side
    return len(shape) == len(strides)
