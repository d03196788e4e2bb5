"""Code that comes with a model and runs when it is loaded or used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from foretaste.checkpoints import graphs
from foretaste.checkpoints.bounded import Unreadable, beginning, json_of, spelt
from foretaste.checkpoints.code import LONGEST, doubtful, reached
from foretaste.checkpoints.formats import Format, format_of
from foretaste.checkpoints.graphs import Fault
from foretaste.trained import Severity, Subject, Suspicion

CONFIGS = ("config.json", "tokenizer_config.json", "processor_config.json", "model_index.json")
REMOTE = ("auto_map", "custom_pipelines", "trust_remote_code")
LARGEST = 16 << 20  # bytes of a configuration
LOOKED_INTO = {
    Format.ONNX: graphs.in_onnx,
    Format.HDF5: graphs.in_hdf5,
    Format.KERAS: graphs.in_keras,
    Format.TORCHSCRIPT: graphs.in_torchscript,
}


@dataclass(frozen=True)
class EmbeddedCode:
    """Suspects code in a model: layers with code, Python files, operators and data from elsewhere.

    CRITICAL are: Lambda layers and functions that are not Keras's own in Keras files; links out
    of HDF5 files; ONNX operators that run Python, and numbers read from outside the model's
    folder; calls of TorchScript that reach files; Python files that start commands, open sockets
    or run what they make up. WARNING are: a configuration that asks for the repository's code to
    be run (`auto_map`, which `trust_remote_code` obeys), operators of libraries that have to be
    loaded for them, Python files that fetch or unpickle, compiled Python. Any other Python file
    is a NOTE.
    Pickles have an inspector of their own.

    Blind to what code does that imports only what models need, and to flaws of the runtimes.

    Needs `path`; of ONNX and HDF5 files, the extra `checkpoints`.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "modeling_net.py")
    ...     _ = path.write_text("import torch, subprocess")
    ...     EmbeddedCode().inspect(Subject(path=path))[0].reason
    "Python code that uses 'subprocess'"

    References
    ----------
    Zhu et al. (2024). My Model is Malware to You: transforming AI models into malware by abusing
    TensorFlow APIs. IEEE S&P 2025.
    JFrog (2025). CVE-2025-1550: code execution when Keras models are loaded.
    """

    needs: ClassVar[tuple[str, ...]] = ("path",)

    def inspect(self, subject: Subject) -> tuple[Suspicion, ...]:
        if subject.path is None:
            return ()
        kind = format_of(subject.path)
        try:
            if kind in LOOKED_INTO:
                return tuple(map(_suspicion, LOOKED_INTO[kind](subject.path)))
            if kind is Format.PYTHON:
                return tuple(_python(subject.path))
            if kind is Format.JSON and subject.path.name in CONFIGS:
                return tuple(_configured(subject.path))
        except Unreadable as error:
            reason = f"what may run in it cannot be told: {error}"
            return (Suspicion("file", Severity.WARNING, reason),)
        return ()


def _suspicion(fault: Fault) -> Suspicion:
    return Suspicion(
        fault.part, Severity.CRITICAL if fault.grave else Severity.WARNING, fault.reason
    )


def _python(path: Path) -> Iterator[Suspicion]:
    source, _ = beginning(path, LONGEST + 1)
    if path.suffix == ".pyc":
        yield Suspicion("file", Severity.WARNING, "compiled Python, which nobody can review")
        return
    try:
        found = reached(source)
    except ValueError as error:
        yield Suspicion("file", Severity.WARNING, f"Python code: {error}")
        return
    if found:
        grave = Severity.WARNING if all(map(doubtful, found)) else Severity.CRITICAL
        yield Suspicion("file", grave, f"Python code that uses {spelt(found, 8)}")
    else:
        yield Suspicion("file", Severity.NOTE, "Python code, which a loader may run")


def _configured(path: Path) -> Iterator[Suspicion]:
    text, whole = beginning(path, LARGEST)
    if not whole:
        raise Unreadable(f"more than {LARGEST:,} bytes of configuration")
    said, twice = json_of(text)
    if twice:
        yield Suspicion("file", Severity.WARNING, f"keys are there twice: {spelt(twice)}")
    held: dict[str, Any] = said if isinstance(said, dict) else {}
    for key in REMOTE:
        if held.get(key):
            names = spelt(str(one) for one in _leaves(held[key]))
            reason = f"it asks the loader to run code that comes with the model: {names}"
            yield Suspicion(key, Severity.WARNING, reason)


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [one for part in value.values() for one in _leaves(part)]
    return [one for part in value for one in _leaves(part)] if isinstance(value, list) else [value]
