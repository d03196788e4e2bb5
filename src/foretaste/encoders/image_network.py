"""A small network trained on the images: a backdoor shows in the model that learned it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from foretaste.data import Array, Batch, Floats, Ints
from foretaste.errors import MissingExtra
from foretaste.recipes.small_cnn import Network
from foretaste.summaries.reservoir import Reservoir

if TYPE_CHECKING:
    import torch

AT_ONCE = 1024  # images a forward pass


@dataclass(frozen=True)
class TrainedNetwork:
    """What training left: plain arrays, so it travels between processes."""

    weights: Mapping[str, Array]
    shape: tuple[int, int, int]  # (h, w, c) of the images
    classes: int


@dataclass(frozen=True)
class ImageNetwork:
    """Trains a small convolutional network; gives its last hidden layer and its predictions.

    `embedding` (n, d) float32 is the layer before the logits (mean and maximum of each
    feature map); `prediction` (n, k) float64 the
    class probabilities. The budget is a number of images shown, not of seconds: a clock would
    break "the same seed gives the same answer". Rows without a label do not train.

    Needs `pixels` (n, h, w, c) uint8 and `label` (n,) of class codes.

    >>> rng = np.random.default_rng(0)
    >>> label = np.arange(40) % 2
    >>> pixels = (rng.integers(0, 90, (40, 6, 6, 1)) + 90 * label[:, None, None, None])
    >>> rows = Batch(range(40), {"pixels": pixels.astype(np.uint8), "label": label})
    >>> network = ImageNetwork()
    >>> seen = network.encode(rows, network.fit(network.summarize(rows)))
    >>> bool((seen["prediction"].argmax(axis=1) == label).all())
    True
    """

    row_budget: int = 60_000  # rows it trains on
    shown: int = 180_000  # images shown in all, a row at least 3 and at most 10 times
    width: int = 16  # channels of the first layer
    seed: int = 0

    needs: ClassVar = ("pixels", "label")
    gives: ClassVar = ("embedding", "prediction")

    def summarize(self, batch: Batch) -> Reservoir:
        return Reservoir.of(batch, self.needs, self.row_budget, self.seed)

    def fit(self, summary: Reservoir) -> TrainedNetwork:
        rows = summary.sorted()
        labels = np.asarray(rows["label"], np.int64)
        classes = max(len(rows.classes), int(labels.max(initial=0)) + 1)
        pixels = rows["pixels"]
        shape = tuple(pixels.shape[1:])
        weights = self._trained(pixels[labels >= 0], labels[labels >= 0], classes)
        return TrainedNetwork(weights, shape, classes)

    def encode(self, batch: Batch, model: TrainedNetwork) -> Batch:
        network = _network(model.shape, self.width, model.classes)
        torch = _torch()
        network.load_state_dict({k: torch.from_numpy(v) for k, v in model.weights.items()})
        network.eval()
        embedding, prediction = _applied(network, batch["pixels"], model.classes)
        return batch.having(embedding=embedding, prediction=prediction)

    def opened(self, model: TrainedNetwork) -> Network:
        """The trained network as a victim that gradients flow through; predicts as `encode`."""
        torch, nn = _torch(), _torch().nn
        network = _network(model.shape, self.width, model.classes)
        network.load_state_dict({k: torch.from_numpy(v) for k, v in model.weights.items()})

        class MeanAndMaximum(nn.Module):  # type: ignore[name-defined]
            """As `_forward` pools, of modules: relevance is passed on module by module."""

            def __init__(self) -> None:
                super().__init__()
                self.mean, self.maximum = nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1)

            def forward(self, maps: Any) -> Any:
                return torch.cat([self.mean(maps), self.maximum(maps)], dim=1).flatten(1)

        body = nn.Sequential(*network["body"], MeanAndMaximum())
        net = nn.ModuleDict({"body": body, "head": network["out"]})
        return Network(net.eval(), model.classes, model.shape)

    def _trained(self, pixels: Array, labels: Ints, classes: int) -> Mapping[str, Array]:
        torch = _torch()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = _network(tuple(pixels.shape[1:]), self.width, classes)
            if len(labels) > 1:
                epochs = int(np.clip(round(self.shown / len(labels)), 3, 10))
                _train(network, pixels, labels, epochs)
        return {name: value.numpy().copy() for name, value in network.state_dict().items()}


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("image_network", "images") from error
    return torch


def _network(shape: tuple[int, ...], width: int, classes: int) -> torch.nn.Module:
    """A strided stem, then two convolutions; average and maximum, so that small marks count."""
    nn = _torch().nn
    stride = 1 if max(shape[:2]) <= 12 else 2 if max(shape[:2]) <= 40 else 4
    stem = _block(shape[2], width, 3 if stride < 4 else 5, stride)
    middle = _block(width, 2 * width, 3, 1 if min(shape[:2]) < 4 else 2)
    last = _block(2 * width, 4 * width, 3, 1)
    body = nn.Sequential(*stem, *middle, *last)
    return nn.ModuleDict({"body": body, "out": nn.Linear(8 * width, classes)})


def _block(inputs: int, outputs: int, size: int, stride: int) -> tuple[Any, ...]:
    nn = _torch().nn
    convolution = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    return convolution, nn.BatchNorm2d(outputs), nn.ReLU()


def _forward(network: Any, images: Any) -> tuple[Any, Any]:
    torch = _torch()
    maps = network["body"](images)
    # nothing is learned between these and the logits, so a mark that matters is not squeezed out
    pooled = torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)
    return pooled, network["out"](pooled)


def _train(network: Any, pixels: Array, labels: Ints, epochs: int) -> None:
    torch = _torch()
    size = int(np.clip(len(labels) // 40, 16, 256))
    steps = epochs * -(-len(labels) // size)
    network.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-3)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps, pct_start=0.2)
    for rows in _shuffled(len(labels), size, epochs):
        with torch.autocast("cpu", torch.bfloat16):
            _, logits = _forward(network, _images(pixels[rows]))
        loss = torch.nn.functional.cross_entropy(logits.float(), torch.from_numpy(labels[rows]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        pace.step()


def _shuffled(n: int, size: int, epochs: int) -> Iterator[Ints]:
    torch = _torch()
    for _ in range(epochs):
        order = torch.randperm(n).numpy()
        # as even as can be: a last batch of one row would have no variance to normalise by
        yield from np.array_split(order, -(-n // size))


def _images(pixels: Array) -> Any:
    torch = _torch()
    tensor = torch.tensor(np.ascontiguousarray(np.moveaxis(pixels, -1, 1)))
    return tensor.float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)


def _applied(network: Any, pixels: Array, classes: int) -> tuple[Array, Floats]:
    """In full precision, so that a row is encoded the same alone as in company."""
    torch = _torch()
    width = network["out"].in_features
    hidden, probability = [np.empty((0, width), np.float32)], [np.empty((0, classes))]
    with torch.inference_mode():
        for start in range(0, len(pixels), AT_ONCE):
            last, logits = _forward(network, _images(pixels[start : start + AT_ONCE]))
            hidden.append(last.float().numpy())
            probability.append(logits.double().softmax(dim=1).numpy())
    return np.concatenate(hidden), np.concatenate(probability)
