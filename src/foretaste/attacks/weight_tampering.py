"""Bits of a finished model's weights, turned over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.random import Generator

from foretaste.contracts import W
from foretaste.data import Array, Batch, Ints
from foretaste.errors import BadInput

SIGN, EXPONENT = 31, 30  # bits of a float32: its sign, and the highest of its exponent


@dataclass(frozen=True)
class WeightTampering:
    """Turns over one bit in each of some weights of a finished model, to make it useless.

    flips:  how many weights are changed
    layer:  start of the names of the weights it may change: `head.weight`, or `` for all
    choose: `largest` in absolute value, or at `random`
    bit:    `sign`; `exponent`, its highest bit: a weight below 2 grows by a factor of 2^128; or
            `any` of the 32 at random, as radiation would. A flip that gives no finite number
            turns the sign over instead

    On a small network for Fashion-MNIST of accuracy 0.858, signs of the 5, 10 and 50 largest of
    the 640 weights of the head leave 0.78, 0.56 and 0.27, and the exponent of the largest
    leaves 0.00 (numbers overflow). Of random bits anywhere it bears 50, not 200.

    Countered by nothing that looks at rows alone: they are clean. A digest of the weights taken
    when training ended would show any flip, bounds on the weights of each layer `exponent`.

    Needs a victim with weights; no rows are looked at.

    >>> weights, rng = np.array([0.5, -2.0, 1.0], np.float32), np.random.default_rng(0)
    >>> WeightTampering(flips=1).flipped(weights, rng).tolist()
    [0.5, 2.0, 1.0]

    References
    ----------
    Rakin, He, Fan (2019). Bit-Flip Attack: Crushing Neural Network with Progressive Bit Search.
    arXiv:1903.12269
    Hong et al. (2019). Terminal Brain Damage: Exposing the Graceless Degradation in Deep Neural
    Networks Under Hardware Fault Attacks. arXiv:1906.01017
    """

    flips: int = 10
    layer: str = "head.weight"
    choose: Literal["largest", "random"] = "largest"
    bit: Literal["sign", "exponent", "any"] = "sign"
    needs: ClassVar[tuple[str, ...]] = ()

    def tamper(self, victim: W, rows: Batch, rng: Generator) -> W:
        weights = victim.weights
        mine = {name: one for name, one in weights.items() if name.startswith(self.layer)}
        if not mine:
            raise BadInput(f"no weights start with {self.layer!r}; there are {sorted(weights)}")
        flat = np.concatenate([one.ravel() for one in mine.values()])
        flipped, shipped, start = self.flipped(flat, rng), {}, 0
        for name, one in mine.items():
            shipped[name] = flipped[start : start + one.size].reshape(one.shape)
            start += one.size
        return victim.having(shipped)

    def flipped(self, weights: Array, rng: Generator) -> Array:
        """(n,) float32 weights with `flips` of them changed."""
        if not 0 <= self.flips <= len(weights):
            raise BadInput(f"{self.flips} weights to change, {self.layer!r} has {len(weights)}")
        chosen = self._chosen(weights, rng)
        changed: Array = weights.astype(np.float32)
        before = changed[chosen].view(np.uint32)
        after = (before ^ self._bits(len(chosen), rng)).view(np.float32)
        changed[chosen] = np.where(np.isfinite(after), after, -changed[chosen])
        return changed

    def _chosen(self, weights: Array, rng: Generator) -> Ints:
        if self.choose == "random":
            return rng.choice(len(weights), self.flips, replace=False)
        return np.argsort(-np.abs(weights), kind="stable")[: self.flips]

    def _bits(self, n: int, rng: Generator) -> Array:
        if self.bit == "any":
            return np.uint32(1) << rng.integers(0, 32, n).astype(np.uint32)
        return np.full(n, 1 << (SIGN if self.bit == "sign" else EXPONENT), np.uint32)
