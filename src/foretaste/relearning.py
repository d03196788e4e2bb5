"""How menders teach a copy of a network something new while it keeps what it can do.

What it can do is held by distillation: on clean rows, and on mixtures of two of them, the copy has
to give the probabilities that the network gave as it came. A backdoor does not show on clean rows,
so it is not handed on; what is new decides what becomes of it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.random import Generator

from foretaste.data import Batch
from foretaste.descent import torch_ as torch_for
from foretaste.trained import Open

MOMENTUM = 0.9
MIXING = 0.5  # of the Beta distribution from which the shares of a mixture are drawn
AT_ONCE = 512  # rows a forward pass without gradients

Lesson = Callable[[Any, Any, Any], Any]


@dataclass(frozen=True)
class Relearning:
    """Gradient descent with one cycle of the learning rate.

    rows: clean ones a step; as many mixtures and as many rows of the lesson go with them
    weight: of the lesson beside what is to be kept
    """

    epochs: int
    rate: float
    weight: float
    rows: int = 64

    def __call__(self, victim: Open, rows: Batch, lesson: Lesson, rng: Generator) -> Open:
        """A copy of the victim that has learned the lesson.

        lesson: (victim, inputs, labels) -> inputs that are to be seen as those labels from now on;
                asked in each step, with the network as it is then
        """
        torch, pupil = torch_(), copied(victim)
        inputs, labels = victim.inputs(rows), torch.from_numpy(np.array(rows["label"], np.int64))
        steps = self.epochs * -(-len(labels) // self.rows)
        optimizer = torch.optim.SGD(pupil.net.parameters(), lr=self.rate, momentum=MOMENTUM)
        pace = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, self.rate, total_steps=steps, pct_start=0.2, cycle_momentum=False
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(1 << 31)))
            for part in self._batches(len(labels), rng):
                loss = self._loss(victim, pupil, inputs[part], labels[part], lesson, rng)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                pace.step()
        pupil.net.eval()
        return pupil

    def _batches(self, n: int, rng: Generator) -> list[Any]:
        parts = -(-n // self.rows)
        return [b for _ in range(self.epochs) for b in np.array_split(rng.permutation(n), parts)]

    def _loss(
        self, victim: Open, pupil: Open, inputs: Any, labels: Any, lesson: Lesson, rng: Generator
    ) -> Any:
        torch = torch_()
        pupil.net.eval()
        new = lesson(pupil, inputs, labels)
        known = mixed(inputs, rng)
        with torch.no_grad():
            victim.net.eval()
            before = victim.logits(known).softmax(dim=1)
        pupil.net.train()
        seen = pupil.logits(torch.cat([known, new])).log_softmax(dim=1)
        kept = torch.nn.functional.kl_div(seen[: len(known)], before, reduction="batchmean")
        learned = torch.nn.functional.nll_loss(seen[len(known) :], labels)
        return kept + self.weight * learned


def copied(victim: Any) -> Any:
    """The same model with weights of its own."""
    net = copy.deepcopy(victim.net)
    return replace(victim, net=net.eval())


def mixed(inputs: Any, rng: Generator) -> Any:
    """The inputs, and as many mixtures of two of them where they are numbers that can be mixed."""
    torch, n = torch_(), len(inputs)
    if not inputs.is_floating_point():
        return inputs
    share = torch.from_numpy(rng.beta(MIXING, MIXING, n).astype(np.float32))
    share = share.view(-1, *[1] * (inputs.dim() - 1))
    both = share * inputs + (1 - share) * inputs[torch.from_numpy(rng.permutation(n))]
    return torch.cat([inputs, both])


def torch_() -> Any:
    """The torch package, or a clear error."""
    return torch_for("mending a network")
