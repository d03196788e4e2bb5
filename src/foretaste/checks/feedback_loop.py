"""A chatbot's own words that come back to it as something to learn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from foretaste.data import Batch, Floats, Ints, Keys, Mask
from foretaste.streaming import Aspect
from foretaste.surprise import Tail
from foretaste.tokens import LONE, Rows, codes, mix

_RUN = 8  # words
_BITS = 23  # of the place of a run in what is remembered; a megabyte
_FULL = 1 << 20  # runs, from which on the older half is forgotten
_BASE = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, eq=False)
class Echoes:
    """Which runs of words the bot said: two layers of bits, of which the older is forgotten.

    now, before: (bits / 8,) uint8
    runs: in the newer layer
    tail: how much of honest records came from the bot
    """

    now: NDArray[np.uint8]
    before: NDArray[np.uint8]
    runs: int
    tail: Tail


@dataclass(frozen=True)
class FeedbackLoop:
    """Holds chats that are made of what the bot answered in earlier windows.

    The score is the share of the record's runs of eight words, in the prompt or in the answer,
    that the bot said before, in answers of windows that are over, whoever was answered; the
    larger of the two shares. Users quote answers and bots repeat themselves, so how surprising a
    share is, trusted chats say, played in their order.

    characters: of each prompt and each answer that are read
    few: runs; a text with fewer says nothing

    Remembers runs of words in two megabytes; the oldest million are forgotten together.

    Blind to answers that were rephrased, to texts of fewer than `few` + 7 words, to what came
    back within one window; to everything where honest users often paste whole answers back.

    Needs `prompt` and `response` (n,) of strings.

    >>> said = "the sun is a star and stars are far away from us all the time".split()
    >>> def chats(prompts):
    ...     answers = [f"{i} " + " ".join(f"w{i}{j}" for j in range(30)) for i in prompts]
    ...     return Batch(list(map(str, prompts)), {"prompt": list(prompts), "response": answers})
    >>> check = FeedbackLoop()
    >>> state = check.start(chats([f"question {i}" for i in range(200)]))
    >>> first = chats(["new"])
    >>> state = check.learn(first, np.ones(1, bool), state)
    >>> quoted = chats(["other", first["response"][0]])
    >>> (check.judge(quoted, state)[0] > 2).tolist()
    [False, True]

    References
    ----------
    Shumailov et al. (2024). AI models collapse when trained on recursively generated data.
    doi:10.1038/s41586-024-07566-y
    """

    characters: int = 600
    few: int = 5

    needs: ClassVar = ("prompt", "response")
    aspect: ClassVar = Aspect.DUPLICATION

    def start(self, trusted: Batch) -> Echoes:
        empty = np.zeros(1 << (_BITS - 3), np.uint8)
        state = Echoes(empty, empty.copy(), 0, Tail.of(np.zeros(0)))
        none = np.zeros(len(trusted), bool)
        steps = np.array_split(np.arange(len(trusted)), 10)
        scores = []
        for rows in steps:
            part = trusted.take(rows)
            scores.append(self._shares(part, state))
            state = self.learn(part, none[rows], state)
        # What came before anything could come back would make every echo a surprise.
        known = scores[1:] if len(trusted) >= 20 else scores
        return replace(state, tail=Tail.of(np.concatenate(known)))

    def judge(self, batch: Batch, state: Echoes) -> tuple[Floats, Echoes]:
        shares = self._shares(batch, state)
        return np.where(shares > 0, state.tail.surprise(shares), 0.0), state

    def learn(self, window: Batch, admitted: Mask, state: Echoes) -> Echoes:
        runs = _places(self._runs(window.arrow("response")).values)
        now, before, many = state.now, state.before, state.runs
        if many >= _FULL:
            now, before, many = np.zeros_like(now), now, 0
        np.bitwise_or.at(now, runs >> 3, _bit(runs))
        return replace(state, now=now, before=before, runs=many + len(runs))

    def explain(self, batch: Batch, row: int, state: Echoes) -> str:
        asked, told = self._each(batch.take([row]), state)
        share, name = max((float(asked[0]), "prompt"), (float(told[0]), "answer"))
        return f"{share:.0%} of the {name} is what the bot answered before, word for word"

    def _shares(self, batch: Batch, state: Echoes) -> Floats:
        return np.maximum(*self._each(batch, state))

    def _each(self, batch: Batch, state: Echoes) -> Floats:
        """(2, n) shares of prompts and of answers."""
        runs = self._runs(batch.arrow("prompt"), batch.arrow("response"))
        places = _places(runs.values)
        layers = state.now[places >> 3] | state.before[places >> 3]
        said = (layers & _bit(places)) > 0
        sizes = np.diff(runs.offsets)
        many = np.bincount(np.repeat(np.arange(len(sizes)), sizes), said, len(sizes))
        return np.where(sizes >= self.few, many / np.maximum(sizes, 1), 0.0).reshape(2, -1)

    def _runs(self, *columns: pa.Array) -> Rows:
        """Runs of words of each text, column after column."""
        cut = [pc.utf8_slice_codeunits(column, 0, self.characters) for column in columns]
        words = codes(pa.concat_arrays([column.cast(pa.large_string()) for column in cut]))
        n = len(words.offsets) - 1
        row = np.repeat(np.arange(n), np.diff(words.offsets))
        plain = words.values < LONE
        word, row = words.values[plain].astype(np.uint64), row[plain]
        run = word
        for length in range(2, _RUN + 1):
            run = mix(run[:-1] * _BASE) + word[length - 1 :]
        whole = row[: len(run)] == row[_RUN - 1 :]
        sizes = np.bincount(row[: len(run)][whole], minlength=n)
        return Rows(np.concatenate([[0], np.cumsum(sizes)]), run[whole])


def _places(runs: Keys) -> Ints:
    return (mix(runs) >> np.uint64(64 - _BITS)).astype(np.int64)


def _bit(places: Ints) -> NDArray[np.uint8]:
    return np.left_shift(1, places & 7).astype(np.uint8)
