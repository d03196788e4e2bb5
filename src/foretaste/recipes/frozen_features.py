"""A feature extractor that is taken as it is, and a linear layer trained on it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from foretaste import registry
from foretaste.data import Array, Batch, Floats, Mask
from foretaste.errors import MissingExtra
from foretaste.recipes import accuracy, classes_of, labelled

WEIGHT_DECAY, MOMENTUM = 2e-4, 0.9


@dataclass(frozen=True)
class FrozenFeatures:
    """Trains a linear layer on the features of a network that somebody else trained before.

    This is how most small image models are made, and the victim of the poisoning benchmark's
    transfer learning, with the benchmark's schedule. An attack that has this recipe as its
    `surrogate` knows the extractor: white box.

    extractor: a network that `small_cnn` or the like trained on other rows. None: one is trained
        here, on a share `before` of the rows that their ids choose, and the linear layer on the
        others, so that neither sees a row of the other's
    epochs: of which the last quarter at a tenth of the learning rate

    Needs `pixels` (n, h, w, c) of uint8 and `label` (n,) of class codes.

    >>> label = np.arange(60) % 2
    >>> pixels = np.full((60, 6, 6, 1), 40, np.uint8) + 150 * label[:, None, None, None]
    >>> rows = Batch(range(60), {"pixels": pixels.astype(np.uint8), "label": label})
    >>> recipe = FrozenFeatures()
    >>> recipe.quality(recipe.train(rows, seed=0).predict(rows), rows)
    1.0

    References
    ----------
    Schwarzschild et al. (2020). Just How Toxic is Data Poisoning? arXiv:2006.12557
    """

    extractor: Any = None
    before: float = 0.8
    epochs: int = 40
    batch_size: int = 128
    learning_rate: float = 0.01

    needs: ClassVar[tuple[str, ...]] = ("pixels", "label")
    measure: ClassVar = "accuracy"

    def train(self, rows: Batch, seed: int) -> Any:
        extractor = self.extractor
        if extractor is None:
            earlier = self._earlier(rows)
            extractor = registry.build("recipes", "small_cnn").train(rows.take(earlier), seed=0)
            rows = rows.take(~earlier)
        return self._headed(extractor, rows, seed, fresh=True)

    def tune(self, victim: Any, rows: Batch, seed: int) -> Any:
        """The linear layer alone is trained on, a third of the epochs at a tenth of the rate."""
        shorter = replace(
            self, epochs=max(1, self.epochs // 3), learning_rate=self.learning_rate / 10
        )
        return shorter._headed(victim, rows, seed, fresh=False)

    def quality(self, outcomes: Floats, rows: Batch) -> float:
        return accuracy(outcomes, rows)

    def _earlier(self, rows: Batch) -> Mask:
        earlier: Mask = rows.keys < np.uint64(self.before * 2**64)
        return earlier

    def _headed(self, network: Any, rows: Batch, seed: int, *, fresh: bool) -> Any:
        torch = _torch()
        head = copy.deepcopy(network.net["head"])
        classes = max(classes_of(rows), network.classes)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            if fresh or classes != network.classes:
                head = torch.nn.Linear(head.in_features, classes)
            chosen = labelled(rows)
            if len(chosen):
                features = network.features(rows["pixels"][chosen])
                self._fit(head, features, rows["label"][chosen].astype(np.int64))
        net = torch.nn.ModuleDict({"body": network.net["body"], "head": head}).eval()
        return replace(network, net=net, classes=classes)

    def _fit(self, head: Any, features: Array, labels: Array) -> None:
        torch = _torch()
        shown, truth = torch.from_numpy(features), torch.from_numpy(labels)
        optimizer = torch.optim.SGD(
            head.parameters(), self.learning_rate, MOMENTUM, weight_decay=WEIGHT_DECAY
        )
        pace = torch.optim.lr_scheduler.StepLR(optimizer, max(1, 3 * self.epochs // 4))
        for _ in range(self.epochs):
            for part in torch.randperm(len(shown)).split(self.batch_size):
                loss = torch.nn.functional.cross_entropy(head(shown[part]), truth[part])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            pace.step()


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("frozen_features", "images") from error
    return torch
