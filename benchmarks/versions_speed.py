"""How fast a version's root is computed, beside one SHA-256 over the same bytes.

Usage: python versions_speed.py [ROWS]
"""

import hashlib
import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from foretaste.data import Batch
from foretaste.versions import encoded, hashing, version, version_of

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
STEP = 8_192  # rows of a batch, as readers give them
KINDS = {
    64: (),
    784: (28, 28),
    3072: (32, 32, 3),
    12_288: (64, 64, 3),
}  # bytes of content a row; sides of an image
TIMES = 3
RESULTS = Path(__file__).parent / "results"
LOAD = os.getloadavg()[0]
BLOCK = 64  # bytes that SHA-256 takes at once


def batches(width, shape):
    """One batch again and again would stay in the cache; these are views of 256 MB."""
    rng = np.random.default_rng(0)
    pool = rng.integers(97, 123, max(STEP * width, 256 << 20), dtype=np.uint8)
    rows = len(pool) // (STEP * width)
    labels = pa.array(rng.integers(0, 10, STEP).astype(str), pa.large_string())
    ids = pa.array([""] * STEP, pa.large_string())
    made = []
    for at in range(rows):
        part = pool[at * STEP * width : (at + 1) * STEP * width]
        made.append(Batch(ids, {**_content(part, width, shape), "label": labels}))
    return [made[at % rows] for at in range(-(-ROWS // STEP))]


def _content(part, width, shape):
    if shape:
        return {"image": pa.FixedShapeTensorArray.from_numpy_ndarray(part.reshape(-1, *shape))}
    ends = pa.py_buffer(np.arange(STEP + 1, dtype=np.int64) * width)
    text = pa.Array.from_buffers(pa.large_string(), STEP, [None, ends, pa.py_buffer(part)])
    return {"text": text}


def one_buffer(width):
    """One SHA-256 for the content of all rows, without labels and frames."""
    data = np.random.default_rng(1).bytes(256 << 20)
    return best(lambda: hashlib.sha256(data).digest(), width * ROWS / len(data))


def each_row(rows):
    """hashlib for the rows' bytes alone, one after the other, no tree."""
    some = [one for batch in rows[:8] for one in encoded(batch).to_pylist()]

    def walk():
        for one in some:
            hashlib.sha256(one).digest()

    return best(walk, STEP * len(rows) / len(some))


def best(call, times=1.0):
    """(wall, processor) seconds of the quickest of some runs."""
    found = []
    for _ in range(TIMES):
        start, used = time.perf_counter(), time.process_time()
        call()
        ended = time.perf_counter() - start, time.process_time() - used
        found.append(tuple(times * one for one in ended))
    return tuple(map(min, zip(*found, strict=True)))


def without_help(call):
    whole = hashing._column_hash
    hashing._column_hash = lambda: None
    try:
        return call()
    finally:
        hashing._column_hash = whole


def with_threads(count, call):
    version.THREADS = count
    return call()


def floor(width, rows):
    """How much more SHA-256 has to do for the tree than for one buffer: blocks to blocks."""
    entry = len(encoded(rows[0])[0].as_py()) + 1
    return (width / BLOCK) / (-(-(entry + 9) // BLOCK) + 2)


def measured(width, shape):
    rows = batches(width, shape)
    base = one_buffer(width)

    def walk():
        version_of(rows)

    lines = {
        "sha256 over one buffer": base,
        "hashlib, row by row, no tree": each_row(rows),
        "root, hashlib, 1 thread": without_help(lambda: with_threads(1, lambda: best(walk))),
        "root, datafusion, 1 thread": with_threads(1, lambda: best(walk)),
        "root, datafusion, 2 threads": with_threads(2, lambda: best(walk)),
    }
    ratio = {
        name: base[0] / wall if "2 threads" in name else base[1] / used
        for name, (wall, used) in lines.items()
    }
    return {"width": width, "seconds": lines, "ratio": ratio, "floor": floor(width, rows)}


def main():
    found = [measured(width, shape) for width, shape in KINDS.items()]
    (RESULTS / "versions_speed.jsonl").write_text("".join(json.dumps(one) + "\n" for one in found))
    table = [
        "| | " + " | ".join(f"{one['width']:,} B" for one in found) + " |",
        "|---|" + "---|" * len(found),
    ]
    for name in found[0]["seconds"]:
        cells = []
        for one in found:
            wall, used = one["seconds"][name]
            cells.append(f"{one['ratio'][name]:.0%} ({wall:.2f} s, {used:.2f} s)")
        table.append(f"| {name} | " + " | ".join(cells) + " |")
    cells = [f"{one['floor']:.0%}" for one in found]
    table.append("| *the most that one core can do* | " + " | ".join(cells) + " |")
    head = (RESULTS / "versions_speed_head.txt").read_text()
    facts = (
        f"{datetime.now(UTC).date()}, {platform.machine()}, {os.cpu_count()} cores, load average "
        f"{LOAD:.1f} before the run, Python {platform.python_version()}, "
        f"`python benchmarks/versions_speed.py {ROWS}`, best of {TIMES}, seed 0."
    )
    (RESULTS / "versions_speed.md").write_text("\n".join([head, facts, "", *table, ""]))


if __name__ == "__main__":
    main()
