"""Poisoned rows beside what they were, for people to look at."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from foretaste.campaign.outcome import Example
from foretaste.data import Array, Batch, Mask

SHOWN = 4
LONGEST = 400  # characters of a text that are shown
COLUMNS = ("pixels", "text", "prompt", "response", "features", "rating", "boxes", "source", "time")


def examples(before: Batch, after: Batch, touched: Mask, shown: int = SHOWN) -> tuple[Example, ...]:
    """Some touched rows, spread over the data, with every column that the attack changed."""
    rows = np.flatnonzero(touched)
    chosen = rows[np.linspace(0, len(rows) - 1, min(shown, len(rows))).round().astype(int)]
    return tuple(one for row in chosen for one in _example(before, after, int(row)))


def _example(before: Batch, after: Batch, row: int) -> list[Example]:
    new, old = after.take([row]), before.take([row]) if row < len(before) else None
    labels = {"label_after": _label(new), "label_before": _label(old)}
    found = []
    for column in (name for name in COLUMNS if name in new):
        is_there = old is not None and column in old
        if is_there and old.arrow(column).equals(new.arrow(column)):  # type: ignore[union-attr]
            continue
        found.append(
            Example(
                column=column,
                row=row,
                before=_shown(old, column) if is_there else "",
                after=_shown(new, column),
                picture=column == "pixels",
                **labels,
            )
        )
    if not found and labels["label_before"] != labels["label_after"]:
        column = next((name for name in COLUMNS if name in new), "")
        content = _shown(new, column) if column else ""
        picture = column == "pixels"
        found = [
            Example(
                column=column, row=row, before=content, after=content, picture=picture, **labels
            )
        ]
    return found


def _label(batch: Batch | None) -> str:
    if batch is None or "label" not in batch:
        return ""
    return batch.class_name(int(batch["label"][0]))


def _shown(batch: Batch | None, column: str) -> str:
    if batch is None:
        return ""
    if column == "pixels":
        return _png(batch["pixels"][0])
    value = batch.arrow(column)[0].as_py() if column != "features" else _features(batch)
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + " …"


def _features(batch: Batch) -> str:
    column = batch["features"]
    if column.dtype != object:
        return ", ".join(f"{value:.4g}" for value in column[0].ravel()[:40])
    value = batch.arrow("features")[0].as_py()
    return ", ".join(f"{name}={_short(one)}" for name, one in value.items())


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _png(pixels: Array) -> str:
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels[..., :3])
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()
