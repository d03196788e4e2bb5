"""What else can run in a model file: layers with code, operators and data from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foretaste.checkpoints import archives, onnx_file
from foretaste.checkpoints.bounded import Unreadable, json_of
from foretaste.checkpoints.onnx_file import word
from foretaste.errors import MissingExtra

LARGEST = 64 << 20  # bytes of a configuration or of code
MOST = 1_000_000  # nodes walked through
OPERATORS = frozenset(
    """ai.onnx ai.onnx.ml ai.onnx.training ai.onnx.preview ai.onnx.preview.training com.microsoft
    com.microsoft.nchwc com.microsoft.experimental org.pytorch.aten pkg.onnxscript.torch_lib
    pkg.onnxscript.torch_lib.common pkg.torch""".split()
) | {""}
PYTHON = re.compile(r"py_?(?:op|thon|func)|pythonop|aten_?eval", re.IGNORECASE)
KERAS = re.compile(
    r"(?:keras|tf_keras|tensorflow\.(?:python\.)?keras|keras_nlp|keras_hub)(?:\..*)?"
)
TOUCHES = re.compile(
    rb"\b(?:save|from_file|load_tensor)\b"
)  # of TorchScript, all that reaches files
INLINE = ("Lambda", "__lambda__", "PyFunc", "TFSMLayer")


@dataclass(frozen=True)
class Fault:
    """Something that runs, or comes from elsewhere; `grave` where no usual model has it."""

    part: str
    reason: str
    grave: bool


def in_torchscript(path: Path) -> Iterator[Fault]:
    """Calls in TorchScript that reach files; raises `Unreadable`."""
    with archives.opened(path) as archive:
        for info in archive.infolist():
            if info.filename.endswith(".py"):
                code = archives.content(archive, info, LARGEST)
                if found := TOUCHES.search(code):
                    said = f"its code names {found[0].decode()!r}, which reaches for files"
                    yield Fault(info.filename, said, True)


def in_keras(path: Path) -> Iterator[Fault]:
    """Layers with code in a `.keras` file; raises `Unreadable`."""
    with archives.opened(path) as archive:
        info = next(one for one in archive.infolist() if one.filename == "config.json")
        said, _ = json_of(archives.content(archive, info, LARGEST))
    yield from _layers(said)


def in_hdf5(path: Path) -> Iterator[Fault]:
    """Layers with code in an HDF5 file, and links out of it; raises `Unreadable`."""
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise MissingExtra("an HDF5 file", "checkpoints") from error
    try:
        with h5py.File(path, "r") as file:
            said = file.attrs.get("model_config")
            links = list(_links(h5py, file))
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"it is broken: {error}") from error
    yield from links
    if said is not None:
        text = said if isinstance(said, bytes) else str(said).encode()
        yield from _layers(json_of(text)[0])


def in_onnx(path: Path) -> Iterator[Fault]:
    """Operators and data from elsewhere in an ONNX file; raises `Unreadable`."""
    model = onnx_file.model_of(path)
    yield from _operators(model)
    yield from _outside(model)


def _layers(said: Any) -> Iterator[Fault]:
    """Every object of a Keras configuration that is code, or whose class is not Keras's own."""
    for one in _objects(said):
        name, module = str(one.get("class_name")), one.get("module")
        if name in INLINE:
            inner = one.get("config")
            part = str(inner.get("name", name)) if isinstance(inner, dict) else name
            yield Fault(f"layer {part[:80]}", f"{name}: it holds code that loading may run", True)
        elif module is not None and not KERAS.fullmatch(str(module)):
            grave = str(module).partition(".")[0] in ("builtins", "os", "subprocess", "importlib")
            reason = f"it is built by {str(module)[:80]}.{name[:80]}, which is not part of Keras"
            yield Fault(f"layer {name[:80]}", reason, grave or name == "function")


def _objects(said: Any) -> Iterator[dict[str, Any]]:
    waiting = [said]
    for _ in range(MOST):
        if not waiting:
            return
        one = waiting.pop()
        if isinstance(one, dict):
            if "class_name" in one:
                yield one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    raise Unreadable(f"more than {MOST:,} values in a configuration")


def _links(h5py: Any, file: Any) -> Iterator[Fault]:
    """Links to other files, and numbers that stand in other files."""
    waiting = [file]
    for _ in range(MOST):
        if not waiting:
            return
        group = waiting.pop()
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                yield Fault(name, f"links to another file: {link.filename[:200]!r}", True)
            elif isinstance(link, h5py.HardLink):
                one = group[name]
                if isinstance(one, h5py.Group):
                    waiting.append(one)
                elif one.external or one.is_virtual:
                    yield Fault(one.name, "its numbers stand in another file", True)
    raise Unreadable(f"more than {MOST:,} groups, or groups that hold each other")


def _operators(model: Any) -> Iterator[Fault]:
    own = {(one.domain, one.name) for one in model.functions}
    foreign: dict[str, str] = {}
    for node in _nodes(model):
        domain, kind = word(node.domain)[:80], word(node.op_type)[:80]
        if PYTHON.search(word(node.op_type)):
            reason = f"operator {domain}.{kind} runs Python"
            yield Fault(f"node {word(node.name)[:80]}", reason, True)
        elif node.domain not in OPERATORS and (node.domain, node.op_type) not in own:
            foreign[domain] = kind
    for domain, example in foreign.items():
        reason = f"operators such as {example} come from a library that must be loaded for them"
        yield Fault(f"domain {domain}", reason, False)


def _nodes(model: Any) -> Iterator[Any]:
    waiting = [model.graph, *model.functions]
    seen = 0
    while waiting:
        for node in waiting.pop().node:
            seen += 1
            if seen > MOST:
                raise Unreadable(f"more than {MOST:,} operators")
            yield node
            for attribute in node.attribute:
                waiting += [attribute.g] if attribute.HasField("g") else []
                waiting += attribute.graphs


def _outside(model: Any) -> Iterator[Fault]:
    """Tensors in other files: beside the model is usual, elsewhere is not."""
    from onnx.external_data_helper import _get_all_tensors

    for tensor in _get_all_tensors(model):
        for entry in tensor.external_data:
            said = word(entry.value)
            if entry.key == "location" and onnx_file.leads_out(said):
                reason = f"its numbers are read from {said[:200]!r}, out of the folder"
                yield Fault(f"tensor {word(tensor.name)[:80]}", reason, True)
