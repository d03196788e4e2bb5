"""Parts taken out one after the other, and the model asked again."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pyarrow as pa
from scipy.ndimage import uniform_filter

from foretaste.contracts import Victim
from foretaste.data import Array, Batch, Floats, Ints
from foretaste.relevance import DETAIL
from foretaste.tokens import spans

SURE = 1e-6  # chances are kept this far from 0 and 1


@dataclass(frozen=True)
class Occlusion:
    """Says by how much the log odds of a class fall when a part of the row is missing.

    Above zero speaks for the class, below zero against it. Only `predict` is asked, so any model
    can be explained. Of a picture squares are blurred, of a text words are left out; the words
    are those of `foretaste.tokens.spans`.

    side: pixels of a square; step: pixels from one to the next
    most: parts a text is cut into; words of a longer one are left out several at a time

    Blind to parts that stand in for each other: with either missing the other still speaks.

    Needs `pixels` (n, h, w, c) of uint8 or `text`.

    >>> class Shouting:
    ...     def predict(self, rows):
    ...         loud = np.array(["WIN" in text for text in rows["text"]])
    ...         return np.column_stack([np.where(loud, 0.1, 0.9), np.where(loud, 0.9, 0.1)])
    >>> [found] = Occlusion().attribute(Shouting(), Batch(["a"], {"text": ["do WIN"]}), [1])
    >>> found.round(1).tolist()
    [0.0, 4.4]

    References
    ----------
    Zeiler, Fergus (2014). Visualizing and Understanding Convolutional Networks. arXiv:1311.2901
    Li, Monroe, Jurafsky (2016). Understanding Neural Networks through Representation Erasure.
    arXiv:1612.08220
    """

    side: int = 5
    step: int = 2
    most: int = 128

    needs: ClassVar[tuple[str, ...]] = ()  # `pixels` or `text`, as the victim reads

    def attribute(self, victim: Victim, rows: Batch, codes: Ints) -> list[Array]:
        explain = self._picture if "pixels" in rows else self._text
        return [
            explain(victim, rows.take([at]), int(code))
            for at, code in zip(range(len(rows)), codes, strict=True)
        ]

    def _picture(self, victim: Victim, row: Batch, code: int) -> Array:
        pixels = row["pixels"][0]
        height, width = pixels.shape[:2]
        soft = uniform_filter(pixels, (DETAIL, DETAIL, 1), mode="nearest")
        corners = [
            (top, left)
            for top in _starts(height, self.side, self.step)
            for left in _starts(width, self.side, self.step)
        ]
        shown = np.repeat(pixels[None], len(corners) + 1, axis=0)
        for image, (top, left) in zip(shown[1:], corners, strict=True):
            square = slice(top, top + self.side), slice(left, left + self.side)
            image[square] = soft[square]
        lost = _lost(victim, _copies(row, len(shown)).having(pixels=shown), code)
        heat, times = np.zeros((height, width)), np.zeros((height, width))
        for (top, left), value in zip(corners, lost, strict=True):
            square = slice(top, top + self.side), slice(left, left + self.side)
            heat[square] += value
            times[square] += 1
        return heat / times

    def _text(self, victim: Victim, row: Batch, code: int) -> Array:
        text = str(row["text"][0] or "")
        words = spans(text)
        cuts = np.linspace(0, len(words), min(len(words), self.most) + 1).round().astype(int)
        parts = list(pairwise(cuts.tolist()))
        left = [text[: words[a][0]] + text[words[b - 1][1] :] for a, b in parts]
        shown = pa.array([text, *left], pa.large_string())
        lost = _lost(victim, _copies(row, len(shown)).having(text=shown), code)
        return np.repeat(lost, np.diff(cuts)) if parts else np.empty(0)


def _copies(row: Batch, n: int) -> Batch:
    """The same id throughout: what never saw the row is asked of its variants too."""
    return row.take(np.zeros(n, np.int64))


def _lost(victim: Victim, rows: Batch, code: int) -> Floats:
    """(n - 1,) log odds of the first row less those of each other."""
    chance = np.clip(victim.predict(rows)[:, code], SURE, 1 - SURE)
    odds = np.log(chance / (1 - chance))
    lost: Floats = odds[0] - odds[1:]
    return lost


def _starts(length: int, side: int, step: int) -> list[int]:
    """Where squares begin, so that the last one reaches the edge."""
    last = max(0, length - side)
    return sorted({*range(0, last, step), last})
