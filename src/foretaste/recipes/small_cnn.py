"""Three convolutions and a linear layer, trained from scratch."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from foretaste.contracts import Meddler
from foretaste.data import Array, Batch, Floats, Ints
from foretaste.descent import Descent
from foretaste.descent import torch_ as torch_for
from foretaste.recipes import accuracy, classes_of, labelled

AT_ONCE = 1_024  # images a forward pass
STEPS = 150  # an epoch at least, while batches have 16 rows or more: a rare trigger takes steps
TUNED = 0.1  # the learning rate of fine-tuning, as a share of that of training


@dataclass(frozen=True)
class Network:
    """A trained network; `net` is a torch module from (n, c, h, w) in [-1, 1] to logits.

    net["body"] gives the last hidden layer (n, d), net["head"] is linear on it
    """

    net: Any
    classes: int
    shape: tuple[int, ...]  # (h, w, c) of the images

    @property
    def weights(self) -> dict[str, Array]:
        """Copies of all weights, by parameter name."""
        return {name: one.detach().numpy().copy() for name, one in self.net.named_parameters()}

    def having(self, weights: Mapping[str, Array]) -> Network:
        """The same network with some weights replaced."""
        torch, net = torch_(), copy.deepcopy(self.net)
        tensors = {name: torch.from_numpy(np.array(one)) for name, one in weights.items()}
        net.load_state_dict({**net.state_dict(), **tensors})
        return Network(net, self.classes, self.shape)

    def predict(self, rows: Batch) -> Floats:
        """(n, k) class probabilities."""
        return self.probabilities(rows["pixels"])

    def probabilities(self, pixels: Array) -> Floats:
        """(n, k) of (n, h, w, c) images of uint8."""
        torch = torch_()
        seen = [np.empty((0, self.classes))]
        for part in self._parts(pixels):
            with torch.inference_mode():
                seen.append(self.logits(part).double().softmax(dim=1).numpy())
        return np.concatenate(seen)

    def features(self, pixels: Array) -> Array:
        """(n, d) float32, the last hidden layer."""
        torch = torch_()
        seen = [np.empty((0, self.net["head"].in_features), np.float32)]
        for part in self._parts(pixels):
            with torch.inference_mode():
                seen.append(self.net["body"](part).float().numpy())
        return np.concatenate(seen)

    def logits(self, images: Any) -> Any:
        """(n, k) of (n, c, h, w) images in [-1, 1]; gradients flow through it."""
        return self.net["head"](self.net["body"](images))

    def inputs(self, rows: Batch) -> Any:
        """(n, c, h, w) in [-1, 1]."""
        return to_tensor(rows["pixels"])

    def _parts(self, pixels: Array) -> Iterator[Any]:
        self.net.eval()
        for start in range(0, len(pixels), AT_ONCE):
            yield to_tensor(pixels[start : start + AT_ONCE])


@dataclass(frozen=True)
class SmallCnn:
    """Trains a small convolutional network on images; minutes for 60,000 of them on two cores.

    batch_size: rows a step, at most; smaller where there are few rows
    augment: shifts by up to two pixels and (for colour images) mirrors, as is usual
    meddler: an attacker who changes the gradients of each step

    Needs `pixels` (n, h, w, c) of uint8 and `label` (n,) of class codes.

    >>> label = np.arange(40) % 2
    >>> pixels = np.full((40, 6, 6, 1), 40, np.uint8) + 150 * label[:, None, None, None]
    >>> rows = Batch(range(40), {"pixels": pixels.astype(np.uint8), "label": label})
    >>> recipe = SmallCnn(epochs=8)
    >>> recipe.quality(recipe.train(rows, seed=0).predict(rows), rows)
    1.0
    """

    width: int = 16  # channels of the first layer; the last has four times as many
    epochs: int = 6
    batch_size: int = 128
    learning_rate: float = 4e-3
    augment: bool = False
    meddler: Meddler | None = None

    needs: ClassVar[tuple[str, ...]] = ("pixels", "label")
    measure: ClassVar = "accuracy"

    def train(self, rows: Batch, seed: int) -> Network:
        torch = torch_()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            shape = tuple(rows["pixels"].shape[1:])
            k = classes_of(rows)
            network = Network(_net(shape, self.width, k), k, shape)
            self._fit(network, rows, seed)
        return network

    def tune(self, victim: Network, rows: Batch, seed: int) -> Network:
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

    def kept(self, victim: Network) -> tuple[dict[str, Array], dict[str, Any]]:
        """The weights, and what else it takes to have the same network again."""
        state = {name: one.detach().numpy() for name, one in victim.net.state_dict().items()}
        return state, {"image": list(victim.shape), "classes": victim.classes}

    def revived(self, arrays: Mapping[str, Array], shape: Mapping[str, Any]) -> Network:
        """The network that was kept."""
        image, classes = tuple(shape["image"]), int(shape["classes"])
        net = _net(image, self.width, classes)
        net.load_state_dict({name: torch_().from_numpy(one) for name, one in arrays.items()})
        return Network(net.eval(), classes, image)

    def _fit(self, network: Network, rows: Batch, seed: int) -> None:
        chosen, images, rng = labelled(rows), rows["pixels"], np.random.default_rng(seed)

        def logits(part: Ints) -> Any:
            shown = to_tensor(images[part])
            with torch_().autocast("cpu", torch_().bfloat16):
                return network.logits(self._augmented(shown, rng)).float()

        size = int(np.clip(len(chosen) // STEPS, 16, self.batch_size))
        descent = Descent(self.epochs, size, self.learning_rate, meddler=self.meddler)
        net = network.net.to(memory_format=torch_().channels_last)
        descent(net, chosen, rows["label"], logits, rng)

    def _augmented(self, images: Any, rng: np.random.Generator) -> Any:
        if not self.augment:
            return images
        if images.shape[1] == 3 and rng.random() < 0.5:
            images = images.flip(3)
        down, right = rng.integers(-2, 3, 2)
        return images.roll((int(down), int(right)), (2, 3))


def to_tensor(pixels: Array) -> Any:
    """(n, c, h, w) float32 in [-1, 1] of (n, h, w, c) uint8."""
    torch = torch_()
    tensor = torch.tensor(np.ascontiguousarray(np.moveaxis(pixels, -1, 1)))
    return tensor.float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)


def to_pixels(images: Any) -> Array:
    """(n, h, w, c) uint8 of (n, c, h, w) in [-1, 1], rounded."""
    scaled = images.detach().add(1).mul(127.5).round().clamp(0, 255)
    return np.moveaxis(scaled.numpy().astype(np.uint8), 1, -1)


def torch_() -> Any:
    """The torch package, or a clear error."""
    return torch_for("small_cnn")


def _net(shape: tuple[int, ...], width: int, classes: int) -> Any:
    nn = torch_().nn
    stride = 1 if max(shape[:2]) <= 12 else 2 if max(shape[:2]) <= 40 else 4
    layers = [
        *_block(shape[2], width, stride),
        *_block(width, 2 * width, 1 if min(shape[:2]) < 4 else 2),
        *_block(2 * width, 4 * width, 1),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
    ]
    return nn.ModuleDict({"body": nn.Sequential(*layers), "head": nn.Linear(4 * width, classes)})


def _block(inputs: int, outputs: int, stride: int) -> tuple[Any, ...]:
    nn = torch_().nn
    convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return convolution, nn.BatchNorm2d(outputs), nn.ReLU()
