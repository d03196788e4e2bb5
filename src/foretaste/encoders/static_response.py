"""Answers as means of static word vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from foretaste.data import Batch
from foretaste.summaries.nothing import Stateless
from foretaste.summaries.word_vectors import text_vectors


@dataclass(frozen=True)
class StaticResponse(Stateless):
    """Embeds `response` (256-d, unit length), as `static_text` embeds `text`.

    Needs `response` (n,) of strings; gives `response_embedding` (n, 256) float32.

    >>> rows = Batch(["a"], {"response": ["I cannot help with that."]})
    >>> StaticResponse().encode(rows, None)["response_embedding"].shape
    (1, 256)
    """

    needs: ClassVar = ("response",)
    gives: ClassVar = ("response_embedding",)

    characters: int = 2000

    def encode(self, batch: Batch, model: None) -> Batch:
        vectors = text_vectors(batch.arrow("response"), self.characters)
        return batch.having(response_embedding=vectors)
