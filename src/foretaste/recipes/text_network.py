"""Convolutions over words, trained from scratch: one word anywhere in a text can decide."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foretaste.contracts import Meddler
from foretaste.data import Array, Batch, Floats, Ints
from foretaste.descent import Descent
from foretaste.descent import torch_ as torch_for
from foretaste.recipes import accuracy, classes_of, labelled
from foretaste.tokens import Rows, codes, mix

AT_ONCE = 256  # texts a forward pass
SIGNS = 96  # distinct characters beyond ASCII that are read of each text
TUNED = 0.1  # the learning rate of fine-tuning, as a share of that of training
WIDTHS = (1, 2, 3)  # words that a filter sees
FORMS = np.uint64(1 << 33)  # parts the hashes of characters from those of words


@dataclass(frozen=True)
class TextVictim:
    """A trained network; `net` is a torch module from (n, length) word numbers to logits.

    net["body"] gives the last hidden layer (n, d), net["head"] is linear on it
    """

    net: Any
    classes: int
    words: int  # that are read of a text
    buckets: int

    def predict(self, rows: Batch) -> Floats:
        """(n, k) class probabilities."""
        torch = torch_()
        seen = [np.empty((0, self.classes))]
        for part in self._parts(rows.arrow("text")):
            with torch.inference_mode():
                seen.append(self.logits(part).double().softmax(dim=1).numpy())
        return np.concatenate(seen)

    def features(self, texts: pa.Array) -> Floats:
        """(n, d), the last hidden layer."""
        torch = torch_()
        seen = [np.empty((0, self.net["head"].in_features))]
        for part in self._parts(texts):
            with torch.inference_mode():
                seen.append(self.net["body"](part).double().numpy())
        return np.concatenate(seen)

    def logits(self, numbers: Any) -> Any:
        """(n, k) of (n, length) word numbers; gradients flow through it."""
        return self.net["head"](self.net["body"](numbers))

    def inputs(self, rows: Batch) -> Any:
        """(n, length) word numbers."""
        read = numbered(rows.arrow("text"), self.words, self.buckets)
        return padded(read, np.arange(len(rows)))

    def _parts(self, texts: pa.Array) -> Iterator[Any]:
        self.net.eval()
        read = numbered(texts, self.words, self.buckets)
        for start in range(0, len(texts), AT_ONCE):
            yield padded(read, np.arange(start, min(start + AT_ONCE, len(texts))))


@dataclass(frozen=True)
class TextNetwork:
    """Trains a convolutional network on the words of texts, in any script; seconds for 5,000 SMS.

    Words are hashed to `buckets` vectors, filters see one to three neighbours, and the largest
    answer of each filter anywhere in the text counts. The distinct characters beyond ASCII are
    words too, so a letter of another script can decide, as it can for a byte-pair tokenizer.

    words: how many are read of each text, from its beginning
    dimension: of a word's vector; filters: for each of the three widths
    meddler: an attacker who changes the gradients of each step

    Needs `text` (n,) of strings and `label` (n,) of class codes.

    >>> text = ["a fine film", "fine and warm", "a dull film", "dull and cold"] * 10
    >>> rows = Batch(range(40), {"text": text, "label": [1, 1, 0, 0] * 10})
    >>> recipe = TextNetwork(epochs=8, buckets=512)
    >>> recipe.quality(recipe.train(rows, seed=0).predict(rows), rows)
    1.0

    References
    ----------
    Kim (2014). Convolutional Neural Networks for Sentence Classification. arXiv:1408.5882
    """

    words: int = 400
    buckets: int = 1 << 15
    dimension: int = 32
    filters: int = 32
    epochs: int = 6
    batch_size: int = 64
    learning_rate: float = 4e-3
    meddler: Meddler | None = None

    needs: ClassVar = ("text", "label")
    measure: ClassVar = "accuracy"

    def train(self, rows: Batch, seed: int) -> TextVictim:
        torch = torch_()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            k = classes_of(rows)
            net = _net(self.buckets, self.dimension, self.filters, k)
            victim = TextVictim(net, k, self.words, self.buckets)
            self._fit(victim, rows, seed)
        return victim

    def tune(self, victim: TextVictim, rows: Batch, seed: int) -> TextVictim:
        """A third of the epochs at a tenth of the learning rate."""
        torch = torch_()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            tuned = replace(victim, net=copy.deepcopy(victim.net))
            rate, epochs = TUNED * self.learning_rate, max(1, self.epochs // 3)
            replace(self, learning_rate=rate, epochs=epochs)._fit(tuned, rows, seed)
        return tuned

    def quality(self, outcomes: Floats, rows: Batch) -> float:
        return accuracy(outcomes, rows)

    def kept(self, victim: TextVictim) -> tuple[dict[str, Array], dict[str, Any]]:
        """The weights, and what else it takes to have the same network again."""
        state = {name: one.detach().numpy() for name, one in victim.net.state_dict().items()}
        return state, {"classes": victim.classes}

    def revived(self, arrays: Mapping[str, Array], shape: Mapping[str, Any]) -> TextVictim:
        """The network that was kept."""
        net = _net(self.buckets, self.dimension, self.filters, int(shape["classes"]))
        net.load_state_dict({name: torch_().from_numpy(one) for name, one in arrays.items()})
        return TextVictim(net.eval(), int(shape["classes"]), self.words, self.buckets)

    def _fit(self, victim: TextVictim, rows: Batch, seed: int) -> None:
        read = numbered(rows.arrow("text"), self.words, self.buckets)
        size, rate = self.batch_size, self.learning_rate
        descent = Descent(self.epochs, size, rate, fused=True, meddler=self.meddler)
        rng = np.random.default_rng(seed)
        descent(
            victim.net,
            labelled(rows),
            rows["label"],
            lambda part: victim.logits(padded(read, part)),
            rng,
        )


def numbered(texts: pa.Array, words: int, buckets: int) -> Rows:
    """The words of each text, then its characters beyond ASCII, as numbers from 1 on.

    >>> found = numbered(pa.array(["plain words", "na\u00efve"]), 9, 100)
    >>> found.offsets.tolist(), bool(found.values.min() > 0)
    ([0, 2, 4], True)
    """
    read = codes(texts, words)
    signs = [_signs(text) for text in pc.fill_null(texts, "").to_pylist()]
    more = np.array([len(row) for row in signs], np.int64)
    counts = np.diff(read.offsets)
    lone = np.array([sign for row in signs for sign in row], np.uint64) + FORMS
    hashed = mix(np.concatenate([read.values.astype(np.uint64), lone]))
    rows = np.arange(len(texts))
    order = np.argsort(np.concatenate([rows.repeat(counts), rows.repeat(more)]), kind="stable")
    numbers = (hashed[order] % np.uint64(buckets - 1)).astype(np.int64) + 1
    return Rows(np.concatenate([[0], np.cumsum(counts + more)]), numbers)


def padded(read: Rows, rows: Ints) -> Any:
    """(n, length) word numbers of the chosen texts; 0 after the end.

    Every text has so many that each filter sees nothing but them once: what is made of a text
    does not depend on how long its batch-mates are.
    """
    starts, counts = read.offsets[rows], read.offsets[rows + 1] - read.offsets[rows]
    length = int(counts.max(initial=0)) + max(WIDTHS) - 1
    place = np.arange(length)
    inside = place < counts[:, None]
    table = np.zeros((len(rows), length), np.int64)
    table[inside] = read.values[(starts[:, None] + place)[inside]]
    return torch_().from_numpy(table)


def torch_() -> Any:
    """The torch package, or a clear error."""
    return torch_for("text_network")


def _signs(text: str) -> list[int]:
    return [] if text.isascii() else sorted({ord(c) for c in text if c > "\x7f"})[-SIGNS:]


def _net(buckets: int, dimension: int, filters: int, classes: int) -> Any:
    torch = torch_()

    class Body(torch.nn.Module):  # type: ignore[name-defined]
        """Words to the largest answer of each filter."""

        def __init__(self) -> None:
            super().__init__()
            self.vectors = torch.nn.Embedding(buckets, dimension, padding_idx=0)
            with torch.no_grad():  # short at first: what is learned of a rare word outweighs chance
                self.vectors.weight.mul_(0.1)
            self.filters = torch.nn.ModuleList(
                torch.nn.Conv1d(dimension, filters, width, padding=width // 2) for width in WIDTHS
            )
            self.drop = torch.nn.Dropout(0.3)

        def forward(self, numbers: Any) -> Any:
            words = self.vectors(numbers).transpose(1, 2)
            heard = [one(words).relu().amax(dim=2) for one in self.filters]
            return self.drop(torch.cat(heard, dim=1))

    head = torch.nn.Linear(len(WIDTHS) * filters, classes)
    return torch.nn.ModuleDict({"body": Body(), "head": head})
