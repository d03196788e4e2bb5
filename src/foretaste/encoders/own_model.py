"""Images as the user's own network sees them, at a layer the user names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from foretaste.checkpoints import torchscript
from foretaste.checkpoints.torchscript import WANTED
from foretaste.data import Array, Batch
from foretaste.errors import BadInput, MissingExtra, NotAvailable, UnreadableInput, UnsafeInput
from foretaste.files.streams import sha256
from foretaste.summaries.nothing import Stateless

AT_ONCE = 64  # images a forward pass

Step = Callable[[Sequence[Any]], Sequence[Any]]


@dataclass(frozen=True)
class OwnModel(Stateless):
    """Embeds images with your own TorchScript network: the output of `layer`, or its last.

    model:     a TorchScript file
    layer:     dotted name of a submodule, such as `features` or `backbone.layer4`
    size:      side in pixels that images are resized to; 0 leaves them as `pixels` has them
    channels:  1 or 3 where the network wants that many; 0 leaves them
    mean, std: subtracted and divided by, of values 0 to 1; one number, or one a channel
               with slashes between them: `0.485/0.456/0.406`

    `embedding` is (n, d) float32. Of feature maps it is the mean and the maximum of each, of
    tokens (n, t, d) the mean and the maximum over t.

    What is trusted: TorchScript is a program, and it runs. It is not Python and cannot import
    any; a model that names a call that reaches files is refused. Still, give only a model that
    you would run anyway. Pickled models are never read. Nor are torch.export archives: to read
    one unpickles Python objects and evaluates expressions from the file.

    Needs `pixels` (n, h, w, c) uint8, and the extra `images`. `pixels` are at most 64 wide
    unless `--encoder pixels:largest_side=224` says otherwise.

    >>> OwnModel("net.pt", layer="features").size
    0
    """

    model: str = ""
    layer: str = ""
    size: int = 0
    channels: int = 0
    mean: str = "0"
    std: str = "1"

    needs: ClassVar = ("pixels",)
    gives: ClassVar = ("embedding",)
    costly: ClassVar = True

    def encode(self, batch: Batch, model: None) -> Batch:
        torch, path = _torch(), _file(self.model)
        steps = _steps(str(path), path.stat().st_mtime_ns, self.layer)
        pixels = batch["pixels"]
        shown = pixels if len(pixels) else np.zeros((1, *pixels.shape[1:]), np.uint8)
        found = []
        with torch.inference_mode():
            for start in range(0, len(shown), AT_ONCE):
                found.append(_embedded(self._images(shown[start : start + AT_ONCE]), steps))
        return batch.having(embedding=np.concatenate(found)[: len(pixels)])

    def fingerprint(self) -> str:
        """Of the file, for what keeps embeddings."""
        with _file(self.model).open("rb") as stream:
            return sha256(stream)

    def _images(self, pixels: Array) -> Any:
        """(n, c, h, w) float32 as the network wants them."""
        torch = _torch()
        images = torch.tensor(np.ascontiguousarray(np.moveaxis(pixels, -1, 1))).float() / 255
        if self.channels == 3 and images.shape[1] == 1:
            images = images.expand(-1, 3, -1, -1)
        elif self.channels == 1:
            images = images.mean(dim=1, keepdim=True)
        if self.size:
            resize, side = torch.nn.functional.interpolate, (self.size, self.size)
            images = resize(images, side, mode="bilinear", antialias=True)
        mean, std = (torch.tensor(_numbers(said)) for said in (self.mean, self.std))
        return (images - mean[:, None, None]) / std[:, None, None]


def _numbers(said: str) -> list[float]:
    try:
        return [float(one) for one in str(said).split("/")]
    except ValueError:
        raise BadInput(f"{said!r} should be a number, or one a channel: 0.5/0.5/0.5") from None


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("own_model", "images") from error
    return torch


def _file(given: str) -> Path:
    path = Path(given)
    if not given:
        raise NotAvailable("no model given; name one: own_model:model=net.pt,layer=features")
    if not path.is_file():
        raise UnreadableInput(f"{given} is no file; own_model wants a TorchScript model")
    if path.suffix == ".safetensors":
        raise BadInput(f"{given} holds weights but not the network they belong to; {WANTED}")
    if path.suffix == ".pt2":
        raise UnsafeInput(f"{given}: reading a torch.export archive can run any code; {WANTED}")
    return path


@lru_cache(maxsize=1)
def _steps(path: str, changed: int, layer: str) -> tuple[Step, ...]:
    """The way from images to the layer; `changed` is when the file was, so it is read anew."""
    network = torchscript.loaded(Path(path))
    return tuple(_way(network, str(layer))) if layer else (lambda given: (network(*given),),)


def _way(module: Any, layer: str) -> list[Step]:
    """Down to the layer, module by module: what goes into each, and at last what comes out.

    Hooks of Python do not fire within TorchScript, so each module's graph is cut at the call.
    """
    graph = module.graph.copy()
    calls = {_dotted(call): call for call in graph.nodes() if _dotted(call)}
    name = next((one for one in calls if layer == one or layer.startswith(f"{one}.")), None)
    if name is None:
        raise BadInput(f"the model calls no layer {layer!r} here; it calls {sorted(calls)}")
    call, rest = calls[name], layer[len(name) + 1 :]
    step = _cut(module, graph, list(call.inputs())[1:] if rest else [call.output()])
    inner = module
    for part in name.split("."):
        inner = getattr(inner, part)
    return [step, *(_way(inner, rest) if rest else [])]


def _dotted(node: Any) -> str:
    """The name of the submodule that a node calls, if it calls one."""
    if node.kind() != "prim::CallMethod" or node.s("name") != "forward":
        return ""
    parts, holder = [], next(node.inputs()).node()
    while holder.kind() == "prim::GetAttr":
        parts.append(holder.s("name"))
        holder = next(holder.inputs()).node()
    return ".".join(reversed(parts))


def _cut(module: Any, graph: Any, wanted: list[Any]) -> Step:
    """A function that runs a module's graph up to some of its values."""
    torch = _torch()
    for _ in list(graph.outputs()):
        graph.eraseOutput(0)
    for value in wanted:
        graph.registerOutput(value)
    if len(wanted) > 1:
        graph.makeMultiOutputIntoTuple()
    torch._C._jit_pass_dce(graph)
    run = torch._C._create_function_from_graph("forward", graph)

    def step(given: Sequence[Any]) -> Sequence[Any]:
        found = run(module._c, *given)
        return found if len(wanted) > 1 else (found,)

    return step


def _embedded(images: Any, steps: Sequence[Step]) -> Array:
    """(n, d) float32: what the last step gives, maps and tokens pooled."""
    given: Sequence[Any] = (images,)
    for step in steps:
        given = step(given)
    found = given[0]
    if not hasattr(found, "dim") or not found.dim() or len(found) != len(images):
        raise BadInput("the layer does not give one tensor with a row an image; name another")
    if found.dim() > 2:
        maps = found.flatten(2) if found.dim() > 3 else found.transpose(1, 2)
        pooled = (maps.mean(dim=2), maps.amax(dim=2)) if maps.shape[2] > 1 else (maps[..., 0],)
        found = _torch().cat(pooled, dim=1)
    flat: Array = _torch().nan_to_num(found.float()).reshape(len(images), -1).cpu().numpy()
    return flat
