"""How long a graph of many entries takes to build and to ask, and how much memory.

Usage: python lineage_speed.py [ENTRIES ...]

Each size runs in a process of its own, whose peak memory is taken at its end.
"""

import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from foretaste.ledger.book import Book
from foretaste.ledger.checkpoint import Checkpoint
from foretaste.ledger.event import Event, Thing
from foretaste.lineage.asking import Question, ask
from foretaste.lineage.gathering import Gathering
from foretaste.lineage.taint import by_verdict
from foretaste.lineage.wanted import Wanted

SIZES = [int(one) for one in sys.argv[1:] if one.isdecimal()] or [100_000, 1_000_000]
SIGNED = 20_000  # entries of a real ledger, signed and checked
RESULTS = Path(__file__).parent / "results"
HEAD = """# Lineage of many entries

Entries as a gate writes them for {feeds:,} feeds: a window, an update that learned from the newest
{learned} windows and the update before it, its promotion; every {turn} windows a scan that finds
poison, and a cleaning. The graph keeps numbers and digests, no text; the few entries that are shown
are read again, each with its place in the tree and its signature checked.
"""
FOOT = """A real ledger of {signed:,} entries, where the place in the tree and the signature of
each are checked: {walk_s:.1f} s to walk it ({rate:,.0f} entries/s), {ask_s:.1f} s for a question.
"""
AT = "2026-11-23T04:05:06Z"
FEEDS, LEARNED, TURN = 1_000, 5, 50  # sources; windows of an update; windows from scan to scan


def thing(kind, name):
    """A window or data set has a digest of its bytes and one over its rows."""
    digest = {"sha256": hashlib.sha256(f"{kind} {name}".encode()).hexdigest()}
    if kind in ("window", "dataset"):
        digest["rows"] = hashlib.sha256(f"rows {kind} {name}".encode()).hexdigest()
    return Thing(kind, name, digest)


def event(kind, made=(), used=(), **facts):
    return Event(kind, made, used, facts, AT, "a benchmark")


def turn(n):
    """Entries of one window: it is let in, learned from, and now and then found bad and cleaned.

    A feed has its own windows and updates; each update learns from the newest windows and from
    the update before it.
    """
    feed, at = n % FEEDS, n // FEEDS
    windows = [thing("window", f"{feed}#{k}") for k in range(max(0, at - LEARNED + 1), at + 1)]
    update = thing("update", f"{feed} update {at}")
    before = (thing("update", f"{feed} update {at - 1}"),) if at else ()
    yield event("gate_window", windows[-1:], (thing("source", f"feed {feed}"),), number=at)
    yield event("model_trained", (update,), (*windows, *before), recipe="linear_text")
    yield event("checkpoint_promoted", (), (update,), to=f"place {feed}")
    if n % TURN == TURN - 1:
        record, kept = thing("record", f"record {n}"), thing("dataset", f"kept {n}")
        yield event("scan_verdict", (record,), windows[-1:], verdict="poisoned", alpha=0.01)
        aside = Thing("rows", f"aside {n}", {"rows": thing("dataset", f"bad {n}").digest["rows"]})
        yield event("cleaning_decision", (kept, aside), (windows[-1], record), what="attack")


def story(entries):
    index, n = 0, 0
    while True:
        for one in turn(n):
            if index == entries:
                return
            yield index, one
            index += 1
        n += 1


class Made:
    """A ledger that makes its entries as they are asked for; nothing is signed."""

    def __init__(self, entries):
        self.entries = entries

    def checkpoint(self):
        return Checkpoint("example.com/log", self.entries, bytes(32))

    def events(self):
        return story(self.entries)

    def event(self, index):
        turns, rest = divmod(index, 3 * TURN + 2)
        at = min(rest // 3, TURN - 1)
        return list(turn(turns * TURN + at))[rest - 3 * at]


def timed(call):
    """Seconds of the processor, which other work on the machine does not change much."""
    start = time.process_time()
    found = call()
    return time.process_time() - start, found


def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def walked(entries):
    """Seconds to make the entries alone, and to make and gather them."""
    alone, _ = timed(lambda: sum(1 for _ in story(entries)))
    gathering = Gathering()

    def gather():
        for index, one in story(entries):
            gathering.add(index, one)

    both, _ = timed(gather)
    return both - alone, gathering


def measured(entries):
    before = memory()
    gather, gathering = walked(entries)
    number, graph = timed(gathering.graph)
    taint, found = timed(lambda: by_verdict(graph))
    turns = entries // (3 * TURN + 2) * TURN // FEEDS
    newest = gathering.numbers(thing("update", f"7 update {turns - 2}").digest)
    oldest = gathering.numbers(thing("source", "feed 7").digest)
    back, above = timed(lambda: graph.above(newest))
    forward, below = timed(lambda: graph.below(oldest))
    peak = memory()
    whole, answer = timed(lambda: ask(Made(entries), Question(Wanted(f"7#{turns // 2}"))))
    return {
        "entries": entries,
        "things": graph.things,
        "origins": len(graph.edges.made),
        "gather_s": gather,
        "number_s": number,
        "taint_s": taint,
        "tainted": int(found.tainted.sum()),
        "back_s": back,
        "back": int(np.count_nonzero(above)),
        "forward_s": forward,
        "forward": int(np.count_nonzero(below)),
        "before_mb": before,
        "peak_mb": peak,
        "bytes_an_entry": (peak - before) * 2**20 / entries,
        "ask_s": whole,
        "ask_things": len(answer.things),
        "ask_events": len(answer.events),
    }


def signed():
    """A question put to a real ledger, of which every entry's place and signature is checked."""
    with tempfile.TemporaryDirectory() as folder:
        book = Book.create(Path(folder) / "book", "example.com/log", "me")
        book.record(*(one for _, one in story(SIGNED)))
        seconds, _ = timed(lambda: sum(1 for _ in book.events()))
        whole, answer = timed(lambda: ask(book, Question(Wanted("7#3"))))
    return {"signed": SIGNED, "walk_s": seconds, "ask_s": whole, "ask_things": len(answer.things)}


def written(found, real):
    rows = [
        ("entries", "{entries:,}"),
        ("things, origins", "{things:,}, {origins:,}"),
        ("to gather (without making or reading entries)", "{gather_s:.1f} s"),
        ("to number things and find circles", "{number_s:.1f} s"),
        ("to follow what is bad everywhere", "{taint_s:.2f} s, {tainted:,} tainted"),
        ("all that one model came from", "{back_s:.2f} s, {back:,} things"),
        ("all that was made of one source", "{forward_s:.2f} s, {forward:,} things"),
        ("peak memory", "{peak_mb:,.0f} MB, {before_mb:,.0f} MB of them before the first entry"),
        ("memory an entry", "{bytes_an_entry:,.0f} bytes"),
        ("a whole question, entries made included", "{ask_s:.1f} s, {ask_things:,} things told"),
    ]
    table = ["| | " + " | ".join("" for _ in found) + " |", "|---" * (len(found) + 1) + "|"]
    table += [
        f"| {name} | " + " | ".join(how.format(**one) for one in found) + " |" for name, how in rows
    ]
    said = " ".join(map(str, SIZES))
    facts = (
        f"{datetime.now(UTC).date()}, {platform.machine()}, {os.cpu_count()} cores, load average "
        f"{os.getloadavg()[0]:.1f} at the end, Python {platform.python_version()}, "
        f"`python benchmarks/lineage_speed.py {said}`, one run each, in seconds of "
        "the processor."
    )
    rate = real["signed"] / real["walk_s"]
    head = HEAD.format(feeds=FEEDS, learned=LEARNED, turn=TURN)
    foot = FOOT.format(**real, rate=rate)
    return "\n".join([head, facts, "", *table, "", foot])


def main():
    found = []
    for entries in SIZES:
        done = subprocess.run(
            [sys.executable, __file__, "--one", str(entries)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        found.append(json.loads(done.stdout))
        print(found[-1])
    real = signed()
    lines = "".join(json.dumps(one) + "\n" for one in [*found, real])
    (RESULTS / "lineage_speed.jsonl").write_text(lines)
    (RESULTS / "lineage_speed.md").write_text(written(found, real))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measured(int(sys.argv[2]))))
    else:
        main()
