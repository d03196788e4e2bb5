"""Networks in TorchScript, made ready to run once nothing in them is found that reaches files.

TorchScript is a program. It is not Python and cannot import any, but it can call operators of
torch, of which a few read and write files.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

from foretaste.errors import MissingExtra, UnreadableInput, UnsafeInput

LARGEST = 2 << 30  # bytes of a model file, packed and unpacked
WANTED = "save it as TorchScript: torch.jit.script(net.eval()).save('net.pt'), or torch.jit.trace"
_TOUCHES = re.compile(rb"\b(?:save|from_file|load_tensor)\b")  # all that reaches files
_GETATTR = re.compile(rb'getattr\([\w.]+, "[^"\\]*"\)')  # as torch writes it, nothing fancier
_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, ValueError)


def loaded(path: Path) -> Any:
    """The network, set to evaluate; nothing of it has run yet but what restores its attributes.

    Raises `UnsafeInput` for what is no TorchScript, is too large, or reaches for files,
    `UnreadableInput` for what torch cannot read.
    """
    if path.stat().st_size > LARGEST:
        raise UnsafeInput(f"{path} is larger than {LARGEST:,} bytes")
    archive = _checked(path)
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("a TorchScript model", "images") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return torch.jit.load(archive, map_location="cpu").eval()
    except _BROKEN as error:
        raise UnreadableInput(f"{path} is a broken TorchScript model: {error}") from error


def _checked(path: Path) -> io.BytesIO:
    """The archive written anew, so that torch reads what was checked here and nothing else."""
    safe = io.BytesIO()
    try:
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(safe, "w") as copy:
            _check_size(archive, path)
            for one in archive.infolist():
                content = archive.read(one)
                if one.filename.endswith(".py"):
                    _check_code(content, path)
                copy.writestr(one.filename, content)
    except _BROKEN as error:
        raise UnsafeInput(_not_script(path)) from error
    safe.seek(0)
    return safe


def _check_size(archive: zipfile.ZipFile, path: Path) -> None:
    entries = archive.infolist()
    names = {one.filename.partition("/")[2] for one in entries}
    code = any(name.startswith("code/") and name.endswith(".py") for name in names)
    if not code or not names >= {"data.pkl", "constants.pkl"} or len(names) < len(entries):
        raise UnsafeInput(_not_script(path))
    if sum(one.file_size for one in entries) > LARGEST:
        raise UnsafeInput(f"{path} unpacks to more than {LARGEST:,} bytes")


def _check_code(code: bytes, path: Path) -> None:
    if found := _TOUCHES.search(code):
        raise UnsafeInput(f"{path} names {found[0].decode()!r}, which reaches for files")
    plain, before = code, b""
    while plain != before:
        plain, before = _GETATTR.sub(b"x", plain), plain
    if b"getattr" in plain:
        raise UnsafeInput(f"{path} looks names up in a way that torch.jit does not write")


def _not_script(path: Path) -> str:
    return f"{path} is no TorchScript, and pickles are never read; {WANTED}"
