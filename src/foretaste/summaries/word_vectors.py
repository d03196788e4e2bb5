"""Texts as means of fixed word vectors: no network, no training, no download."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from safetensors.numpy import load_file
from scipy.sparse import csr_array
from tokenizers import Tokenizer

from foretaste.errors import NotAvailable

CHUNK = 4096  # texts tokenised at once; bounds memory

Vectors = NDArray[np.float32]


class Vocabulary(NamedTuple):
    """A tokenizer and one vector a token."""

    tokenizer: Tokenizer
    vectors: Vectors  # (tokens, d)


def text_vectors(texts: pa.Array, characters: int) -> Vectors:
    """(n, 256) mean vector of the tokens of each text, of unit length; zeros for no text.

    characters: how much of the beginning of each text is read

    >>> close, far = text_vectors(pa.array(["a cat", "a kitten", "stock market"]), 99)[1:] @ (
    ...     text_vectors(pa.array(["a cat"]), 99)[0])
    >>> bool(close > far)
    True
    """
    words = vocabulary()
    begun = pc.fill_null(pc.utf8_slice_codeunits(texts, 0, characters), "")
    found = np.zeros((len(texts), words.vectors.shape[1]), np.float32)
    for start in range(0, len(texts), CHUNK):
        chunk = begun.slice(start, CHUNK).to_pylist()
        found[start : start + len(chunk)] = _means(chunk, words)
    return found


@cache
def vocabulary() -> Vocabulary:
    """The vectors that the package wordllama carries, loaded once a process."""
    folder = _folder()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizers/l2_supercat_tokenizer_config.json"))
    weights = load_file(folder / "weights/l2_supercat_256.safetensors")
    return Vocabulary(tokenizer, weights["embedding.weight"].astype(np.float32))


def _folder() -> Path:
    """Found without importing the package, which would reconfigure everyone's logging."""
    spec = find_spec("wordllama")
    places = spec.submodule_search_locations if spec else None
    if not places:
        raise NotAvailable("word vectors need the package wordllama: pip install wordllama")
    return Path(next(iter(places)))


def _means(texts: list[str], words: Vocabulary) -> Vectors:
    encoded = words.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    ids = [np.asarray(one.ids, np.int32) for one in encoded]
    ends = np.cumsum([0, *map(len, ids)])
    tokens = np.concatenate(ids)
    shape = (len(texts), len(words.vectors))
    counts = csr_array((np.ones(len(tokens), np.float32), tokens, ends), shape=shape)
    sums = np.asarray(counts @ words.vectors, np.float32)
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    return (sums / np.where(length > 0, length, 1)).astype(np.float32)
