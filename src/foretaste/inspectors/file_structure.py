"""Files that are not what they say they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from foretaste.checkpoints import archives, gguf_file, safetensors_file
from foretaste.checkpoints.bounded import Unreadable, spelt
from foretaste.checkpoints.formats import ZIPS, Format, format_of
from foretaste.trained import Severity, Subject, Suspicion

NAMED = {
    ".safetensors": (Format.SAFETENSORS,),
    ".gguf": (Format.GGUF,),
    ".npy": (Format.NPY,),
    ".npz": ZIPS,
    ".onnx": (Format.ONNX,),
    ".h5": (Format.HDF5,),
    ".hdf5": (Format.HDF5,),
    ".keras": (Format.KERAS, Format.HDF5),
    ".json": (Format.JSON,),
}


@dataclass(frozen=True)
class FileStructure:
    """Suspects files whose bytes and structure are not what their format or name says.

    The format is told by the first bytes. Of safetensors the header is read by hand: its length,
    every tensor's shape against its extent, overlaps, holes, bytes that belong to none, keys that
    are there twice; of GGUF too. Of zip archives (TorchScript, torch, npz, Keras) the directory:
    bombs, entries that overlap, are encrypted, lead out of the folder or are there twice. A file
    that two programs would read as two formats is told. CRITICAL is what no writer of the format
    makes by accident; a file that is cut off is a WARNING, one of an unknown format a NOTE.

    Blind to what well-formed tensors and pickles hold: other inspectors look at that.

    Needs `path`.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "net.safetensors")
    ...     _ = path.write_bytes((1 << 62).to_bytes(8, "little") + b"{}")
    ...     FileStructure().inspect(Subject(path=path))[0].part
    'header'

    References
    ----------
    Trail of Bits (2023). Safetensors library: security assessment.
    Fifield (2019). A better zip bomb. USENIX WOOT.
    """

    needs: ClassVar[tuple[str, ...]] = ("path",)

    def inspect(self, subject: Subject) -> tuple[Suspicion, ...]:
        if subject.path is None:
            return ()
        return tuple(_faults(subject.path))


def _faults(path: Path) -> Iterator[Suspicion]:
    kind = format_of(path)
    yield from _name(path, kind)
    if kind is Format.SAFETENSORS:
        yield from _safetensors(path)
    if kind is Format.GGUF:
        yield from _gguf(path)
    if kind is Format.OTHER:
        yield Suspicion("file", Severity.NOTE, "of a format that is not known: not looked into")
    if kind in ZIPS:
        yield from _archive(path)
    elif kind is not Format.SAFETENSORS and archives.hidden(path):
        reason = f"begins as {kind} and ends as a zip archive: two programs read two things"
        yield Suspicion("file", Severity.CRITICAL, reason)


def _name(path: Path, kind: Format) -> Iterator[Suspicion]:
    wanted = NAMED.get(path.suffix.lower())
    if wanted is None or kind in wanted or (kind is Format.TEXT and path.suffix == ".json"):
        return
    reason = f"is called {path.suffix} and is {kind} by its bytes"
    grave = kind in (Format.PICKLE, *ZIPS, Format.PYTHON)
    yield Suspicion("name", Severity.CRITICAL if grave else Severity.WARNING, reason)


def _safetensors(path: Path) -> Iterator[Suspicion]:
    try:
        header = safetensors_file.header_of(path)
    except Unreadable as error:
        yield Suspicion("header", Severity.CRITICAL, str(error))
        return
    for fault in header.faults:
        yield Suspicion("header", _severity(fault), fault)
    if archives.hidden(path):
        yield Suspicion(
            "file", Severity.CRITICAL, "ends as a zip archive: it is two things at once"
        )


def _gguf(path: Path) -> Iterator[Suspicion]:
    try:
        faults = gguf_file.header_of(path).faults
    except Unreadable as error:
        yield Suspicion("header", Severity.WARNING, f"its header cannot be read: {error}")
        return
    for fault in faults:
        yield Suspicion("header", _severity(fault), fault)


def _archive(path: Path) -> Iterator[Suspicion]:
    try:
        for fault in archives.entries(path).faults:
            yield Suspicion("archive", _severity(fault), fault)
        if wrong := archives.damaged(path):
            reason = f"entries {spelt(wrong)} have a wrong checksum, which stops some scanners"
            yield Suspicion("archive", Severity.WARNING, reason)
    except Unreadable as error:
        yield Suspicion("archive", Severity.WARNING, str(error))


def _severity(fault: str) -> Severity:
    return Severity.WARNING if fault.startswith("cut off") else Severity.CRITICAL
