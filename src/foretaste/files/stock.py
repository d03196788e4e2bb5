"""Named arrays that are stored together, in one `.npz` archive or as `.npy` files; and back."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foretaste.data import Mask
from foretaste.errors import UnreadableInput, UnsafeInput
from foretaste.files.arrays import Opened, Patch, Stored, exactly, npy_header
from foretaste.files.streams import Limits
from foretaste.files.tree import located, opened

MOST_MEMBERS = 10_000
CHUNK = 1 << 20
_MOMENT = (1980, 1, 1, 0, 0, 0)  # so the same rows always give the same archive
_BROKEN = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, OverflowError,
)  # fmt: skip


@dataclass(frozen=True)
class Member:
    """One file of a stock.

    name:   of the file
    stored: the array in it; None where it is something else, or pickled objects
    raw:    gives a stream that stands at its first byte
    """

    name: str
    size: int
    raw: Opened
    stored: Stored | None
    packing: int = zipfile.ZIP_STORED


@dataclass(frozen=True)
class Stock:
    """Arrays by their names; `archive` is the name of the file that holds all of them."""

    members: Mapping[str, Member]
    archive: str = ""

    @classmethod
    def of_files(cls, paths: list[str]) -> Stock:
        """Each .npy file under its name without the suffix."""
        return cls({Path(path).stem: _file_member(path) for path in paths})

    @classmethod
    def of_archive(cls, path: str, limits: Limits) -> Stock:
        """Each member of an .npz archive; none is unpacked yet."""
        name = located(path)[1].rpartition("/")[2]
        members: dict[str, Member] = {}
        with _archive(path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
        if len(infos) > MOST_MEMBERS:
            raise UnsafeInput(f"{name} has {len(infos):,} members; {MOST_MEMBERS:,} are allowed")
        for info in infos:
            key = info.filename.removesuffix(".npy")
            if key in members:
                raise UnsafeInput(f"{name} has two members called {key!r}")
            members[key] = _zip_member(path, f"{name}/{key}", info, limits)
        return cls(members, name)

    def arrays(self) -> dict[str, Stored]:
        """Those that can be rows: arrays with a first axis, and no pickled objects."""
        return {
            key: member.stored
            for key, member in self.members.items()
            if member.stored and member.stored.shape and not member.stored.dtype.hasobject
        }

    def write(self, out: Path, cuts: Mapping[str, Mask | Patch]) -> None:
        """All members again: of those in `cuts` the chosen or the patched rows, of others all."""
        out.mkdir(parents=True, exist_ok=True)
        if not self.archive:
            for key, member in self.members.items():
                with (out / member.name).open("xb") as target:
                    _pour(member, cuts.get(key), target)
            return
        with zipfile.ZipFile(out / self.archive, "x") as archive:
            for key, member in self.members.items():
                info = zipfile.ZipInfo(member.name, _MOMENT)
                info.compress_type = member.packing
                with archive.open(info, "w", force_zip64=True) as target:
                    _pour(member, cuts.get(key), target)


def _pour(member: Member, chosen: Mask | Patch | None, target: Any) -> None:
    stored = member.stored
    if chosen is None or stored is None:
        with member.raw() as stream:
            while some := stream.read(CHUNK):
                target.write(some)
        return
    step = max(1, (16 << 20) // max(1, stored.row_bytes))
    if isinstance(chosen, Patch):
        target.write(stored.npy_head(stored.rows + len(chosen.added), chosen.dtype))
        for rows in stored.patched(chosen, step):
            target.write(rows.tobytes())
        return
    target.write(stored.npy_head(int(chosen.sum())))
    start = 0
    for rows in stored.walk(step):
        target.write(rows[chosen[start : start + len(rows)]].tobytes())
        start += len(rows)


def _file_member(path: str) -> Member:
    fs, inside = located(path)
    name = inside.rpartition("/")[2]

    @contextmanager
    def raw() -> Iterator[Any]:
        with opened(fs, inside) as stream:
            yield stream

    size = int(fs.size(inside) or 0)
    return Member(name, size, raw, _stored(name, size, raw))


def _zip_member(path: str, shown: str, info: zipfile.ZipInfo, limits: Limits) -> Member:
    packed = max(1, info.compress_size)
    if info.file_size > limits.free and info.file_size > limits.expansion * packed:
        raise UnsafeInput(
            f"{shown} expands {info.file_size / packed:.0f} times, like a decompression bomb; "
            "if you trust it, load it and save it without compression"
        )

    @contextmanager
    def raw() -> Iterator[Any]:
        with _archive(path) as archive, archive.open(info) as stream:
            yield stream

    is_array = info.filename.endswith(".npy")
    stored = _stored(shown, info.file_size, raw) if is_array else None
    return Member(info.filename, info.file_size, raw, stored, info.compress_type)


@contextmanager
def _archive(path: str) -> Iterator[zipfile.ZipFile]:
    fs, inside = located(path)
    with opened(fs, inside) as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                yield archive
        except _BROKEN as error:
            name = inside.rpartition("/")[2]
            raise UnreadableInput(f"{name} is a broken .npz archive: {error}") from error


def _stored(name: str, size: int, raw: Opened) -> Stored:
    """The array in a file, if the file is as long as its header says."""
    with raw() as stream:
        shape, fortran, dtype, header = npy_header(stream, name)

    @contextmanager
    def body() -> Iterator[Any]:
        with raw() as stream:
            exactly(stream, header, name)
            yield stream

    stored = Stored(name, dtype, shape, body, fortran)
    if shape and not dtype.hasobject and stored.rows * stored.row_bytes != size - header:
        raise UnreadableInput(
            f"{name}: the header promises {stored.rows:,} rows of {stored.row_bytes:,} bytes, "
            f"but {size - header:,} bytes follow"
        )
    return stored
