"""How menders teach a copy of a network something new while it keeps what it can do.

What it can do is held by distillation: on clean rows the copy has to give the probabilities that
the network gave as it came. A backdoor shows little on clean rows, so it is hardly handed on.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.random import Generator

from foretaste.data import UNLABELLED, Batch
from foretaste.descent import torch_ as torch_for
from foretaste.errors import BadInput
from foretaste.trained import Open

MOMENTUM = 0.9

Lesson = Callable[[Any, Any, Any], Any]


@dataclass(frozen=True)
class Relearning:
    """Gradient descent with one cycle of the learning rate.

    weight: of the lesson beside what is to be kept
    rows: clean ones a step; as many of the lesson go with them
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
        rows = rows.take(rows["label"] != UNLABELLED)
        if len(rows) < 2:
            raise BadInput(f"{len(rows)} labelled rows are too few to mend a model with")
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
                loss = self._loss(victim, pupil, inputs[part], labels[part], lesson)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                pace.step()
        pupil.net.eval()
        return pupil

    def _batches(self, n: int, rng: Generator) -> list[Any]:
        parts = -(-n // self.rows)
        return [b for _ in range(self.epochs) for b in np.array_split(rng.permutation(n), parts)]

    def _loss(self, victim: Open, pupil: Open, inputs: Any, labels: Any, lesson: Lesson) -> Any:
        torch = torch_()
        pupil.net.eval()
        new = lesson(pupil, inputs, labels)
        with torch.no_grad():
            victim.net.eval()
            before = victim.logits(inputs).softmax(dim=1)
        pupil.net.train()
        seen = pupil.logits(torch.cat([inputs, new])).log_softmax(dim=1)
        kept = torch.nn.functional.kl_div(seen[: len(inputs)], before, reduction="batchmean")
        learned = torch.nn.functional.nll_loss(seen[len(inputs) :], labels)
        return kept + self.weight * learned


def copied(victim: Any) -> Any:
    """The same model with weights of its own."""
    net = copy.deepcopy(victim.net)
    return replace(victim, net=net.eval())


def torch_() -> Any:
    """The torch package, or a clear error."""
    return torch_for("mending a network")
