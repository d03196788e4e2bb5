"""How fast a ledger grows, proves and opens, beside the least that it could take.

    PYTHONPATH=src:. python benchmarks/ledger_speed.py [--peer PYTHON] [--only PART]

PYTHON is one that has aics-tlog and tlog-scales installed (3.12 or newer); without it peers are
left out. A log of ten million small entries is built once in the temporary folder, 0.7 GB. Writes
benchmarks/results/ledger_speed.md and .jsonl; what is in the .jsonl is not run again.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import platform
import random
import shutil
import subprocess
import tempfile
import time
import tracemalloc
from pathlib import Path

from foretaste.ledger.keys import LOG, SigningKey
from foretaste.ledger.merkle import check_inclusion, leaf_hash
from foretaste.ledger.reader import Reader
from foretaste.ledger.writer import Writer

RESULTS = Path(__file__).parent / "results"
LINES = RESULTS / "ledger_speed.jsonl"
PEERS = Path(__file__).with_name("ledger_peers.py")
GROWN = Path(tempfile.gettempdir()) / "foretaste-ledger-grown"
KEY = SigningKey("example.com/log", LOG, hashlib.sha256(b"benchmark").digest())
PER = 1_000  # entries a checkpoint
SIZES = [1_000, 10_000, 100_000, 1_000_000, 10_000_000]


def batch():
    """Entries of 300 to 1,000 bytes, as signed statements have."""
    rng = random.Random(1)
    return [rng.randbytes(300 + i % 701) for i in range(PER)]


def floor():
    """The least that any writer does for 1,000 entries and a checkpoint; milliseconds."""
    entries = batch()
    body = b"".join(entries)
    nodes = [b"\1" + bytes(64)] * PER
    with tempfile.TemporaryDirectory() as at:
        path = Path(at) / "file"

        def durable():
            with path.open("wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())

        names = map(str, itertools.count())

        def tiles():  # new ones: to write over an old file waits for the disk
            for start in range(0, len(body), len(body) // 10):
                (Path(at) / next(names)).write_bytes(body[start : start + len(body) // 10])

        told = {
            "SHA-256 of 1,000 entries": timed(
                lambda: [hashlib.sha256(one).digest() for one in entries]
            ),
            "1,000 SHA-256 of 65 bytes": timed(
                lambda: [hashlib.sha256(one).digest() for one in nodes]
            ),
            "all entries written and fsynced once": timed(durable),
            "all entries written again, as ten files": timed(tiles),
            "one Ed25519 signature": timed(lambda: KEY.sign_bytes(b"x" * 100)),
        }
    return {"milliseconds": told, "bytes": len(body)}


def timed(act, times=50):
    """The median."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    return round(sorted(took)[times // 2] * 1e3, 3)


def appends():
    """Entries a second, by the clock and by the processor; then single ones."""
    entries, told = batch(), {}
    for name, some, times in (("batches", entries, 300), ("singles", entries[:1], 1_000)):
        with tempfile.TemporaryDirectory() as at, Writer(at, KEY) as writer:
            took, wall, own = [], time.perf_counter(), time.process_time()
            for _ in range(times):
                began = time.perf_counter()
                writer.append(some)
                took.append(time.perf_counter() - began)
            writer._log.settle()
            n = times * len(some)
            told[name] = {
                "rate": round(n / (time.perf_counter() - wall)),
                "own": round(n / (time.process_time() - own)),
                **quantiles(took),
            }
            if name == "batches":
                told["walk"] = walked(at)
    return told


def walked(at):
    """Entries a second when all is verified."""
    began, own = time.perf_counter(), time.process_time()
    size = Reader(at, [KEY.verifier]).verify().size
    return [round(size / (time.perf_counter() - began)), round(size / (time.process_time() - own))]


def quantiles(took):
    """Milliseconds."""
    ranked = sorted(took)
    return {f"p{q}": round(ranked[len(ranked) * q // 100] * 1e3, 2) for q in (50, 99)}


def growth():
    """Opening, one append and proofs, in one log at five sizes."""
    shutil.rmtree(GROWN, ignore_errors=True)
    rows = []
    for size in SIZES:
        built(size)
        rows.append({"size": size, **opened(), **proven(size)})
    return {"rows": rows}


def built(size):
    """Brings the large log to a size, if it is shorter."""
    with Writer(GROWN, KEY) as writer:
        while writer.size < size:
            stop = min(size, writer.size + 10_000)
            writer.append(b"entry %d" % i for i in range(writer.size, stop))


class Counted:
    """A storage that counts."""

    def __init__(self, inner):
        self.inner, self.paths, self.written = inner, [], 0

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def read(self, path, most):
        self.paths.append(path)
        return self.inner.read(path, most)

    def write(self, files):
        self.written += len(files)
        self.inner.write(files)


def opened():
    """Milliseconds and kilobytes of opening a writer; hashes it keeps; files of one append."""
    took = []
    for _ in range(20):
        began = time.perf_counter()
        with Writer(GROWN, KEY):
            took.append(time.perf_counter() - began)
    tracemalloc.start()
    with Writer(GROWN, KEY) as writer:
        peak = tracemalloc.get_traced_memory()[1]
        edge = writer._log._edge
        kept = sum(map(len, edge.tails)) + len(edge.peaks)
        counted = Counted(writer._log.storage)
        writer._log.storage = counted
        writer.append([b"entry %d" % writer.size])
    tracemalloc.stop()
    return {
        "opening": quantiles(took)["p50"],
        "kilobytes": round(peak / 1e3),
        "hashes": kept,
        "files_written": counted.written,
    }


def proven(size):
    """Proofs by readers that know nothing, of files that the system has forgotten."""
    rng, took, files = random.Random(2), [], []
    for _ in range(100):
        index = rng.randrange(size)
        paths = proof(index)[1]
        for path in paths:
            forgotten(GROWN / path)
        began = time.perf_counter()
        reader, paths, found = proof(index)
        took.append(time.perf_counter() - began)
        files.append(len(paths) - 1)
        seen = reader.checkpoint()
        check_inclusion(leaf_hash(b"entry %d" % index), index, seen.size, found, seen.root)
    return {**{f"proof_{k}": v for k, v in quantiles(took).items()}, "tiles": max(files)}


def proof(index):
    reader = Reader(GROWN, [KEY.verifier])
    reader.source = counted = Counted(reader.source)
    found = reader.inclusion(index)
    return (reader, counted.paths, found) if found is not None else None


def forgotten(path):
    """Its pages leave memory."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def peers(python):
    """Others, in a process of their own, with the same entries and the same large log."""
    done = subprocess.run([python, PEERS, GROWN], capture_output=True, check=True, text=True)
    return json.loads(done.stdout)


def written(runs):
    """The page."""
    by = {run["part"]: run for run in runs}
    head = {"date": runs[-1]["date"], "machine": platform.machine(), "cores": os.cpu_count()}
    loads = ", ".join(f"{run['part']} {run['load']}" for run in runs)
    lines = [HEAD.format(**head, loads=loads, python=platform.python_version())]
    if "floor" in by:
        least = by["floor"]["milliseconds"]
        lines += ["## The floor", "", row(["for 1,000 entries", "ms"]), row(["---"] * 2)]
        lines += [row([name, value]) for name, value in least.items()]
        total = sum(least.values())
        lines += [
            row(["sum", round(total, 2)]),
            "",
            FLOOR.format(rate=round(PER / total * 1e3)).rstrip(),
        ]
    if "appends" in by:
        lines += appended(by["appends"], by.get("peers"))
    if "growth" in by:
        names = list(by["growth"]["rows"][0])
        lines += [
            "",
            "## Growth",
            "",
            row(COLUMNS[name] for name in names),
            row(["---"] * len(names)),
        ]
        lines += [row(f"{one[name]:,}" for name in names) for one in by["growth"]["rows"]]
        lines.append(GROWTH)
        if "peers" in by:
            large, small = by["peers"]["proofs"], by["peers"]["checked_proofs"]
            lines.append(PROOF.format(large=large, small=small))
    (RESULTS / "ledger_speed.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def appended(told, others):
    """The table of appends."""
    head = ["writer", "entries/s, 1,000 a checkpoint", "single entries/s"]
    lines = ["", "## Appending", "", row(head), row(["---"] * 3)]
    pair = "{:,} / {:,}".format
    batches, singles = told["batches"], told["singles"]
    ours = [pair(one["rate"], one["own"]) for one in (batches, singles)]
    lines.append(row(["Foretaste", *ours]))
    for name in [name for name in others or () if name not in NOT_WRITERS]:
        rates = (pair(*others[name][kind]) for kind in ("batches", "singles"))
        lines.append(row([name, *rates]))
    walk = pair(*told["walk"])
    lines += ["", APPENDS.format(batches=batches, singles=singles, walk=walk)]
    goals = (("50,000 entries/s", batches, 50_000), ("150 single entries/s", singles, 150))
    for name, one, goal in goals:
        clock, own = ("met" if one[kind] >= goal else "missed" for kind in ("rate", "own"))
        lines.append(f"- {name}: {clock} by the clock, {own} by the processor's time")
    return [*lines, "", OTHERS] if others else lines


def row(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


NOT_WRITERS = ("python", "proofs", "checked_proofs", "part", "date", "load")
COLUMNS = {
    "size": "entries",
    "opening": "opening a writer, ms",
    "kilobytes": "memory of that, kB",
    "hashes": "hashes kept",
    "files_written": "files of one append",
    "proof_p50": "proof p50, ms",
    "proof_p99": "p99, ms",
    "tiles": "tiles read at most",
}
HEAD = """# How fast a ledger grows, proves and opens

`PYTHONPATH=src:. python benchmarks/ledger_speed.py --peer PYTHON3.12`, {date}, {machine}, {cores}
cores that other work may share, Python {python}. Load averages when each part began: {loads}.
Where two numbers stand, the first is by the clock, the second by the processor's time of this
process. Seeds 1 (entries) and 2 (what is proven).

This is the last of three runs. While other work crowded processor and disk (load average 3.3, a
file of 0.6 MB fsynced in 6 ms), the writer took 36,916 batched and 158 single entries a second by
the clock, aics-tlog with fsync 15,050 and 63.
"""
FLOOR = """Entries of 300 to 1,000 bytes, ready made. They are written twice, because a journal
makes them durable with one fsync before their tiles are written. Nothing that does this in this
language appends more than {rate:,} entries a second here.
"""
APPENDS = """Entries are durable and published when an append returns; the time to make all tiles
durable at the end is in. One append of 1,000 took {batches[p50]} ms (p50) and {batches[p99]} ms
(p99), of one entry {singles[p50]} and {singles[p99]} ms. Verifying the whole log again:
{walk} entries/s. Goals:
"""
OTHERS = """The peers make each tile and checkpoint durable by itself, aics-tlog with `fsync=False`
nothing at all; it also looks each tile up before it writes it. Neither has a journal, a lock or a
recovery; tlog-scales says that its writer is not crash-safe. Both ran in Python 3.12. What counts
against another program on a crowded disk is the number of times that it is waited for: twice an
append here, and many files at once when tiles are made durable.
"""
GROWTH = """
Entries of 7 to 14 bytes, 10,000 a checkpoint. A proof is by a new reader with nothing in memory:
checkpoint read, its signature checked, tiles read and checked against the root; the pages of its
files had been dropped by the system before. Opening checks the right edge against the root, too.
Goal: a proof out of ten million entries within 50 ms from at most 10 tiles.
"""
PROOF = """Peers in Python 3.12, files still in the system's memory, no signature checked:
tlog-scales, which believes the tiles, {large[0]} ms (p50) from the same ten million entries and
{large[1]} tiles; aics-tlog, which checks them, {small[0]} ms from 70,000 entries and {small[1]}
tiles: it reads those under every right-hand subtree, and from ten million entries had given no
proof after three minutes.
"""
PARTS = {"floor": floor, "appends": appends, "growth": growth, "peers": None}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--peer", help="a Python with aics-tlog and tlog-scales")
    asked = parser.parse_args()
    runs = [json.loads(line) for line in LINES.read_text().splitlines()] if LINES.exists() else []
    for part in [asked.only] if asked.only else PARTS:
        if part in {run["part"] for run in runs} or (part == "peers" and not asked.peer):
            continue
        load = round(os.getloadavg()[0], 1)
        found = peers(asked.peer) if part == "peers" else PARTS[part]()
        date = time.strftime("%Y-%m-%d", time.gmtime())
        runs.append({"part": part, "date": date, "load": load, **found})
        print(runs[-1])
        with LINES.open("a", encoding="utf-8") as file:
            file.write(json.dumps(runs[-1]) + "\n")
    order = list(PARTS)
    written(sorted(runs, key=lambda run: order.index(run["part"])))


if __name__ == "__main__":
    main()
