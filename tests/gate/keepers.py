"""Rows, terms and databases for tests of keepers."""

import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np

from foretaste.data import Batch
from foretaste.gate import Terms

TERMS = Terms(checks=("joint_outlier",), window=100)


def rows(n, at=0.0, seed=0, keys=True):
    """n records around a point, each with a key."""
    rng = np.random.default_rng([seed, n])
    columns = {"features": rng.normal(at, 1, (n, 3))}
    if keys:
        columns["key"] = [f"{seed}/{at}/{i}" for i in range(n)]
    return Batch([f"{seed} {at} {i}" for i in range(n)], columns)


def trusted():
    """What gates start from."""
    return rows(500, keys=False)


def cut(batch, *places):
    """The batch in parts."""
    edges = [0, *sorted(places), len(batch)]
    return [batch.take(np.arange(a, b)) for a, b in pairwise(edges)]


class Postgres:
    """A PostgreSQL of one's own, on a free port of this machine, in a folder that goes away."""

    def __init__(self, folder):
        self.bin = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        self.folder = Path(folder)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        shutil.chown(self.folder, "postgres")
        self._run("initdb", "-A", "trust", "-U", "postgres", "-D", self.folder / "data")

    def start(self):
        told = f"-h 127.0.0.1 -p {self.port} -k {self.folder}"
        data, log = self.folder / "data", self.folder / "log"
        self._run("pg_ctl", "-w", "-D", data, "-l", log, "-o", told, "start")

    def stop(self, how="immediate"):
        self._run("pg_ctl", "-w", "-D", self.folder / "data", "-m", how, "stop")

    def _run(self, name, *arguments):
        command = ["runuser", "-u", "postgres", "--", self.bin / name, *arguments]
        subprocess.run([str(one) for one in command], check=True, stdout=subprocess.DEVNULL)


def postgres_is_here():
    """Whether a server can be started."""
    return bool(list(Path("/usr/lib/postgresql").glob("*/bin"))) and bool(shutil.which("runuser"))


@contextmanager
def postgres():
    """A running server."""
    with tempfile.TemporaryDirectory(prefix="foretaste-pg-") as folder:
        server = Postgres(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
            time.sleep(0.1)
