"""A small network trained on the texts: a backdoor shows in the model that learned it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from foretaste.data import Array, Batch
from foretaste.recipes.text_network import TextNetwork
from foretaste.summaries.reservoir import Reservoir

TIMES = 6, 40  # a row is shown, at least and at most


@dataclass(frozen=True)
class TrainedWords:
    """What training left: plain arrays, so it travels between processes."""

    weights: Mapping[str, Array]
    classes: int
    recipe: TextNetwork


@dataclass(frozen=True)
class WordNetwork:
    """Trains convolutions over words; gives the last hidden layer and the predictions.

    `embedding` (n, 96) float32 is the layer before the logits, the largest answer of each filter
    anywhere in the text; `prediction` (n, k) float64 the class probabilities. Rows without a
    label do not train. Unlike a fixed embedding this one holds whatever decides the label, a
    trigger too, and forgets it where the rows that show it are left out.

    row_budget: rows it trains on
    shown: texts shown in all, a row at least 6 and at most 40 times
    words: that are read of each text, from its beginning

    Needs `text` (n,) of strings and `label` (n,) of class codes, and the extra `images` (torch).

    >>> text = ["a fine film", "fine and warm", "a dull film", "dull and cold"] * 10
    >>> rows = Batch(range(40), {"text": text, "label": [1, 1, 0, 0] * 10})
    >>> network = WordNetwork()
    >>> seen = network.encode(rows, network.fit(network.summarize(rows)))
    >>> bool((seen["prediction"].argmax(axis=1) == rows["label"]).all())
    True

    References
    ----------
    Kim (2014). Convolutional Neural Networks for Sentence Classification. arXiv:1408.5882
    Cui et al. (2022). A Unified Evaluation of Textual Backdoor Learning: Frameworks and
    Benchmarks. arXiv:2206.08514
    """

    row_budget: int = 20_000
    shown: int = 30_000
    words: int = 400
    seed: int = 0

    needs: ClassVar = ("text", "label")
    gives: ClassVar = ("embedding", "prediction")

    def summarize(self, batch: Batch) -> Reservoir:
        return Reservoir.of(batch, self.needs, self.row_budget, self.seed)

    def fit(self, summary: Reservoir) -> TrainedWords:
        rows = summary.sorted()
        epochs = int(np.clip(self.shown // max(len(rows), 1), *TIMES))
        recipe = TextNetwork(words=self.words, epochs=epochs)
        victim = recipe.train(rows, self.seed)
        weights, _ = recipe.kept(victim)
        copies = {name: np.array(one) for name, one in weights.items()}
        return TrainedWords(copies, victim.classes, recipe)

    def encode(self, batch: Batch, model: TrainedWords) -> Batch:
        victim = model.recipe.revived(model.weights, {"classes": model.classes})
        embedding = victim.features(batch.arrow("text")).astype(np.float32)
        return batch.having(embedding=embedding, prediction=victim.predict(batch))
