"""A small network trained on the images: a backdoor shows in the model that learned it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from foretaste.data import Array, Batch, Ints
from foretaste.errors import MissingExtra
from foretaste.recipes.small_cnn import Network
from foretaste.summaries.reservoir import Reservoir

if TYPE_CHECKING:
    import torch

AT_ONCE = 1024  # images a forward pass
A_LAYER = 3  # modules: convolution, normalisation, ReLU


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
    feature map); `prediction` (n, k) float64 the class probabilities; `first_layer` and
    `second_layer` (n, d) float32 the mean, maximum and deviation of each map of the layers
    before. The budget is a number of images shown, not of seconds: a clock would break "the same
    seed gives the same answer". Rows without a label do not train.

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
    gives: ClassVar = ("embedding", "prediction", "first_layer", "second_layer")

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
        return batch.having(**_applied(self._rebuilt(model), batch["pixels"], model.classes))

    def _rebuilt(self, model: TrainedNetwork) -> Any:
        network = _network(model.shape, self.width, model.classes)
        torch = _torch()
        network.load_state_dict({k: torch.from_numpy(v) for k, v in model.weights.items()})
        return network.eval()

    def opened(self, model: TrainedNetwork) -> Network:
        """The trained network as a victim that gradients flow through; predicts as `encode`."""
        torch, nn = _torch(), _torch().nn
        network = self._rebuilt(model)

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


def _hidden(network: Any, images: Any) -> list[Any]:
    """The feature maps of every layer."""
    found, maps = [], images
    for start in range(0, len(network["body"]), A_LAYER):
        maps = network["body"][start : start + A_LAYER](maps)
        found.append(maps)
    return found


def _pooled(maps: Any) -> Any:
    # nothing is learned between these and the logits, so a mark that matters is not squeezed out
    return _torch().cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)


def _forward(network: Any, images: Any) -> tuple[Any, Any]:
    pooled = _pooled(network["body"](images))
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


def _applied(network: Any, pixels: Array, classes: int) -> dict[str, Array]:
    """The columns; in full precision, so that a row is encoded the same alone as in company."""
    torch = _torch()
    width = network["out"].in_features
    empty = [np.empty((0, width), np.float32), np.empty((0, classes))]
    empty += [np.empty((0, 3 * width // 8), np.float32), np.empty((0, 3 * width // 4), np.float32)]
    seen = [[one] for one in empty]
    with torch.inference_mode():
        for start in range(0, len(pixels), AT_ONCE):
            first, second, last = _hidden(network, _images(pixels[start : start + AT_ONCE]))
            pooled = _pooled(last)
            chances = network["out"](pooled).double().softmax(dim=1)
            for into, one in zip(
                seen, (pooled, chances, _outlined(first), _outlined(second)), strict=True
            ):
                into.append(one.numpy())
    names = ImageNetwork.gives
    return {name: np.concatenate(one) for name, one in zip(names, seen, strict=True)}


def _outlined(maps: Any) -> Any:
    """(n, 3c) how strongly each feature answers on average and at most, and how it varies."""
    return _torch().cat([_pooled(maps), maps.flatten(2).std(dim=2, correction=0)], dim=1)
