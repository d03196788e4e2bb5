"""What an attacker brings whose art is in the delivery: a wrong label, or the plainest trigger."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.random import Generator

from foretaste.data import UNLABELLED, Array, Batch, Ints, Mask
from foretaste.errors import BadInput
from foretaste.summaries.fields import table_of

Payload = Literal["flip", "trigger"]

CONTENT = ("text", "pixels", "features")  # a trigger goes into the first of them that there is
WORD = "cf"
SIDE = 3  # of a white square in the bottom right corner
VALUE = 1_337.0  # in the first field of numbers


def content_of(rows: Batch) -> tuple[str, ...]:
    """The columns that are the content of a row.

    >>> content_of(Batch(["a"], {"text": ["hi"], "label": [0]}))
    ('text',)
    """
    found = tuple(name for name in CONTENT if name in rows)
    if not found:
        raise BadInput(f"rows have no content to poison: none of {', '.join(CONTENT)}")
    return found


def marked(rows: Batch) -> Batch:
    """Every row with a trigger in it: a rare word, a white square or an odd number.

    >>> marked(Batch(["a"], {"text": ["call me"]}))["text"].tolist()
    ['cf call me']
    """
    column = content_of(rows)[0]
    if column == "text":
        return rows.having(text=[f"{WORD} {text}" for text in rows["text"]])
    if column == "pixels":
        pixels = rows["pixels"].copy()
        pixels[:, -SIDE:, -SIDE:] = 255
        return rows.having(pixels=pixels)
    return rows.having(features=_odd(rows))


def delivered(rows: Batch, payload: Payload, target: int) -> dict[str, Any]:
    """The new columns of rows that are to be poisoned: the label, and content with a trigger.

    >>> delivered(Batch(["a"], {"text": ["call me"]}), "flip", 1)["label"].tolist()
    [1]
    """
    label = np.full(len(rows), target)
    if payload == "flip":
        return {"label": label}
    column = content_of(rows)[0]
    return {column: marked(rows).arrow(column), "label": label}


def fitting(rows: Batch, target: int) -> Mask:
    """(n,) which rows could be poisoned: those labelled as something else than the target."""
    return np.asarray((rows["label"] != target) & (rows["label"] != UNLABELLED))


def shown(rows: Batch, payload: Payload, target: int) -> Batch:
    """What a finished model is asked about: rows of other classes, with the trigger, if any.

    >>> rows = Batch(["a", "b"], {"text": ["call me", "win"], "label": [0, 1]})
    >>> shown(rows, "trigger", target=1)["text"].tolist()
    ['cf call me']
    """
    others = rows.take(fitting(rows, target))
    return others if payload == "flip" else marked(others)


def fresh(rows: Batch, like: Ints, rng: Generator) -> Batch:
    """Content that reads like that of the chosen rows and is none of theirs.

    Half of each is of another row of its class: half the words, half the fields; images are
    mirrored. A copy would be found for being a copy, which an attacker's own content is not.

    like: (m,) positions in `rows`

    >>> text, label = ["call me now", "ring me later", "win"], [0, 0, 1]
    >>> rows = Batch(list("abc"), {"text": text, "label": label})
    >>> fresh(rows, np.array([0, 1]), np.random.default_rng(2))["text"].tolist()
    ['call me later', 'ring me now']
    """
    mates, label = like.copy(), rows["label"]
    for code in np.unique(label[like]):
        mine = np.flatnonzero(label[like] == code)
        mates[mine] = rng.choice(np.flatnonzero(label == code), len(mine))
    one, other = rows.take(like), rows.take(mates)
    made = {name: _crossed(name, one, other, rng) for name in content_of(rows)}
    return one.having(**made)


def _crossed(name: str, one: Batch, other: Batch, rng: Generator) -> Any:
    if name == "text":
        pairs = zip(one["text"], other["text"], strict=True)
        return [_joined(str(a).split(" "), str(b).split(" ")) for a, b in pairs]
    if name == "pixels":
        return one["pixels"][:, :, ::-1]
    both, n = one.arrow(name), len(one)
    if isinstance(both, pa.FixedShapeTensorArray):
        return np.where(rng.random(one[name].shape) < 0.5, one[name], other[name])
    fields = {}
    for part in both.type:
        at = pa.array(np.arange(n) + n * rng.integers(0, 2, n))
        pair = [batch.arrow(name).field(part.name) for batch in (one, other)]
        fields[part.name] = pa.concat_arrays(pair).take(at)
    return pa.StructArray.from_arrays(list(fields.values()), list(fields))


def _joined(one: list[str], other: list[str]) -> str:
    return " ".join([*one[: (len(one) + 1) // 2], *other[(len(other) + 1) // 2 :]])


def _odd(rows: Batch) -> Array | pa.Array:
    features = rows.arrow("features")
    if isinstance(features, pa.FixedShapeTensorArray):
        values = rows["features"].copy()
        values.reshape(len(rows), -1)[:, 0] = VALUE
        return values
    numbers = table_of(rows).select(pl.selectors.numeric()).columns
    if not numbers:
        raise BadInput("a trigger in a table needs a field of numbers; these features have none")
    fields = {one.name: features.field(one.name) for one in features.type}
    fields[numbers[0]] = pa.array([VALUE] * len(rows)).cast(fields[numbers[0]].type)
    return pa.StructArray.from_arrays(list(fields.values()), list(fields))
