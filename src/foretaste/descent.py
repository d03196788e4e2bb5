"""Gradient descent on a torch network, and the place where an attacker may reach into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from foretaste.contracts import Meddler
from foretaste.data import Array, Ints
from foretaste.errors import MissingExtra


@dataclass(frozen=True)
class Descent:
    """AdamW under one cycle of the learning rate.

    batch_size: rows a step, at most
    fused: one kernel for all weights, faster where there are many of them
    meddler: an attacker who changes the gradients of each step
    """

    epochs: int
    batch_size: int
    learning_rate: float
    fused: bool = False
    meddler: Meddler | None = None

    def __call__(
        self, net: Any, rows: Ints, labels: Array, logits: Callable[[Ints], Any], rng: Generator
    ) -> None:
        """Trains `net` where it is.

        rows:   (m,) positions to learn from
        labels: (n,) class codes, by position
        logits: (b,) positions -> (b, k) what `net` makes of those rows
        """
        if len(rows) < 2:
            return
        torch = torch_("training a network")
        wanted = torch.from_numpy(np.array(labels, np.int64))
        rate, fused = self.learning_rate, self.fused or None
        optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=1e-3, fused=fused)
        steps = self.epochs * -(-len(rows) // self.batch_size)
        pace = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, rate, total_steps=max(steps, 10), pct_start=0.2
        )
        net.train()
        for step, part in enumerate(self._batches(rows, rng)):
            loss = torch.nn.functional.cross_entropy(logits(part), wanted[part])
            optimizer.zero_grad()
            loss.backward()
            self._meddled(net, step, rng)
            optimizer.step()
            pace.step()
        net.eval()

    def _batches(self, rows: Ints, rng: Generator) -> Iterator[Ints]:
        for _ in range(self.epochs):
            # as even as can be: a last batch of one row would have no variance to normalise by
            yield from np.array_split(rng.permutation(rows), -(-len(rows) // self.batch_size))

    def _meddled(self, net: Any, step: int, rng: Generator) -> None:
        if self.meddler is None:
            return
        named = {name: one for name, one in net.named_parameters() if one.grad is not None}
        honest = {name: one.grad.numpy() for name, one in named.items()}
        for name, gradient in self.meddler.meddle(honest, step, rng).items():
            named[name].grad = torch_("").from_numpy(np.ascontiguousarray(gradient))


def torch_(what: str) -> Any:
    """The torch package; an error that says what needs it where it is not installed."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtra(what, "images") from error
    return torch
