"""A network in TorchScript as a victim; only in the process apart, for it is a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from foretaste.checkpoints import torchscript
from foretaste.data import Array, Batch, Floats
from foretaste.errors import BadInput
from foretaste.trained import Running

AT_ONCE = 64  # images a forward pass
SURE = 1e-9  # the least probability whose logarithm is taken
COLUMNS = ("pixels", "label", "source")  # of rows, that are handed over


@dataclass(frozen=True)
class ScriptVictim:
    """A network whose outputs are (n, k) logits, or probabilities, of images (n, c, h, w)."""

    net: Any
    classes: int
    running: Running
    probable: bool  # its outputs are probabilities

    @property
    def shape(self) -> tuple[int, int, int]:
        """(h, w, c) of its images."""
        return self.running.shape

    def inputs(self, rows: Batch) -> Any:
        """(n, c, h, w) in [-1, 1]."""
        import torch

        pixels = rows["pixels"]
        if pixels.shape[1:] != self.shape:
            raise BadInput(
                f"images are of {pixels.shape[1:]}, the model was said to take {self.shape}"
            )
        images = np.ascontiguousarray(np.moveaxis(pixels, -1, 1))
        return torch.tensor(images).float() / 127.5 - 1

    def logits(self, inputs: Any) -> Any:
        """(n, k); gradients flow through the network."""
        given = self.net(self.wanted(inputs))
        return given.clamp(min=SURE).log() if self.probable else given

    def wanted(self, inputs: Any) -> Any:
        """Images as the network wants them, of images in [-1, 1]."""
        import torch

        mean, std = (torch.tensor(one) for one in (self.running.mean, self.running.std))
        return ((inputs + 1) / 2 - mean[:, None, None]) / std[:, None, None]

    def predict(self, rows: Batch) -> Floats:
        """(n, k) class probabilities."""
        import torch

        seen = [np.empty((0, self.classes))]
        with torch.no_grad():
            for part in self.inputs(rows).split(AT_ONCE):
                seen.append(self.logits(part).double().softmax(dim=1).numpy())
        return np.concatenate(seen)


def victim_of(path: Path, running: Running) -> ScriptVictim:
    """The network, tried on two images; raises `BadInput` where it does not take or give what it
    should, `UnsafeInput` where it is not run.
    """
    return _victim(path, path.stat().st_mtime_ns, running)


@lru_cache(maxsize=1)
def _victim(path: Path, changed: int, running: Running) -> ScriptVictim:
    import torch

    h, w, c = running.shape
    for name, values in (("mean", running.mean), ("std", running.std)):
        if len(values) not in (1, c):
            raise BadInput(f"{name} has {len(values)} numbers; wanted is 1, or {c}, one a channel")
    net = torchscript.loaded(path).float()
    grey = torch.linspace(-1, 1, 2 * c * h * w).reshape(2, c, h, w)
    victim = ScriptVictim(net, 0, running, False)
    try:
        with torch.no_grad():
            given = net(victim.wanted(grey))
    except Exception as error:
        last = str(error).strip().splitlines()[-1:]
        raise BadInput(
            f"the model fails on images of shape (n, {c}, {h}, {w}): {''.join(last)[:300]}; "
            "say the height, width and channels that it takes: --shape HxWxC"
        ) from error
    k = _classes(given)
    one = (given >= 0).all() and torch.allclose(given.sum(1), torch.ones(2), atol=1e-3)
    return ScriptVictim(net, k, running, bool(one))


def _classes(given: Any) -> int:
    shape = tuple(getattr(given, "shape", ()))
    if len(shape) != 2 or shape[0] != 2 or shape[1] < 2 or not given.is_floating_point():
        found = f"{type(given).__name__} of shape {shape}" if shape else type(given).__name__
        raise BadInput(
            f"of two images the model makes a {found}; wanted is one tensor (2, classes) of logits "
            "or probabilities: wrap it so that it gives that"
        )
    return int(shape[1])


def hand_over(rows: Batch, path: Path) -> None:
    """Writes what inspectors read of images, without pickles."""
    known = [name for name in COLUMNS if name in rows]
    if "pixels" not in known:
        raise BadInput("a model in TorchScript is run on images, and the rows given have none")
    columns: dict[str, Any] = {name: _plain(rows[name]) for name in known}
    np.savez(path, classes=np.array(rows.classes, str), **columns)


def handed(path: Path) -> Batch:
    """Reads them back."""
    with np.load(path, allow_pickle=False) as file:
        columns = {name: file[name] for name in COLUMNS if name in file}
        classes = tuple(file["classes"].tolist())
    return Batch(range(len(columns["pixels"])), columns, classes)


def words(running: Running) -> dict[str, Any]:
    """As JSON takes it."""
    return asdict(running)


def running_of(said: Mapping[str, Any]) -> Running:
    """As it was before JSON."""
    values: dict[str, Any] = {
        name: tuple(one) if isinstance(one, list) else one for name, one in said.items()
    }
    return Running(**values)


def _plain(column: Array) -> Array:
    if column.dtype != object:
        return column
    return np.array(["" if one is None else str(one) for one in column], str)
