"""Writers in processes of their own, killed while they append, open or make durable."""

import multiprocessing
import signal
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from foretaste.ledger import log
from foretaste.ledger.reader import Reader
from foretaste.ledger.writer import Writer
from tests.ledger.naive import KEY

SPAWN = multiprocessing.get_context("forkserver")
SPAWN.set_forkserver_preload(["tests.ledger.kills"])
SIZES = (1, 1, 1, 2, 30, 255, 256, 257)


def sizes(session):
    """How many entries each append of a session has."""
    rng = np.random.default_rng([7, session])
    while True:
        yield int(rng.choice([*SIZES, rng.integers(1, 1_000)]))


def said(index, session):
    """An entry; a retry never has the same, so that it would be another tree."""
    return b"entry %d of session %d " % (index, session) * (1 + index % 9)


def serve(pipe, where, session):
    """Appends until it is killed, and says after each append what was acknowledged."""
    log.SETTLE = 60_000  # often
    pipe.send("ready")
    writer = Writer(where, KEY)
    pipe.send((writer.size, writer.checkpoint.root))
    for count in sizes(session):
        start = writer.size
        writer.append(said(i, session) for i in range(start, start + count))
        pipe.send((writer.size, writer.checkpoint.root))


@dataclass
class Watch:
    """What writers in processes acknowledged before they were killed."""

    where: object
    sessions: list = field(default_factory=list)  # (first entry, session)
    roots: dict = field(default_factory=dict)  # size -> root
    size: int = 0
    flying: int = 0  # entries of the append that was sent and not acknowledged
    kills: int = 0
    acknowledged: int = 0
    extra: int = 0  # appends that were found though their acknowledgement was lost
    step: float = 0.01  # seconds that an opening or append took lately
    opening: int = 0  # kills before the log was open
    reader: object = None  # one that never goes back

    def killed(self, after, part):
        """A session of a writer that is killed within a step: an opening, or an append.

        after: answers that are waited for before; 0 to kill it while it opens
        part:  of the time that a step took lately
        """
        pipe, theirs = SPAWN.Pipe()
        process = SPAWN.Process(target=serve, args=(theirs, self.where, self.kills), daemon=True)
        process.start()
        theirs.close()
        assert pipe.recv() == "ready"
        began, told = time.perf_counter(), [pipe.recv() for _ in range(after)]
        if after:
            self.step = (time.perf_counter() - began) / after
        time.sleep(self.step * part)
        process.kill()
        told += received(pipe)
        process.join()
        pipe.close()
        assert process.exitcode == -signal.SIGKILL
        self.heard(told)
        self.kills += 1

    def heard(self, told):
        """Holds what a session found against what was acknowledged before."""
        if not told:
            self.opening += 1
            return
        found, root = told[0]
        assert found in (self.size, self.size + self.flying)
        assert self.roots.setdefault(found, root) == root
        self.extra += found > self.size
        self.size = found
        self.sessions.append((found, self.kills))
        steps = sizes(self.kills)
        self.flying = next(steps)
        for size, root in told[1:]:
            assert size == self.size + self.flying
            self.roots[size], self.size = root, size
            self.flying = next(steps)
            self.acknowledged += 1

    def seen(self):
        """What an outsider sees between a kill and the next opening: whole, and only grown."""
        if not (Path(self.where) / "checkpoint").exists():
            assert self.size == 0
            return
        self.reader = self.reader or Reader(self.where, [KEY.verifier])
        size = self.reader.checkpoint().size
        assert size >= self.size
        if size:
            self.reader.inclusion(size - 1)

    def examined(self):
        """Opens in peace, and reads everything."""
        with Writer(self.where, KEY) as writer:
            self.heard([(writer.size, writer.checkpoint.root)])
        reader = Reader(self.where, [KEY.verifier])
        assert reader.verify().size == self.size
        for size, root in self.roots.items():
            assert reader.root(size) == root
        starts = [*self.sessions, (self.size, -1)]
        entries = reader.entries()
        for (first, session), (end, _) in pairwise(starts):
            for index in range(first, end):
                assert next(entries) == said(index, session)
        return reader


def received(pipe):
    """All that was said until the other end was killed."""
    told = []
    try:
        while True:
            told.append(pipe.recv())
    except (EOFError, OSError):  # killed while it spoke
        return told


def killed_often(where, rng, kills):
    """A log of which the writer was killed again and again."""
    watch = Watch(str(where))
    for _ in range(kills):
        watch.killed(int(rng.integers(0, 6)), rng.uniform(0, 1.3))
        watch.seen()
    watch.examined()
    return watch
