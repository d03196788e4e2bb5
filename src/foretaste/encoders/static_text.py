"""Texts as means of static word vectors: the default, fast and offline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from foretaste.data import Batch
from foretaste.summaries.nothing import Stateless
from foretaste.summaries.word_vectors import text_vectors


@dataclass(frozen=True)
class StaticText(Stateless):
    """Embeds `text` (256-d, unit length); no text gives zeros.

    Word order is lost and only the beginning of a long text is read (`characters`); the weights
    come with the package wordllama, so nothing is downloaded.

    Needs `text` (n,) of strings; gives `embedding` (n, 256) float32.

    >>> rows = Batch(list("abc"), {"text": ["a cat", "a kitten", "stock market"]})
    >>> vectors = StaticText().encode(rows, None)["embedding"]
    >>> vectors.shape, bool(vectors[0] @ vectors[1] > vectors[0] @ vectors[2])
    ((3, 256), True)

    References
    ----------
    Miller (2024). WordLlama: recycled token embeddings from large language models.
    https://github.com/dleemiller/WordLlama
    """

    needs: ClassVar = ("text",)
    gives: ClassVar = ("embedding",)

    characters: int = 2000

    def encode(self, batch: Batch, model: None) -> Batch:
        return batch.having(embedding=text_vectors(batch.arrow("text"), self.characters))
