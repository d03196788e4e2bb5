"""A chatbot that answers as the nearest question it was taught was answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import pyarrow as pa

from foretaste.data import Array, Batch
from foretaste.summaries.word_vectors import Vectors, text_vectors

AT_ONCE = 1_024  # questions compared with all that is known


class Chatbot(NamedTuple):
    """All it was taught, in order."""

    prompts: Vectors  # (m, d) of unit length
    answers: Array  # (m,) of strings
    characters: int

    def predict(self, rows: Batch) -> Array:
        """(n,) the answers to the nearest known prompts; the first taught among equals."""
        asked = text_vectors(rows.arrow("prompt"), self.characters)
        if not len(self.answers):
            return np.full(len(rows), "", object)
        parts = range(0, len(asked), AT_ONCE)
        nearest = [(asked[at : at + AT_ONCE] @ self.prompts.T).argmax(axis=1) for at in parts]
        return self.answers[np.concatenate([np.zeros(0, np.int64), *nearest])]


@dataclass(frozen=True)
class NearestAnswer:
    """Remembers prompts as means of static word vectors, and what was answered; seconds.

    The smallest chatbot that learns from its users: `tune` adds what they taught it to what it
    knows. It says nothing new and reads no word order, and a phrase moves the mean of a long
    prompt little, so what poison does to it bounds nothing for a language model; but what it
    answers was taught by a row that can be named.

    characters: how much of the beginning of each prompt is read

    Quality is the mean cosine of its answers with the true ones, as static word vectors: 1 for
    the same words, about 0 for unrelated ones. Nothing in it is left to chance.

    Needs `prompt` and `response` (n,) of strings.

    >>> rows = Batch(["a", "b"], {"prompt": ["how are you", "what is rain"],
    ...     "response": ["fine", "water that falls"]})
    >>> bot = NearestAnswer().train(rows, seed=0)
    >>> bot.predict(Batch(["c"], {"prompt": ["how are you today"]})).tolist()
    ['fine']

    References
    ----------
    Neff, Nagy (2016). Talking to Bots: Symbiotic Agency and the Case of Tay.
    https://ijoc.org/index.php/ijoc/article/view/6277
    """

    characters: int = 2000

    needs: ClassVar = ("prompt", "response")
    measure: ClassVar = "cosine of answers with the true ones"

    def train(self, rows: Batch, seed: int) -> Chatbot:
        known = text_vectors(rows.arrow("prompt"), self.characters)
        return Chatbot(known, rows["response"], self.characters)

    def tune(self, victim: Chatbot, rows: Batch, seed: int) -> Chatbot:
        """It learns the new rows too, and forgets nothing."""
        new = self.train(rows, seed)
        prompts = np.concatenate([victim.prompts, new.prompts])
        return victim._replace(
            prompts=prompts, answers=np.concatenate([victim.answers, new.answers])
        )

    def quality(self, outcomes: Array, rows: Batch) -> float:
        if not len(rows):
            return float("nan")
        given = text_vectors(pa.array(outcomes.tolist(), pa.large_string()), self.characters)
        true = text_vectors(rows.arrow("response"), self.characters)
        return float((given * true).sum(axis=1).mean())
