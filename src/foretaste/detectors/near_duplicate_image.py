"""Finds pictures that look the same as an earlier picture without being it bit by bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from foretaste.contracts import Kind, Scale
from foretaste.data import Batch, Floats
from foretaste.summaries import content, perceptual
from foretaste.summaries.content import Gathered
from foretaste.summaries.families import Families, distinct, families


@dataclass(frozen=True)
class NearDuplicateImage:
    """Flags pictures that differ from an earlier one by noise or compression only.

    Two pictures are alike when their grey 16 x 16 thumbnails differ by at most `grey` levels of
    255 and at most the share `contrast` of their contrast (root mean square). The limits are
    below the distance of the two most similar among 60,000 handwritten digits, so that things
    that merely look alike stay apart. The score is the number of other pictures of its family; the
    earliest of them scores 0.

    Remembers 272 bytes a row and its location.

    Blind to copies that are shifted, mirrored, cropped or recoloured, and to bit-identical
    ones, which `duplicate` finds.

    Needs `pixels` (n, h, w, c) from 0 to 255.

    >>> picture = np.random.default_rng(0).integers(0, 250, (8, 8, 1))
    >>> pixels = np.stack([picture, picture + 1, 255 - picture]).astype(np.uint8)
    >>> rows = Batch(list("abc"), {"pixels": pixels, "index": [0, 1, 2]})
    >>> model = NearDuplicateImage().fit(NearDuplicateImage().summarize(rows))
    >>> NearDuplicateImage().score(rows, model).tolist()
    [0.0, 1.0, 0.0]

    References
    ----------
    Barz, Denzler (2020). Do We Train on Test Data? Purging CIFAR of Near-Duplicates.
    arXiv:1902.00423
    """

    grey: float = 4.0
    contrast: float = 0.1

    needs: ClassVar = ("pixels",)
    kind: ClassVar = Kind.HYGIENE
    scale: ClassVar = Scale.FACT

    def summarize(self, batch: Batch) -> Gathered:
        key = content.hashed(batch.arrow("pixels"))
        return Gathered.of(batch, key=key, sketch=perceptual.thumbnails(batch["pixels"]))

    def fit(self, summary: Gathered) -> Families:
        pictures = distinct(summary.sorted("key"))
        if pictures.is_empty():
            return families(pictures, np.empty((0, 2), np.int64))
        known = pictures["sketch"].to_numpy()
        return families(pictures, perceptual.alike(known, self.grey, self.contrast))

    def score(self, batch: Batch, model: Families) -> Floats:
        return model.score(content.hashed(batch.arrow("pixels")))

    def explain(self, batch: Batch, row: int, model: Families) -> str:
        one = batch.take([row])
        return model.explain(one, content.hashed(one.arrow("pixels")), "picture")
