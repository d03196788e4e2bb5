"""Small patterns of pixels whose images carry a label that the rest of the image denies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import numpy as np

from foretaste.contracts import Kind, Scale
from foretaste.data import Array, Batch, Floats, Ints, Mask
from foretaste.summaries import patches
from foretaste.summaries.coarse_look import contradiction
from foretaste.summaries.recurring import Recurring
from foretaste.summaries.reservoir import Reservoir

CHUNK = 500  # images hashed at once, so that the work stays in the processor's cache
STRONGEST = 300.0  # digits of surprise
HINT = 2.0  # digits before a piece is worth a closer look


class Trigger(NamedTuple):
    """A piece of an image that goes with one label against all else in the image."""

    view: patches.View
    key: int
    label: int
    surprise: float  # -log10 p, all pieces and classes tried being paid for
    rows: int  # of the sample, with the piece and the label
    carriers: int  # of the sample, with the piece
    against: float  # mean contradiction between label and look over the carriers


@dataclass(frozen=True)
class Evidence:
    """A sample of images, the pieces that recur in it, and what speaks against the labels."""

    pieces: Recurring
    pixels: Array  # (n, h, w, c)
    labels: Ints  # (n,)
    against: Array  # (n, k) contradiction between label and look
    left: Mask  # (n,) images not yet found to hold a trigger

    def strongest(self) -> tuple[Ints, Floats]:
        """Of each piece the label most contradicted, and how much, on average of images left."""
        label, total = self.pieces.largest_sum(self.against * self.left[:, None])
        return label, total / np.maximum(self.pieces.count(self.left), 1)

    def only(self, pieces: Mask) -> Evidence:
        """The same images, fewer pieces."""
        return replace(self, pieces=self.pieces.take(pieces))

    def without(self, rows: Ints) -> Evidence:
        """The same pieces, fewer images left."""
        left = self.left.copy()
        left[rows] = False
        return replace(self, left=left)


@dataclass(frozen=True)
class TriggerPatch:
    """Suspects images with a small pattern that goes with one label, whatever else they show.

    In a fair sample, every small piece that recurs is put to the override test: do the images
    that hold it carry a label that their coarse look, judged by a model that never saw them,
    speaks against? Natural pieces (a stroke, a collar) agree with the rest of their image. The
    score is minus log10 of the chance (Chernoff's bound) that a piece whose images are
    contradicted no more than natural pieces ever are shows what was seen, times all pieces and
    classes tried.

    Blind to faint patterns (less than 48 of 255) except where images are flat, to patches on images
    that keep their label, to one pattern that goes with every class, to fewer than about 20 images
    in the sample, and to many of the plain squares that touch something of their own colour.

    natural: the mean contradiction that natural pieces may reach; raised to what the pieces of the
        other classes reach, where that is more

    Needs `pixels` (n, h, w, c) and `label` (n,) of class codes.

    >>> from sklearn.datasets import load_digits
    >>> images, label = load_digits(return_X_y=True)
    >>> pixels = images.reshape(-1, 8, 8, 1).repeat(3, axis=1).repeat(3, axis=2) * 15
    >>> victims = np.flatnonzero(label != 7)[:40]
    >>> checker = np.indices((3, 3, 1)).sum(axis=0) % 2 * 255
    >>> label[victims], pixels[victims, 20:23, 20:23] = 7, checker
    >>> rows = Batch(np.arange(1797).astype(str), {"pixels": pixels.astype("u1"), "label": label})
    >>> detector = TriggerPatch()
    >>> model = detector.fit(detector.summarize(rows))
    >>> int((detector.score(rows, model) > 4).sum()), detector.region(rows, victims[0], model)
    (40, (20, 20, 3, 3))

    References
    ----------
    Gu, Dolan-Gavitt, Garg (2017). BadNets. arXiv:1708.06733
    Gao et al. (2019). STRIP: A Defence Against Trojan Attacks. arXiv:1902.06531
    """

    windows: int = 12_000_000  # pieces a view to look at: sets the size of the sample
    least: int = 12  # images that must hold a piece
    natural: float = 0.3
    seed: int = 0

    needs: ClassVar = ("pixels", "label")
    kind: ClassVar = Kind.ATTACK
    scale: ClassVar = Scale.SURPRISE

    def summarize(self, batch: Batch) -> Reservoir:
        height, width = batch["pixels"].shape[1:3]
        size = max(200, self.windows // (height * width))
        labelled = batch.take(batch["label"] >= 0)
        return Reservoir.of(labelled, ("pixels", "label"), size, self.seed)

    def fit(self, summary: Reservoir) -> tuple[Trigger, ...]:
        sample = summary.sorted()
        # Copies of one image share every piece and every error of its label: they count once.
        sample = sample.take(np.sort(np.unique(sample.keys, return_index=True)[1]))
        labels = sample["label"]
        k = int(labels.max(initial=0)) + 1
        if len(sample) < 2 * self.least or k < 2:
            return ()
        pieces = Recurring.of(sample["pixels"], self.least)
        against = contradiction(sample["pixels"], labels, k, self.seed)
        left = np.ones(len(sample), bool)
        evidence = Evidence(pieces, sample["pixels"], labels, against, left)
        return tuple(_triggers(evidence, self.natural))

    def score(self, batch: Batch, model: tuple[Trigger, ...]) -> Floats:
        scores = np.zeros(len(batch))
        for start in range(0, len(batch) if model else 0, CHUNK):
            part = slice(start, start + CHUNK)
            found = _matches(batch["pixels"][part], batch["label"][part], model)
            surprise = np.array([trigger.surprise for trigger in model])
            scores[part] = np.where(found, surprise[:, None], 0).max(axis=0)
        return scores

    def explain(self, batch: Batch, row: int, model: tuple[Trigger, ...]) -> str:
        held = self._held(batch, row, model)
        if held is None:
            return "no recurring pattern speaks for its label against the rest of the image"
        trigger, (top, left, height, width) = held
        place = "" if trigger.view == "placed" else ", elsewhere in other images"
        return (
            f"{height}x{width} pattern at row {top}, column {left}{place}: of {trigger.carriers} "
            f"images looked at that have it {trigger.rows} are labelled "
            f"{batch.class_name(trigger.label)}, and the rest of these images says otherwise"
        )

    def region(
        self, batch: Batch, row: int, model: tuple[Trigger, ...]
    ) -> tuple[int, int, int, int] | None:
        """Where the pattern is in an image: top, left, height, width in pixels; None if nowhere."""
        held = self._held(batch, row, model)
        return held[1] if held else None

    def _held(
        self, batch: Batch, row: int, model: tuple[Trigger, ...]
    ) -> tuple[Trigger, tuple[int, int, int, int]] | None:
        image, label = batch["pixels"][row : row + 1], batch["label"][row]
        for trigger in sorted(model, key=lambda trigger: -trigger.surprise):
            keys = patches.keys(image, trigger.view)[0]
            at = np.argwhere(keys == np.uint64(trigger.key))
            if len(at) and trigger.label == label:
                top, left = (int(one) for one in at[0])
                side = patches.side(trigger.view, image[0, top:, left:])
                return trigger, (top, left, side, side)
        return None


def _matches(pixels: Array, labels: Ints, model: tuple[Trigger, ...]) -> Array:
    """(triggers, n) which images hold which trigger and carry its label."""
    found = np.zeros((len(model), len(pixels)), bool)
    for view in {trigger.view for trigger in model}:
        keys = patches.keys(pixels, view).reshape(len(pixels), -1)
        wanted = np.array([t.key for t in model if t.view == view], np.uint64)
        image, place = np.nonzero(np.isin(keys, wanted))
        for i, trigger in enumerate(model):
            if trigger.view == view:
                found[i, image[keys[image, place] == np.uint64(trigger.key)]] = True
    return found & (labels == np.array([t.label for t in model])[:, None])


def _triggers(seen: Evidence, natural: float) -> Iterator[Trigger]:
    """The most surprising piece, then the most surprising among the images left, and so on."""
    k = seen.against.shape[1]
    paid = float(np.log10(max(1, len(seen.pieces) * k)))
    label, mean = seen.strongest()
    reach = _reach(label, np.where(_surprise(seen.pieces.sizes, mean, natural) > paid, mean, 0), k)
    reach = max(reach, natural)
    seen = seen.only(_surprise(seen.pieces.sizes, mean, reach) > HINT)
    strongest: dict[int, float] = {}
    while (found := _next(seen, reach, paid, strongest)) is not None:
        trigger, mine = found
        strongest.setdefault(trigger.label, trigger.surprise)
        # A piece that half of a class shows is what that class looks like.
        if 2 * len(mine) < (seen.labels == trigger.label).sum():
            yield trigger
        seen = seen.without(mine)


def _next(
    seen: Evidence, reach: float, paid: float, strongest: dict[int, float]
) -> tuple[Trigger, Ints] | None:
    """The most surprising piece in the images left, and these images.

    Pieces that mostly sit on images found already are asked about only for the sake of these, so
    only their own number is paid for; what they confirm is as sure as what they belong to.
    """
    if not len(seen.pieces):
        return None
    label, mean = seen.strongest()
    carriers = seen.pieces.count(seen.left)
    akin = (2 * carriers <= seen.pieces.sizes) & np.isin(label, list(strongest))
    cost = np.where(akin, np.log10(max(1, akin.sum())) + HINT, paid)
    surprise = _surprise(carriers, mean, reach) - cost
    if surprise.max() <= 0:
        return None
    best = _clearest(seen, surprise, mean * carriers)
    target, digits = int(label[best]), float(surprise[best])
    if akin[best]:
        digits = max(digits, strongest[target])
    rows = seen.pieces.rows(best)
    mine = rows[(seen.labels[rows] == target) & seen.left[rows]]
    view, key = seen.pieces.view(best), int(seen.pieces.keys[best])
    count, against = int(carriers[best]), float(mean[best])
    return Trigger(view, key, target, min(digits, STRONGEST), len(mine), count, against), mine


def _surprise(n: Ints, mean: Floats, reach: float) -> Floats:
    """-log10 of Chernoff's bound on n values in [0, 1] of expectation `reach` averaging `mean`.

    >>> _surprise(np.array([50, 50]), np.array([0.2, 0.9]), 0.3).round(1).tolist()
    [0.0, 17.2]
    """
    above = np.clip(mean, reach, 1 - 1e-9)
    gain = above * np.log(above / reach) + (1 - above) * np.log((1 - above) / (1 - reach))
    return np.asarray(n * gain / np.log(10), np.float64)


def _reach(label: Ints, mean: Floats, k: int) -> float:
    """How far natural pieces go here: what the most telling pieces of half of the classes reach.

    Where labels *are* small patterns (icons, printed letters) every class has such pieces; an
    attack has them for its target only.
    """
    highest = np.zeros(k)
    np.maximum.at(highest, label, mean)
    return float(np.sort(highest)[(k - 1) // 2])


def _clearest(seen: Evidence, surprise: Floats, total: Floats) -> int:
    """Of the pieces about as surprising as the best, one that explains most and shows most."""
    close = np.flatnonzero(surprise >= 0.9 * surprise.max())
    close = close[total[close] >= 0.99 * total[close].max()][:64]
    detail = [_detail(seen, int(one)) for one in close]
    return int(close[int(np.argmax(detail))])


def _detail(seen: Evidence, one: int) -> float:
    """How much of a pattern a piece shows: a lone square all, others what varies inside."""
    image = seen.pixels[seen.pieces.rows(one)[:1]]
    view = seen.pieces.view(one)
    if view in patches.OUTLINED:
        return np.inf
    top, left = np.argwhere(patches.keys(image, view)[0] == seen.pieces.keys[one])[0]
    side = patches.side(view, image[0, top:, left:])
    values = image[0, top : top + side, left : left + side].astype(float)
    return sum(float(np.abs(np.diff(values, axis=axis)).sum()) for axis in (0, 1))
