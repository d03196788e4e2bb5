"""What a writer promised, held against what its log has after it was stopped in every way."""

import os
import resource
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from foretaste.errors import NotDurable, NotPublished
from foretaste.ledger import folder, log
from foretaste.ledger.reader import Reader
from foretaste.ledger.writer import Writer
from tests.ledger.naive import KEY
from tests.ledger.power import Crash, Disk


@dataclass
class Client:
    """Appends through writers that are stopped, and remembers what it was told."""

    where: object
    rng: object
    state: object = None  # where the writer keeps its journal, if not in the log's folder
    known: list = field(default_factory=list)  # entries that are in the log for good
    flying: list = field(default_factory=list)  # sent, and not answered
    signed: dict = field(default_factory=dict)  # size -> root, of all that was ever signed
    sent: int = 0
    acknowledged: int = 0
    refused: int = 0
    unpublished: int = 0
    lost_answers: int = 0  # appends that were found and had not been acknowledged
    opened: int = 0

    def session(self, appends):
        """Opens, and appends some batches; the writer is stopped by whoever stops it."""
        writer = None
        try:
            writer = Writer(self.where, KEY, state=self.state)
            self.found(writer)
            for _ in range(appends):
                self.append(writer)
            writer.close()
        finally:
            if writer is not None:
                writer._lock.free()
                writer._log.journal.close()

    def found(self, writer):
        """A log that was opened has what was promised, and may have what was not answered."""
        self.opened += 1
        assert writer.size in (len(self.known), len(self.known) + len(self.flying)), (
            writer.size,
            len(self.known),
            len(self.flying),
            writer._log.journal.base.size,
        )
        if writer.size > len(self.known):
            self.known += self.flying
            self.lost_answers += 1
        self.flying = []

    def append(self, writer):
        size = int(self.rng.choice([1, 1, 2, 30, 255, 256, 257, self.rng.integers(1, 600)]))
        self.sent += 1  # never the same entries again: a retry would be another tree
        self.flying = [b"%d of %d" % (i, self.sent) for i in range(size)]
        try:
            numbers = writer.append(self.flying)
            self.acknowledged += 1
        except NotPublished as error:
            numbers = error.numbers
            self.unpublished += 1
        except NotDurable:
            self.refused += 1
            self.flying = []
            return
        assert numbers == range(len(self.known), len(self.known) + size)
        self.known, self.flying = self.known + self.flying, []

    def examined(self):
        """Opens once more, in peace: everything is there, and nothing else was ever signed."""
        with Writer(self.where, KEY, state=self.state) as writer:
            self.found(writer)
        reader = Reader(self.where, [KEY.verifier])
        assert reader.verify().size == len(self.known)
        assert list(reader.entries()) == self.known
        assert max(self.signed, default=0) <= len(self.known)
        for size, root in self.signed.items():
            assert reader.root(size) == root

    def watched(self):
        """Remembers all that is signed meanwhile: two roots for one size are a fork."""
        real = log.signed

        def signed(checkpoint, keys):
            known = self.signed.setdefault(checkpoint.size, checkpoint.root)
            assert known == checkpoint.root
            return real(checkpoint, keys)

        return mock.patch.object(log, "signed", signed)


def stopped(where, rng, rounds, *, full=False, power=True, state=None):
    """A client whose disk fails in each round, at a random operation."""
    client, disk = Client(where, rng, state), Disk(where.parent, rng)
    quick = mock.patch.multiple(log, SETTLE=30_000)
    one_by_one = mock.patch.object(folder, "AT_ONCE", 1)  # the same at each run
    with client.watched(), quick, one_by_one:
        for _ in range(rounds):
            disk.left, disk.full = int(rng.integers(0, 90)), full and rng.random() < 0.7
            try:
                with disk:
                    client.session(int(rng.integers(1, 9)))
            except Crash:
                pass
            except NotDurable:  # already while it was opened
                client.refused += 1
            if power and not disk.full:
                disk.cut()
        disk.left = None
        client.examined()
    return client


def filled(where, rng, rounds, room):
    """A client that runs out of room again and again, and finds some later."""
    client = Client(where, rng)
    with client.watched(), mock.patch.object(log, "SETTLE", 30_000), Writer(where, KEY) as writer:
        for _ in range(rounds):
            with room(int(rng.integers(0, 20_000))):
                failed = client.refused + client.unpublished
                while client.refused + client.unpublished < failed + 3:
                    client.append(writer)
            for _ in range(3):
                client.append(writer)
    client.examined()
    return client


@contextmanager
def limited(size):
    """No file of this process may grow beyond: as on a full disk, a write fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def small_disk():
    """A folder on a disk of two megabytes, and what fills it but for some bytes; needs root."""
    with tempfile.TemporaryDirectory() as at:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", at], check=True)

        @contextmanager
        def room(left):
            ballast, free = Path(at) / "ballast", os.statvfs(at)
            ballast.write_bytes(bytes(max(0, free.f_bavail * free.f_bsize - left)))
            yield
            ballast.unlink()

        try:
            yield Path(at) / "log", room
        finally:
            subprocess.run(["umount", "-l", at], check=True)
