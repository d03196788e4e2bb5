"""A folder on a disk that fails: full, dead at some moment, or without power at some moment.

Files keep what was in them when they were fsynced last; of what was written since, each sector of
512 bytes is there or not. Names that were made, replaced or removed since their folder was fsynced
may be as they were before. That is less than any file system in use promises.
"""

import errno
import io
import os
import shutil
from pathlib import Path
from unittest import mock

SECTOR = 512


class Crash(BaseException):
    """The machine stops here."""


class Disk:
    """Watches what is done to files below a root while it is entered.

    left: operations until it fails; None for never
    full: it is full then, and only for some operations, in place of dead for ever
    """

    def __init__(self, root, rng):
        self.root, self.rng = Path(root), rng
        self.left, self.full = None, False
        self.done = 0  # operations
        self.files = {}  # inode -> its content when it was fsynced last
        self.names = {}  # path -> its content before, None where it was not there
        self.real = {name: getattr(os, name) for name in CALLS} | {"open": io.open}

    def __enter__(self):
        self.patches = [mock.patch.object(os, name, getattr(self, name)) for name in CALLS]
        self.patches.append(mock.patch.object(io, "open", self.open))
        for one in self.patches:
            one.start()
        return self

    def __exit__(self, *_):
        for one in self.patches:
            one.stop()

    def step(self, half=lambda: None):
        """One operation; where it fails, half of it may have been done."""
        self.done += 1
        if self.left is None:
            return
        self.left -= 1
        if self.full and self.left < -self.rng.integers(1, 8):
            self.left = None  # somebody made room
        elif self.left is not None and self.left < 0:
            half()
            if self.full:
                raise OSError(errno.ENOSPC, "No space left on device")
            raise Crash

    def ours(self, path):
        return Path(path).absolute().is_relative_to(self.root)

    def dirty(self, handle, content=None):
        """Remembers what a file has on the disk before it is written to."""
        path = Path(f"/proc/self/fd/{handle}")
        before = path.read_bytes() if content is None else content
        self.files.setdefault(os.fstat(handle).st_ino, before)

    def before(self, path):
        """Remembers what a name stood for before it is changed."""
        path = Path(path).absolute()
        old = None
        if path.is_file():
            old = self.files.get(path.stat().st_ino, path.read_bytes())
        self.names.setdefault(path, old)

    def open(self, path, mode="r", *rest, **more):
        if "w" not in mode or not self.ours(path):
            return self.real["open"](path, mode, *rest, **more)
        self.step()
        self.before(path)
        was = Path(path).exists()
        old = Path(path).read_bytes() if was else b""
        file = self.real["open"](path, mode, 0)
        if not was:
            self.files.pop(os.fstat(file.fileno()).st_ino, None)
        self.dirty(file.fileno(), old)
        return Written(file, self)

    def pwrite(self, handle, content, at):
        some = content[: int(self.rng.integers(0, len(content) + 1))]
        self.dirty(handle)
        self.step(lambda: self.real["pwrite"](handle, some, at))
        return self.real["pwrite"](handle, content, at)

    def ftruncate(self, handle, length):
        self.dirty(handle)
        if not self.full:  # to shrink a file needs no room
            self.step()
        self.real["ftruncate"](handle, length)

    def fsync(self, handle):
        self.step()
        self.real["fsync"](handle)
        path = Path(f"/proc/self/fd/{handle}").resolve()
        if path.is_dir():
            self.names = {one: old for one, old in self.names.items() if one.parent != path}
        else:
            self.files.pop(os.fstat(handle).st_ino, None)

    def replace(self, origin, target):
        self.step()
        self.before(target)
        self.names.pop(Path(origin).absolute(), None)
        self.real["replace"](origin, target)

    def unlink(self, path, **more):
        self.step()
        if self.ours(path):
            self.before(path)
        self.real["unlink"](path, **more)

    def mkdir(self, path, *rest, **more):
        self.step()
        self.real["mkdir"](path, *rest, **more)
        self.names.setdefault(Path(path).absolute(), None)

    def cut(self):
        """The power goes; what the disk has is left."""
        for path in [one for one in self.root.rglob("*") if one.is_file()]:
            old = self.files.get(path.stat().st_ino)
            if old is not None:
                path.write_bytes(self.torn(old, path.read_bytes()))
        for path, old in self.names.items():
            if self.rng.random() < 0.5:
                undo(path, old)
        self.files, self.names = {}, {}

    def torn(self, old, new):
        chance = self.rng.random()
        if chance < 0.3:
            return old if chance < 0.15 else new
        length = int(self.rng.integers(min(len(old), len(new)), max(len(old), len(new)) + 1))
        found = bytearray()
        for start in range(0, length, SECTOR):
            source = new if self.rng.random() < 0.6 else old
            found += source[start : start + SECTOR].ljust(SECTOR, b"\0")
        return bytes(found[:length])


class Written:
    """A file that is being written."""

    def __init__(self, file, disk):
        self.file, self.disk = file, disk

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def fileno(self):
        return self.file.fileno()

    def flush(self):
        """Nothing waits here."""

    def write(self, content):
        some = content[: int(self.disk.rng.integers(0, len(content) + 1))]
        self.disk.step(lambda: self.file.write(some))
        return self.file.write(content)


def undo(path, old):
    """A name as it was before."""
    if old is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(old)
    elif path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


CALLS = ("pwrite", "ftruncate", "fsync", "replace", "unlink", "mkdir")
