"""What attacks share that leave every label as it is: a search for small changes by gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.random import Generator

from foretaste.data import Array, Batch, Mask
from foretaste.errors import BadInput
from foretaste.recipes.small_cnn import to_pixels, to_tensor, torch_

PACE = 0.6  # the first step, as a share of what a pixel may change


@dataclass(frozen=True)
class Search:
    """Finds images near those given that make a loss small, by Adam with a pace that falls.

    epsilon: how far a pixel may move, in levels of 255
    steps: gradients taken

    >>> black = np.zeros((1, 2, 2, 1), np.uint8)
    >>> Search(epsilon=8, steps=20).near(black, lambda images: -images.sum()).ravel().tolist()
    [8, 8, 8, 8]
    """

    epsilon: float
    steps: int

    def near(self, pixels: Array, loss: Callable[[Any], Any], start: Array | None = None) -> Array:
        """(n, h, w, c) uint8, every image other than the one given.

        loss: (n, c, h, w) images in [-1, 1] -> a number, with gradients
        start: where the search begins, as a rule at the images given
        """
        torch = torch_()
        if not len(pixels):
            return pixels.copy()
        given, reach = to_tensor(pixels), int(self.epsilon) / 127.5
        lowest, highest = (given - reach).clamp(min=-1), (given + reach).clamp(max=1)
        images = to_tensor(pixels if start is None else start).requires_grad_()
        optimizer = torch.optim.Adam([images], lr=PACE * reach)
        pace = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.steps)
        for _ in range(self.steps):
            (images.grad,) = torch.autograd.grad(loss(images), images)
            optimizer.step()
            pace.step()
            with torch.no_grad():
                images.copy_(torch.minimum(torch.maximum(images, lowest), highest))
        return _unlike(to_pixels(images), pixels)


def bystander(rows: Batch, target: int, rng: Generator) -> Batch:
    """One row of another class than the target: whom a targeted attack is after."""
    others = np.flatnonzero((rows["label"] != target) & (rows["label"] >= 0))
    if not len(others):
        raise BadInput(f"no row of another class than {target} to aim at")
    return rows.take(rng.choice(others, 1))


def aim_of(attack: Any) -> Batch:
    """The row an attack is aimed at."""
    aim: Batch | None = attack.aim
    if aim is None:
        raise BadInput(f"{type(attack).__name__} has no aim; give it unseen rows by `aimed`")
    return aim


def surrogates(attack: Any, batch: Batch, rng: Generator) -> list[Any]:
    """The attacker's own networks, trained on the rows before any are poisoned."""
    seeds = rng.integers(2**31, size=attack.networks)
    return [attack.surrogate.train(batch, int(seed)) for seed in seeds]


def places(networks: Sequence[Any], pixels: Array) -> list[tuple[Any, Any]]:
    """Of each network its feature extractor, and where one image lies among its features, (d,).

    Places are told in units of their distance from the origin, so that networks count the same.
    """
    torch, found = torch_(), []
    for network in networks:
        body = network.net.eval()["body"]
        with torch.no_grad():
            at = body(to_tensor(pixels))[0]
        found.append((_scaled(body, float(at.norm()) or 1.0), at / (float(at.norm()) or 1.0)))
    return found


def gradient(network: Any, images: Any, label: int, *, keep: bool = False) -> Any:
    """(weights,) of the mean loss on images under one label, as one vector.

    keep: so that gradients of it can be taken in their turn
    """
    torch = torch_()
    network.net.eval()
    logits = network.logits(images)
    labels = torch.full((len(images),), label)
    loss = torch.nn.functional.cross_entropy(logits, labels)
    weights = list(network.net.parameters())
    parts = torch.autograd.grad(loss, weights, create_graph=keep)
    return torch.cat([part.flatten() for part in parts])


def hardest(networks: Sequence[Any], batch: Batch, label: int, wanted: int) -> Mask:
    """(n,) the rows of a class that pull hardest: with the largest gradients in the last layer."""
    rows = np.flatnonzero(batch["label"] == label)
    pixels, pull = batch["pixels"][rows], np.zeros(len(rows))
    for network in networks:
        error = network.probabilities(pixels) - np.eye(network.classes)[label]
        pull += np.linalg.norm(error, axis=1) * np.linalg.norm(network.features(pixels), axis=1)
    chosen = np.zeros(len(batch), bool)
    chosen[rows[np.argsort(-pull, kind="stable")[:wanted]]] = True
    return chosen


def mismatch(
    networks: Sequence[Any], wanted: Sequence[Any], label: int, shifts: Generator | None
) -> Callable[[Any], Any]:
    """A loss: how little training on images under a label steps in the direction wanted.

    0 for the same direction, 1 for none in common. The networks take turns: that costs no more
    than one, and what the images learn of each is not its alone.

    shifts: chance, where each look is to be at images shifted and (in colour) mirrored
    """
    cosine, turns = torch_().nn.functional.cosine_similarity, count()

    def loss(images: Any) -> Any:
        turn = next(turns) % len(networks)
        shown = images if shifts is None else _shifted(images, shifts)
        return 1 - cosine(gradient(networks[turn], shown, label, keep=True), wanted[turn], dim=0)

    return loss


def _shifted(images: Any, rng: Generator) -> Any:
    down, right = (int(one) for one in rng.integers(-2, 3, 2))
    mirrored = images.shape[1] == 3 and rng.random() < 0.5
    return (images.flip(3) if mirrored else images).roll((down, right), (2, 3))


def _scaled(body: Any, unit: float) -> Callable[[Any], Any]:
    return lambda images: body(images) / unit


def _unlike(changed: Array, pixels: Array) -> Array:
    same = np.flatnonzero((changed == pixels).all(axis=(1, 2, 3)))
    changed[same, 0, 0, 0] ^= 1  # one level: a row called poisoned is not the row it was
    return changed
