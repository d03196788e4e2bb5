"""Rows handed to somebody else's code, and the predictions that come back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from foretaste.data import UNLABELLED, Array, Batch, Floats
from foretaste.errors import BadInput
from foretaste.roles.columns import strings

COMPUTED = frozenset(
    "index location embedding prediction language response_kind response_embedding".split()
)
OFF = 0.02  # by how much probabilities may fail to add up to one
SHOWN = 20  # classes named in a message


def table_of(rows: Batch, classes: Sequence[str], labels: bool = True) -> pa.Table:
    """The rows as their owner knows them: class names, images under `image`, nothing computed.

    The schema's metadata has `classes`: a JSON list of their names, in the order of their codes.

    labels: whether to hand over the labels, null where there is none

    >>> rows = Batch(["a", "b"], {"text": ["hi", "win"], "label": [1, -1], "index": [0, 1]})
    >>> table_of(rows, ["ham", "spam"]).to_pydict()
    {'text': ['hi', 'win'], 'label': ['spam', None]}
    """
    left_out = COMPUTED | {"label", "pixels"}
    columns = {name: rows.arrow(name) for name in rows.names if name not in left_out}
    if "pixels" in rows:
        columns["image"] = rows.arrow("pixels")
    if labels and "label" in rows:
        codes = rows["label"]
        names = pa.array([*classes], pa.large_string())
        columns["label"] = names.take(pa.array(codes, pa.int64(), mask=codes == UNLABELLED))
    return pa.table(columns).replace_schema_metadata({"classes": json.dumps([*classes])})


def probabilities_of(answers: Any, classes: Sequence[str], n: int, whose: str) -> Floats:
    """(n, k) of class probabilities (n, k), or of labels (n,): names, or what reads the same.

    whose: who answered, for messages

    >>> probabilities_of(["spam", "ham"], ["ham", "spam"], 2, "it").tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    found = _array(answers, whose)
    if found.ndim == 2 and found.shape[1] == 1 < len(classes):
        found = found[:, 0]
    if found.ndim not in (1, 2):
        raise BadInput(
            f"{whose} gave an array of shape {found.shape}; wanted are ({n}, {len(classes)}) "
            f"class probabilities, or {n} labels"
        )
    if len(found) != n:
        raise BadInput(f"{whose} gave {len(found)} predictions for {n} rows")
    return _likely(found, classes, whose) if found.ndim == 2 else _certain(found, classes, whose)


def _array(answers: Any, whose: str) -> Array:
    if isinstance(answers, pa.Array | pa.ChunkedArray):
        answers = answers.to_pylist()
    try:
        return np.asarray(answers)
    except Exception as error:
        raise BadInput(f"{whose} gave what is no array: {error}") from error


def _likely(found: Array, classes: Sequence[str], whose: str) -> Floats:
    if found.shape[1] != len(classes):
        raise BadInput(
            f"{whose} gave {found.shape[1]} columns of probabilities, there are {len(classes)} "
            f"classes, in this order: {_listed(classes)}"
        )
    try:
        shares = found.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{whose} gave probabilities that are no numbers: {error}") from error
    odd = ~(np.abs(shares.sum(axis=1) - 1) <= OFF) | (shares < -OFF).any(axis=1)
    if odd.any():
        row = int(odd.argmax())
        raise BadInput(
            f"{whose} gave {shares[row].tolist()} for row {row}; wanted are probabilities, which "
            "add up to 1 (or labels)"
        )
    return shares


def _certain(found: Array, classes: Sequence[str], whose: str) -> Floats:
    code = {name: i for i, name in enumerate(classes)}
    names = strings(found.tolist()).to_pylist()
    unknown = [row for row, name in enumerate(names) if name not in code]
    if unknown:
        row = unknown[0]
        raise BadInput(
            f"{whose} predicted {names[row]!r} for row {row}, which is no class; classes are "
            f"{_listed(classes)}"
        )
    certain: Floats = np.eye(len(classes))[[code[name] for name in names]]
    return certain.reshape(len(names), len(classes))


def _listed(classes: Sequence[str]) -> str:
    more = f" and {len(classes) - SHOWN} more" if len(classes) > SHOWN else ""
    return ", ".join(map(repr, classes[:SHOWN])) + more
