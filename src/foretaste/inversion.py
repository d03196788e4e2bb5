"""The smallest change of an image that turns any image into one class, for all classes at once.

A backdoor is a short way into its target class. These searches look for the shortest way into each
class by gradient descent; all classes share each forward and backward pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.random import Generator

from foretaste.data import Array, Batch, Floats, Ints
from foretaste.descent import torch_ as torch_for
from foretaste.errors import BadInput
from foretaste.trained import Open

MEMORY = 0.8  # of the success so far, what the next step keeps
TIGHTER, LOOSER = 1.08, 1.15  # by what the price of size is multiplied or divided in each step
MOMENTS = (0.8, 0.95)  # of Adam: short, since searches are
PRICES = {"patch": 1e-3, "overlay": 0.3}  # of size, at first
RATES = {"patch": 0.3, "overlay": 0.05}
AWAY = -1  # instead of a class to go to: away from each image's own, and not all to the same
SURE = 1 - 1e-6
TILE = 4_096  # images a forward pass when success is measured

Form = Literal["patch", "overlay"]
Places = Mapping[str, Any]  # tensors (k, ...) by name: a trigger of each class


@dataclass(frozen=True)
class Search:
    """How triggers are searched for.

    form:    `patch`, a pattern under a mask, or `overlay`, a picture that is added
    steps:   of gradient descent
    rows:    images a step, each shown with the trigger of each class
    success: the share of images that a trigger has to turn
    """

    form: Form = "patch"
    steps: int = 120
    rows: int = 16
    success: float = 0.95


@dataclass(frozen=True, eq=False)
class Triggers:
    """The smallest trigger that was found for each class.

    masks:    (k, h, w) float32 in [0, 1], how much of each pixel the pattern covers
    patterns: (k, h, w, c) uint8
    norms:    (k,) the sum of the mask in pixels; inf where no trigger turned enough images
    success:  (k,) the share of the images of other classes that are turned into this one
    """

    masks: Array
    patterns: Array
    norms: Floats
    success: Floats

    def stamped(self, pixels: Array, code: int) -> Array:
        """(n, h, w, c) uint8 images with the trigger of that class in them."""
        mask = self.masks[code][..., None]
        mixed: Array = pixels + mask * (self.patterns[code].astype(np.float32) - pixels)
        return np.rint(mixed).clip(0, 255).astype(np.uint8)

    def picture(self, code: int) -> Array:
        """(h, w, c) uint8, the trigger of that class on black."""
        return self.stamped(np.zeros_like(self.patterns[:1]), code)[0]


class Found(NamedTuple):
    """What a search found, by class: the triggers, how large they are, and their success."""

    places: dict[str, Any]
    norms: Floats
    success: Floats


def inverted(
    victim: Open,
    pixels: Array,
    rng: Generator,
    search: Search | None = None,
    codes: Ints | None = None,
) -> Triggers:
    """The smallest patch for each class under which images become that class.

    pixels: (n, h, w, c) uint8, images the model is meant for; a hundred are enough
    codes:  the classes to search for; all of them where none are given
    """
    found = smallest(victim, pixels, rng, search or Search(), codes)
    torch = torch_()
    patterns = torch.tanh(found.places["pattern"]).add(1).mul(127.5).round()
    return Triggers(
        torch.sigmoid(found.places["mask"])[:, 0].numpy(),
        np.moveaxis(patterns.numpy().astype(np.uint8), 1, -1),
        found.norms,
        found.success,
    )


def smallest(
    victim: Open, pixels: Array, rng: Generator, search: Search, codes: Ints | None = None
) -> Found:
    """The smallest trigger of the form asked for, for each class (norms: see `size`)."""
    torch = torch_()
    images = victim.inputs(Batch(range(len(pixels)), {"pixels": pixels}))
    goals = torch.as_tensor(np.arange(victim.classes) if codes is None else np.asarray(codes))
    frozen = [one for one in victim.net.parameters() if one.requires_grad]
    victim.net.eval()
    for one in frozen:
        one.requires_grad_(False)
    try:
        descent = _Descent(victim, images, goals, search)
        best, places = descent.run(rng)
        return Found(places, best.double().numpy(), success(victim, images, goals, places))
    finally:
        for one in frozen:
            one.requires_grad_(True)


def applied(places: Places, images: Any) -> Any:
    """(k, n, c, h, w): each trigger in each of the images (n, c, h, w) in [-1, 1]."""
    if "added" in places:
        return (images + places["added"][:, None]).clamp(-1, 1)
    mask, pattern = places["mask"].sigmoid()[:, None], places["pattern"].tanh()[:, None]
    return images + mask * (pattern - images)


def size(places: Places) -> Any:
    """(k,) of a patch the sum of its mask, of an overlay its length; white less black is 1."""
    if "added" in places:
        return places["added"].square().sum((1, 2, 3)).add(1e-12).sqrt() / 2
    return places["mask"].sigmoid().sum((1, 2, 3))


def success(victim: Open, images: Any, goals: Any, places: Places) -> Floats:
    """(k,) of the images not seen as that class, the share that its trigger turns into it."""
    torch = torch_()
    seen = np.full(len(goals), np.nan)
    with torch.no_grad():
        own = victim.logits(images).argmax(1)
        for at, goal in enumerate(goals):
            others, held = images[own != goal], own[own != goal]
            one = {name: tensor[at : at + 1] for name, tensor in places.items()}
            turned = [victim.logits(applied(one, part)[0]) for part in others.split(TILE)]
            if len(others):
                classes = torch.cat(turned).argmax(1)
                hit = classes != held if goal == AWAY else classes == goal
                seen[at] = float(hit.double().mean())
    return seen


@dataclass(frozen=True)
class _Descent:
    """One search: every class has a price of size that follows its success."""

    victim: Open
    images: Any
    goals: Any
    search: Search

    def run(self, rng: Generator) -> tuple[Any, dict[str, Any]]:
        """(k,) the smallest sizes with enough success, and those triggers."""
        torch, search = torch_(), self.search
        places = self._started(rng)
        best = torch.full((len(self.goals),), torch.inf)
        kept = {name: one.detach().clone() for name, one in places.items()}
        adam = torch.optim.Adam(places.values(), lr=RATES[search.form], betas=MOMENTS)
        price = torch.full_like(best, PRICES[search.form])
        with torch.no_grad():
            own = self.victim.logits(self.images).argmax(1)
        reached = None
        for _ in range(search.steps):
            part = torch.from_numpy(rng.integers(len(own), size=search.rows))
            loss, hit = self._shown(places, self.images[part], own[part])
            reached = hit if reached is None else MEMORY * reached + (1 - MEMORY) * hit
            large, enough = size(places), reached >= search.success
            better = enough & (large < best)
            best = torch.where(better, large.detach(), best)
            for name, one in places.items():
                kept[name][better] = one.detach()[better]
            price = torch.where(enough, price * TIGHTER, price / LOOSER)
            adam.zero_grad()
            (loss + price * large).sum().backward()
            adam.step()
        return best, kept

    def _started(self, rng: Generator) -> dict[str, Any]:
        torch, k, (c, h, w) = torch_(), len(self.goals), self.images.shape[1:]

        def drawn(reach: float, *shape: int) -> Any:
            values = rng.uniform(-reach, reach, shape).astype(np.float32)
            return torch.from_numpy(values).requires_grad_()

        if self.search.form == "overlay":
            return {"added": drawn(0.1, k, c, h, w)}
        return {"mask": drawn(0.1, k, 1, h, w), "pattern": drawn(1.0, k, c, h, w)}

    def _shown(self, places: Places, images: Any, own: Any) -> tuple[Any, Any]:
        """(k,) loss and (k,) success on images that are of other classes so far."""
        torch, k, n = torch_(), len(self.goals), len(images)
        logits = self.victim.logits(applied(places, images).flatten(0, 1)).view(k, n, -1)
        away, live = self.goals[:, None] == AWAY, own != self.goals[:, None]
        asked = torch.where(away, own, self.goals[:, None])
        chance = logits.log_softmax(2)
        wanted = chance.gather(2, asked[..., None])[..., 0]
        loss = -torch.where(away, torch.log1p(-wanted.exp().clamp(max=SURE)), wanted)
        hit = ((logits.argmax(2) == asked) != away) & live
        count = live.sum(1)
        turned = torch.where(count > 0, hit.sum(1) / count.clamp(min=1), 1.0)
        mean = (loss * live).sum(1) / count.clamp(min=1)
        return torch.where(away[:, 0], mean - _spread(chance), mean), turned


def _spread(chance: Any) -> Any:
    """(k,) how much images differ in what they are seen as, of (k, n, classes) log chances.

    In nats: large where each image is surely something, and not all of them the same.
    """
    mean = chance.exp().mean(1)
    doubt = -(chance.exp() * chance).sum(2).mean(1)
    return -(mean * mean.clamp(min=1e-9).log()).sum(1) - doubt


def images_of(rows: Batch, count: int, rng: Generator) -> Array:
    """(n, h, w, c) uint8 of at most `count` rows, drawn at random.

    Raises `BadInput` where the rows are no images.
    """
    if "pixels" not in rows.names or not len(rows):
        raise BadInput("triggers are searched for with images: no row has any")
    some = rng.permutation(len(rows))[:count]
    pixels: Array = rows.take(np.sort(some))["pixels"]
    return pixels


def torch_() -> Any:
    """The torch package, or a clear error."""
    return torch_for("trigger inversion")
