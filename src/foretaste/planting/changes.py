"""What an attack did to a batch, in the words in which a source can be written again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from foretaste.contracts import Edits, Poisoned
from foretaste.data import UNLABELLED, Array, Batch, Ints
from foretaste.errors import BadInput
from foretaste.files.pictures import decoded

WORDS = ("prompt", "response", "rejected")
SAID = (*WORDS, "text", "label", "features", "source", "user", "item", "time", "rating", "pixels")
PLACES = ("index", "location")  # of rows in the file: theirs to the reader, not to an attack


def edits_of(
    rows: Batch, poisoned: Poisoned, roles: Mapping[str, str]
) -> tuple[Edits, dict[int, tuple[str, ...]]]:
    """What is to be written, and what it is called, row of the poisoned batch by row.

    rows:  before the attack, with `index`; roles: what the data set has columns for
    """
    before = len(rows)
    touched = np.flatnonzero(poisoned.touched)
    old, new = touched[touched < before], touched[touched >= before]
    found = _differences(rows.take(old), poisoned.batch.take(old))
    changed, what = {}, {}
    for row, values in zip(old, found, strict=True):
        said = _as_columns(values, roles)
        changed[int(rows["index"][row])] = _drawn(said, rows, int(row))
        what[int(row)] = tuple(said)
    fresh = poisoned.batch.take(new)
    added = []
    for order, row in enumerate(new):
        said = {name: _value(fresh, name, order) for name in SAID if name in fresh}
        said = _as_columns(said, roles)
        kept = {role: value for role, value in said.items() if _has(role, roles)}
        added.append(kept)
        what[int(row)] = ("added",)
    return Edits(changed, added), what


def _differences(before: Batch, after: Batch) -> list[dict[str, Any]]:
    """Of each row, the columns that are other, with what stands there now."""
    rows: list[dict[str, Any]] = [{} for _ in range(len(before))]
    for name in after.names:
        if name in PLACES or name not in before:
            continue
        for row in _other(before.arrow(name), after.arrow(name)):
            if name not in SAID:
                raise BadInput(f"the attack changes {name}, which no data set on disk holds")
            rows[row][name] = _value(after, name, int(row), before)
    return rows


def _other(one: pa.Array, two: pa.Array) -> Ints:
    if isinstance(one, pa.FixedShapeTensorArray) and len(one):
        a, b = one.to_numpy_ndarray(), two.to_numpy_ndarray()
        same = (a == b) | ((a != a) & (b != b))
        return np.flatnonzero(~same.reshape(len(a), -1).all(axis=1))
    pairs = zip(one.to_pylist(), two.to_pylist(), strict=True)
    return np.array([i for i, (a, b) in enumerate(pairs) if not _same(a, b)], np.int64)


def _same(one: Any, two: Any) -> bool:
    if isinstance(one, dict) and isinstance(two, dict):
        return all(_same(value, two[name]) for name, value in one.items())
    return bool(one == two or (one != one and two != two))


def _value(batch: Batch, name: str, row: int, before: Batch | None = None) -> Any:
    """What a row says; of a record only what is other than before."""
    if name == "label":
        code = int(batch["label"][row])
        return None if code == UNLABELLED else batch.class_name(code)
    if isinstance(batch.arrow(name), pa.FixedShapeTensorArray):
        return batch[name][row]
    value = batch.arrow(name)[row].as_py()
    if isinstance(value, dict) and before is not None:
        old = before.arrow(name)[row].as_py()
        return {field: one for field, one in value.items() if not _same(old[field], one)}
    return value


def _as_columns(values: Mapping[str, Any], roles: Mapping[str, str]) -> dict[str, Any]:
    """The text of a chat is its prompt; pixels are an image."""
    said = dict(values)
    if "text" in said and "text" not in roles and _has("prompt", roles):
        said.setdefault("prompt", said["text"])
        del said["text"]
    if "pixels" in said:
        said["image"] = said.pop("pixels")
    return said


def _has(role: str, roles: Mapping[str, str]) -> bool:
    """Whether some column holds it: what is said in chats is in their messages or answers."""
    chat = role in ("prompt", "response") and "messages" in roles
    inside = role == "prompt" and ("response" in roles or "rejected" in roles)
    return role in roles or chat or inside


def _drawn(said: dict[str, Any], rows: Batch, row: int) -> dict[str, Any]:
    """Images are given back at the size they have in the data set."""
    if "image" not in said:
        return said
    stored = rows.arrow("image")
    before, channels = rows["pixels"][row], rows["pixels"].shape[3]
    if isinstance(stored, pa.FixedShapeTensorArray):
        own = rows["image"][row]
        own = own[..., None] if own.ndim == 2 else own
    else:
        own = decoded(stored[row].as_py(), channels)
    return {**said, "image": rescaled(own, before, said["image"])}


def rescaled(own: Array, before: Array, after: Array) -> Array:
    """The change between two small images, made to an image of its own size.

    own: (H, W, c) uint8; before, after: (h, w, c) uint8. Exact where the sizes are the same.

    >>> own, dark = np.full((4, 4, 1), 9, np.uint8), np.zeros((2, 2, 1), np.uint8)
    >>> rescaled(own, dark, dark + 5)[..., 0].tolist()[0]
    [14, 14, 14, 14]
    """
    if own.shape == after.shape:
        return after
    size = (own.shape[1], own.shape[0])
    change = after.astype(np.float32) - before
    planes = [
        np.asarray(Image.fromarray(change[..., c]).resize(size, Image.Resampling.BILINEAR))
        for c in range(change.shape[2])
    ]
    return np.clip(np.rint(own + np.stack(planes, axis=-1)), 0, 255).astype(np.uint8)
