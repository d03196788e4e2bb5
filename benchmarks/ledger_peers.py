"""The same appends and proofs by other writers of tlog-tiles; `ledger_speed.py` starts this.

    PYTHON benchmarks/ledger_peers.py LOG

PYTHON is one with aics-tlog 0.2.1 and tlog-scales 0.0.3; LOG a large log to prove entries of. Says
what it measured as a line of JSON. Knows nothing of Foretaste.
"""

import json
import random
import sys
import tempfile
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NAME = "example.com/peer"
PER = 1_000


def batch():
    rng = random.Random(1)
    return [rng.randbytes(300 + i % 701) for i in range(PER)]


def clocked(act, times, per):
    """Entries a second by the clock, and by the processor."""
    wall, own = time.perf_counter(), time.process_time()
    for _ in range(times):
        act()
    n = times * per
    return [round(n / (time.perf_counter() - wall)), round(n / (time.process_time() - own))]


def aics(fsync):
    import aics_tlog as peer

    key = Ed25519PrivateKey.generate()

    def writer(at):
        store = peer.DirectoryTileStore(at, fsync=fsync)
        log = peer.IncrementalTileWriter(store)

        def append(entries):
            done = log.append(entries)
            said = peer.Checkpoint(NAME, done.size, done.root)
            store.write_checkpoint(peer.sign_checkpoint(said, key, NAME).to_bytes())

        return append

    return both(writer)


def scales():
    from tlog_scales import signing
    from tlog_scales.writer import TilesWriter

    signer = signing.PlainEd25519Signer(NAME, Ed25519PrivateKey.generate())

    def writer(at):
        log = TilesWriter.create(Path(at) / "log", NAME)

        def append(entries):
            for entry in entries:
                log.add_leaf(entry)
            log.commit([signer])

        return append

    return both(writer)


def both(writer):
    """1,000 entries a checkpoint, then one."""
    entries, told = batch(), {}
    for name, some, times in (("batches", entries, 40), ("singles", entries[:1], 200)):
        with tempfile.TemporaryDirectory() as at:
            append = writer(at)
            told[name] = clocked(lambda a=append, s=some: a(s), times, len(some))
    return told


def proofs(where):
    """Milliseconds a proof from files that are not checked, with nothing in memory: p50; files."""
    from tlog_scales.backend import LocalBackend
    from tlog_scales.reader import TilesReader

    rng, took, files = random.Random(2), [], []
    for _ in range(100):
        began = time.perf_counter()
        counting = Counting(LocalBackend(Path(where)))
        log = TilesReader(counting)
        size = log.get_checkpoint().size
        log.get_inclusion_proof(rng.randrange(size), size)
        took.append(time.perf_counter() - began)
        files.append(counting.read - 1)
    return [round(sorted(took)[50] * 1e3, 2), max(files)]


def checked_proofs():
    """The same of a log of 70,000 entries, by aics-tlog, from tiles that are checked."""
    import aics_tlog as peer

    with tempfile.TemporaryDirectory() as at:
        store = peer.DirectoryTileStore(at, fsync=False)
        done = peer.IncrementalTileWriter(store).append(b"entry %d" % i for i in range(70_000))
        rng, took, files = random.Random(2), [], []
        for _ in range(5):
            index = rng.randrange(done.size)
            began = time.perf_counter()
            counting = Counting(store)
            checked = peer.VerifiedTileReader(counting, done.size, done.root)
            peer.inclusion_proof_from_tiles(checked, index, done.size)
            took.append(time.perf_counter() - began)
            files.append(counting.read)
    return [round(sorted(took)[2] * 1e3, 2), max(files)]


class Counting:
    """Counts what is read."""

    def __init__(self, inner):
        self.inner, self.read = inner, 0

    def get(self, *path):
        self.read += 1
        return self.inner.get(*path)

    def read_tile(self, *at):
        self.read += 1
        return self.inner.read_tile(*at)


if __name__ == "__main__":
    found = {
        "python": sys.version.split()[0],
        "aics-tlog, fsync": aics(fsync=True),
        "aics-tlog, no fsync": aics(fsync=False),
        "tlog-scales": scales(),
        "proofs": proofs(sys.argv[1]),
        "checked_proofs": checked_proofs(),
    }
    print(json.dumps(found))
