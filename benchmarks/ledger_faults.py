"""What the writer of a ledger loses when it is killed, without power, out of disk or not alone.

    PYTHONPATH=src:. python benchmarks/ledger_faults.py [--only PART]

The tests do the same in small (`tests/ledger/faults.py`, `power.py`, `kills.py`). What a client was
told is held against what the log has when it is opened again; a run that finds anything wrong stops
with an error. Mounting a small disk needs root. Writes benchmarks/results/ledger_faults.md and
.jsonl; what is in the .jsonl is not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from foretaste.ledger.refusals import RolledBack, WriterTaken
from foretaste.ledger.writer import Writer
from tests.ledger.faults import filled, limited, small_disk, stopped
from tests.ledger.kills import killed_often
from tests.ledger.naive import KEY, entries

RESULTS = Path(__file__).parent / "results"
LINES = RESULTS / "ledger_faults.jsonl"


def killed():
    with tempfile.TemporaryDirectory() as at:
        watch = killed_often(Path(at) / "log", np.random.default_rng(1), 500)
    what = "kill -9, 500 times, while it appended, opened or made tiles durable"
    told = (watch.kills - watch.opening + 1, watch.size, watch.acknowledged)
    return [outcome(what, *told, watch.extra)]


def without_power():
    return [
        many("200 logs, each without power 12 times, at a random operation", 2, 200, power=True),
        many("100 logs, each stopped up to 12 times, at a random operation", 3, 100, power=False),
        many(
            "100 logs, each on a disk that is full 12 times, or without power",
            4,
            100,
            full=True,
        ),
    ]


def many(what, seed, logs, **how):
    """Twelve failures in each of many logs."""
    told = np.zeros(6, dtype=int)
    for log in range(logs):
        with tempfile.TemporaryDirectory() as at:
            one = stopped(Path(at) / "log", np.random.default_rng([seed, log]), 12, **how)
        told += counts(one)
    return outcome(what, *told.tolist())


def counts(client):
    found = (client.opened, len(client.known), client.acknowledged, client.lost_answers)
    return np.array([*found, client.refused, client.unpublished])


def full():
    with small_disk() as (where, room):
        small = counts(filled(where, np.random.default_rng(5), 20, room)).tolist()
    with tempfile.TemporaryDirectory() as at:
        short = counts(filled(Path(at) / "log", np.random.default_rng(6), 20, limited)).tolist()
    return [
        outcome("disk of 2 MB full 20 times (tmpfs)", *small),
        outcome("20 times no file may grow (RLIMIT_FSIZE)", *short),
    ]


def not_alone():
    refused = 0
    with tempfile.TemporaryDirectory() as at, Writer(at, KEY) as writer:
        for _ in range(50):
            writer.append([b"mine"])
            try:
                Writer(at, KEY).close()
            except WriterTaken:
                refused += 1
        return [outcome("a second writer opens, 50 times", 1, writer.size, 50, 0, refused)]


def rolled_back():
    rng, refused = np.random.default_rng(7), 0
    with tempfile.TemporaryDirectory() as at:
        where, state, old = (Path(at) / name for name in ("log", "state", "old"))
        for _ in range(50):
            for copied in (True, False):
                with Writer(where, KEY, state=state) as writer:
                    step = int(rng.integers(1, 700))
                    writer.append(entries(writer.size, writer.size + step))
                if copied:
                    shutil.copytree(where, old)
            where.rename(Path(at) / "newer")
            old.rename(where)
            try:
                Writer(where, KEY, state=state).close()
            except RolledBack:
                refused += 1
            shutil.rmtree(where)
            (Path(at) / "newer").rename(where)
        with Writer(where, KEY, state=state) as writer:
            what = "folder rolled back to an older copy, its state kept elsewhere, 50 times"
            return [outcome(what, 101, writer.size, 100, 0, refused)]


def outcome(what, *told):
    names = ("opened", "entries", "acknowledged", "unanswered", "refused", "unpublished")
    return {"what": what, **dict(zip(names, [*told, 0, 0][: len(names)], strict=False))}


PARTS = {
    "killed": killed,
    "without_power": without_power,
    "full": full,
    "not_alone": not_alone,
    "rolled_back": rolled_back,
}


def written(runs):
    """The page."""
    machine = {"machine": platform.machine(), "cores": os.cpu_count(), "date": runs[-1]["date"]}
    lines = [HEAD.format(**machine), row(COLUMNS), row(["---"] * len(COLUMNS))]
    for run in runs:
        for one in run["found"]:
            first, *rest = one.values()
            lines.append(row([first, *(f"{number:,}" for number in rest)]))
    lines.append(FOOT.rstrip())
    (RESULTS / "ledger_faults.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def row(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


COLUMNS = (
    "faults",
    "opened again",
    "entries at the end",
    "appends acknowledged",
    "found, answer lost",
    "refused",
    "not published",
)
HEAD = """# Faults of a ledger

`PYTHONPATH=src:. python benchmarks/ledger_faults.py`, {date}, {machine}, {cores} cores that other
work shared. Seeds 1 to 7. Appends of 1 to 1,000 entries; tiles made durable every 30,000 or 60,000
bytes of the journal, so that this, too, is interrupted often. The kills ran on a disk (ext4), the
rest in memory (`TMPDIR=/dev/shm`), where the disk is simulated anyhow.
"""
FOOT = """
*Found, answer lost*: the writer was stopped after the entries were durable and before it could say
so; they are in the log, as a whole, at the next opening. *Refused*: nothing of the append is in the
log, and the client was told. *Not published*: the client was told that its entries are in the log
for good; they were published later. No acknowledged entry was lost, and no log was forked or
shorter than anything it signed; a run stops with an error where one is: every entry is read back
and compared, every root that was ever signed has to be the root over the first entries of the final
log, and a retry never sends the same entries, so that it would be another tree. After each kill an
outside reader, which never goes back, reads checkpoint and proof before the log is opened again.

A power cut leaves of what was not fsynced each sector of 512 bytes or not, and each file name that
was made, replaced or removed since its folder was fsynced or not. That is a simulation, of less
than file systems promise; kill -9 alone would not show a missing fsync. No clock is read, so none
can go backwards. A folder rolled back together with the state of its writer is not noticed here;
witnesses notice it.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=PARTS)
    chosen = parser.parse_args().only
    runs = [json.loads(line) for line in LINES.read_text().splitlines()] if LINES.exists() else []
    for part in [chosen] if chosen else PARTS:
        if part not in {run["part"] for run in runs}:
            date = time.strftime("%Y-%m-%d", time.gmtime())
            runs.append({"part": part, "date": date, "found": PARTS[part]()})
            print(runs[-1])
            with LINES.open("a", encoding="utf-8") as file:
                file.write(json.dumps(runs[-1]) + "\n")
    order = list(PARTS)
    written(sorted(runs, key=lambda run: order.index(run["part"])))


if __name__ == "__main__":
    main()
