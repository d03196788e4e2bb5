"""Rows of any kind as vectors that distance and a linear model can make something of."""

from __future__ import annotations

from typing import Literal

import numpy as np
from sklearn.decomposition import PCA

from foretaste.data import Array, Batch
from foretaste.errors import BadInput
from foretaste.summaries.table_vectors import Layout
from foretaste.summaries.word_vectors import text_vectors

Column = Literal["any", "features", "text", "pixels", "embedding"]

LETTERS = 2_000  # of each text are read
COMPONENTS = 64  # principal components of pixels


def row_vectors(rows: Batch, column: Column = "any") -> Array:
    """(n, d) float32 vectors of one column; of `any`, of the first that there is.

    features   standardised numbers and one-hot strings
    text       means of fixed word vectors
    pixels     the 64 first principal components
    embedding  as it stands, what is not finite as 0

    >>> row_vectors(Batch(["a", "b"], {"features": [[1.0, 5.0], [3.0, 5.0]]})).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    asked = ("features", "text", "pixels", "embedding") if column == "any" else (column,)
    found = next((name for name in asked if name in rows), None)
    if found is None:
        raise BadInput(f"rows become vectors by {' or '.join(asked)}; there is {list(rows.names)}")
    if found == "features":
        return Layout.of(rows).vectors(rows).astype(np.float32)
    if found == "text":
        return text_vectors(rows.arrow("text"), LETTERS)
    if found == "pixels":
        return _components(rows["pixels"])
    return np.nan_to_num(rows["embedding"].astype(np.float32), posinf=0.0, neginf=0.0)


def _components(pixels: Array) -> Array:
    flat = pixels.reshape(len(pixels), -1).astype(np.float32) / 255
    count = min(COMPONENTS, *flat.shape)
    if not count:
        return np.zeros((len(flat), 1), np.float32)
    found: Array = PCA(count, random_state=0).fit_transform(flat)
    return found.astype(np.float32)
