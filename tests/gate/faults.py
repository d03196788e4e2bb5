"""Keepers in processes of their own, killed while they work, and what must hold afterwards."""

import contextlib
import multiprocessing
import os
import resource
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from foretaste.data import Batch
from foretaste.errors import ForetasteError
from foretaste.gate import Terms
from foretaste.gate.journal import Journal
from foretaste.gate.journal_tables import CutRow, DecisionRow, HeldRow
from foretaste.gate.journal_view import View
from foretaste.gate.keeper import Keeper
from foretaste.gate.keeper_writing import Keep
from foretaste.gate.preparing import ENCODERS
from foretaste.gate.replay import replay
from tests.gate.keepers import trusted

TERMS = Terms(checks=("joint_outlier", "repetition"), window=100)
KEEP = Keep(every=250)
MANY = 200_000
_VALUES = np.random.default_rng(7).normal(size=(MANY, 3))
_VALUES[::37] += 25.0  # poison that anybody would see
SPAWN = multiprocessing.get_context("forkserver")
SPAWN.set_forkserver_preload(  # what a keeper imports when it is opened, so that it opens quickly
    ["tests.gate.faults", "pandas", "psycopg", "sqlalchemy.dialects.sqlite"]
    + [f"foretaste.checks.{name}" for name in TERMS.checks]
    + [f"foretaste.encoders.{name}" for name in ENCODERS]
)


def made(indices):
    """Records by their numbers: always the same."""
    at = list(indices)
    return Batch(
        [f"record {i}" for i in at], {"features": _VALUES[at], "key": [f"key {i}" for i in at]}
    )


def serve(pipe, at, folder):
    """Submits what comes over the pipe, and answers what was decided, until it is killed."""
    keeper = Keeper.open(at, trusted(), TERMS, KEEP, folder)
    pipe.send("ready")
    while True:
        what, given = pipe.recv()
        try:
            pipe.send(ANSWERS[what](keeper, given))
        except ForetasteError as error:
            pipe.send(error)


def submit(keeper, indices):
    """What is decided of records."""
    told = keeper.submit(made(indices), "tenant")
    return [(one.key, one.id, str(one.ruling)) for one in told]


def review(keeper, most):
    """Finds clean what has been held longest."""
    waiting = [one.decision.id for one in keeper.held(limit=most)]
    return [one.decision.id for one in keeper.review(waiting, "clean", by="ann")]


def jump(keeper, seconds):
    """Sets the clock that the gate looks at."""
    keeper.gate._clock = lambda: time.time() + seconds


def limit(keeper, size):
    """No file of this process may grow beyond: as on a full disk, a write fails."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


ANSWERS = {"submit": submit, "review": review, "jump": jump, "limit": limit}


class Worker:
    """A keeper in a process of its own."""

    def __init__(self, at, folder):
        self.pipe, theirs = SPAWN.Pipe()
        self.process = SPAWN.Process(target=serve, args=(theirs, at, folder), daemon=True)
        self.process.start()
        theirs.close()

    def ask(self, what, given):
        """The answer; EOFError where the process died before it."""
        try:
            self.pipe.send((what, given))
            return self.pipe.recv()
        except (ConnectionResetError, BrokenPipeError) as error:
            raise EOFError from error

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)

    def ended(self):
        self.kill()
        self.process.join()
        self.pipe.close()


@dataclass
class Sender:
    """Sends records until each is acknowledged, and remembers all that it was ever told."""

    rng: np.random.Generator
    told: dict = field(default_factory=dict)  # key -> answers, each (id, ruling)
    waiting: list = field(default_factory=list)  # sent and not acknowledged
    next: int = 0
    refused: int = 0
    again: int = 0
    jumps: bool = False  # of the clock

    def work(self, worker):
        """Sends and asks until the worker dies."""
        with contextlib.suppress(EOFError):
            while True:
                self.once(worker)

    def once(self, worker):
        """One submission, most often of new records, or one review."""
        chance = self.rng.random()
        if chance < 0.05:
            worker.ask("review", 3)
            return
        if self.jumps and chance > 0.9:
            worker.ask("jump", float(self.rng.choice([-1e9, -9e4, -5.0, 0.0, 5.0, 9e4, 1e9])))
            return
        if chance < 0.15 and self.next > 50:
            self.again += 1
            sent = self.rng.integers(0, self.next, 20).tolist()
        else:
            if not self.waiting:
                size = int(self.rng.integers(1, 60))
                self.waiting = list(range(self.next, self.next + size))
                self.next += size
            sent = self.waiting
        answer = worker.ask("submit", sent)
        if isinstance(answer, ForetasteError):
            self.refused += 1
            return
        for key, name, ruling in answer:
            self.told.setdefault(key, set()).add((name, ruling))
        if sent is self.waiting:
            self.waiting = []


def killed_often(at, folder, sender, kills, between=lambda: None):
    """Kills a sender's worker again and again, at random moments, also while it starts."""
    for _ in range(kills):
        worker = Worker(at, folder)
        if sender.rng.random() < 0.2:
            death = threading.Timer(sender.rng.uniform(0, 0.4), worker.kill)
            death.start()
            with contextlib.suppress(EOFError):
                worker.pipe.recv()
        else:
            worker.pipe.recv()
            death = threading.Timer(sender.rng.uniform(0, 0.6), worker.kill)
            death.start()
        sender.work(worker)
        death.join()
        worker.ended()
        between()


def filled(at, folder, sender, rounds, step=200_000):
    """Lets a sender's worker run out of disk again and again, each time with a little more."""
    worker, size = Worker(at, folder), 0
    worker.pipe.recv()
    for _ in range(rounds):
        size += step
        worker.ask("limit", size)
        refused = sender.refused
        while sender.refused < refused + 3:
            sender.once(worker)
    worker.ask("limit", resource.RLIM_INFINITY)
    while sender.waiting:
        sender.once(worker)
    worker.ended()


def torn(folder, rng):
    """Tears the newest snapshot, as a disk that lied would."""
    files = sorted((folder / "snapshots").iterdir(), key=lambda one: one.stat().st_mtime)
    if files:
        os.truncate(files[-1], int(rng.integers(0, files[-1].stat().st_size + 1)))


@dataclass(frozen=True)
class Found:
    """What a journal holds after all that; every field but the first four has to be 0."""

    acknowledged: int
    decided: int
    windows: int
    learnable: int
    lost: int  # acknowledged, and not in the journal as acknowledged
    twice: int  # told two outcomes, or decided more than once
    unjudged: int  # in a learner's file without having been let in
    learned_twice: int
    missing: int  # let in, in a window that is over, and in no file
    different: int  # of a replay

    @property
    def wrong(self):
        return {
            name: value
            for name, value in vars(self).items()
            if value and name not in ("acknowledged", "decided", "windows", "learnable")
        }


def examined(at, folder, sender, terms=TERMS):
    """Holds the journal against what its sender was told."""
    journal = Journal.open(at, folder)
    try:
        with journal.transaction() as told:
            rows = list(told.execute(DecisionRow.__table__.select()))
            held = {row.id: row for row in told.execute(HeldRow.__table__.select())}
            cuts = told.execute(CutRow.__table__.select()).all()
        kept = View(journal).windows()
        learned = Counter(i for one in kept for i in _ids(one.file))
        record = replay(journal, trusted(), terms)
    finally:
        journal.shut()
    stored = {row.key: (row.id, row.ruling) for row in rows}
    last = kept[-1].record.window if kept else -1
    stands = {
        row.id
        for row in rows
        if row.window <= last and row.ruling == "admit" and row.id not in held
    }
    clean = {i for i, row in held.items() if row.verdict == "clean"}
    return Found(
        acknowledged=len(sender.told),
        decided=len(rows),
        windows=len(kept),
        learnable=sum(learned.values()),
        lost=sum(answers != {stored.get(key)} for key, answers in sender.told.items()),
        twice=sum(len(a) > 1 for a in sender.told.values()) + len(rows) - len(stored),
        unjudged=len(learned.keys() - stands - clean),
        learned_twice=sum(n > 1 for n in learned.values()),
        missing=len(stands - learned.keys()) + abs(len(rows) - sum(c.records for c in cuts)),
        different=len(rows) - record.records if record.same else len(rows) - record.records + 1,
    )


def _ids(file):
    with pa.memory_map(str(file)) as mapped:
        return pa.ipc.open_file(mapped).read_all()["#decision"].to_pylist()
