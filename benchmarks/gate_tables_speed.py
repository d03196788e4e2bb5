"""What the gate costs a record of a table, and whether its memory grows.

    OMP_NUM_THREADS=1 python benchmarks/gate_tables_speed.py [--memory RECORDS]

Writes benchmarks/results/gate_tables_speed.json, which the page of `gate_tables.py` shows. Seconds
are those of the processor, of one core, so that other work on the machine counts less.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import gate_streams as streams
import numpy as np
import pandera.polars as pa
import polars as pl
from gate_tables import INTEGRITY
from river.anomaly import HalfSpaceTrees

from foretaste.data import Batch, content_id
from foretaste.gate import Gate, Terms
from foretaste.summaries.fields import table_of

HERE = Path(__file__).parent
RECORDS, FEW = 18_000, 3_000
BATCH, SINGLES = 1_000, 300


def timed(work):
    began = time.process_time()
    work()
    return time.process_time() - began


def through(gate, rows, size):
    for at in range(0, len(rows), size):
        gate(rows.take(np.arange(at, min(at + size, len(rows)))))


class Clock:
    """Seconds of the processor by what they were spent on."""

    def __init__(self):
        self.spent = dict.fromkeys(("door", "close", "learn", "alone"), 0.0)

    def __call__(self, what, work, *given):
        began = time.process_time()
        found = work(*given)
        self.spent[what] += time.process_time() - began
        return found


def by_check(gate, trusted, rows):
    """Microseconds a record of each check at the door, at the close, in learning, and alone."""
    encoded = gate.prepared.encode(rows.take(np.arange(BATCH)))
    anchor = gate.prepared.encode(trusted)
    every, found = np.ones(BATCH, bool), {}
    ones = [encoded.take([i]) for i in range(100)]
    for name, check in gate.checks.items():
        clock, state = Clock(), check.start(anchor)
        _, state = check.judge(ones[0], state)
        for _ in range(5):
            _, state = clock("door", check.judge, encoded, state)
            if hasattr(check, "settle"):
                clock("close", check.settle, encoded, every, state)
            state = clock("learn", check.learn, encoded, every, state)
        for one in ones:
            _, state = clock("alone", check.judge, one, state)
        found[name] = {what: spent / (5 * BATCH) * 1e6 for what, spent in clock.spent.items()}
        found[name]["alone"] = clock.spent["alone"] / len(ones) * 1e6
    return found


def half_spaces(rows, records):
    numbers = table_of(rows.take(np.arange(records))).select(pl.selectors.numeric())
    least, most = numbers.min().row(0), numbers.max().row(0)
    limits = {n: (a, b + 1e-9) for n, a, b in zip(numbers.columns, least, most, strict=True)}
    model = HalfSpaceTrees(seed=1, limits=limits)
    lines = numbers.to_dicts()

    def work():
        for line in lines:
            model.score_one(line)
            model.learn_one(line)

    return records / timed(work)


def contract(trusted, rows):
    """A pandera schema of the trusted ranges and categories, checked in batches."""
    known, table = table_of(trusted), table_of(rows)
    columns = {
        c.name: pa.Column(pl.String, pa.Check.isin(c.unique().to_list()))
        if c.dtype == pl.String
        else pa.Column(pl.Float64, pa.Check.in_range(c.min(), c.max()))
        for c in known
    }
    schema = pa.DataFrameSchema(columns)

    def work():
        for at in range(0, len(table), BATCH):
            try:
                schema.validate(table.slice(at, BATCH), lazy=True)
            except (pa.errors.SchemaErrors, pl.exceptions.PolarsError):
                continue  # some rows are out of range: that is its answer

    return len(table) / timed(work)


def alone(gate, rows):
    """Median and 99th percentile, in milliseconds, of records that come one by one."""
    spent = sorted(timed(lambda i=i: gate(rows.take([i]))) for i in range(SINGLES))
    return [spent[SINGLES // 2] * 1e3, spent[int(0.99 * SINGLES)] * 1e3]


def speed(name):
    one = streams.stream(name)
    rows = one.rows.take(np.arange(min(RECORDS, len(one.rows))))
    rest = rows.take(np.arange(2 * BATCH, len(rows)))
    found = {"fields": len(one.rows.arrow("features").type)}
    for who, terms in (("integrity", Terms(checks=INTEGRITY)), ("default", Terms())):
        gate = Gate(one.trusted, terms)
        through(gate, rows.take(np.arange(2 * BATCH)), BATCH)
        found[who] = len(rest) / timed(lambda g=gate: through(g, rest, BATCH))
        found[who + " alone"] = alone(gate, rows)
    found["checks"] = by_check(gate, one.trusted.having(arrived=one.trusted["time"]), rows)
    found["encode"] = timed(lambda g=gate: g.prepared.encode(rest)) / len(rest) * 1e6
    found["HalfSpaceTrees"] = half_spaces(rows, FEW)
    found["pandera"] = contract(one.trusted, rows)
    return found


def resident():
    with Path("/proc/self/statm").open() as status:
        return int(status.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def memory(records, terms):
    """Network flows again and again under new names, and the memory after each tenth of them."""
    one = streams.stream("nsl_kdd")
    gate, rows = Gate(one.trusted, terms), one.rows
    sampled, held, seen, turn = [], 0, 0, 0
    while seen < records:
        ids = [content_id(f"{turn} {name}".encode()) for name in rows.ids]
        columns = {n: rows.arrow(n) for n in rows.names if n != "arrived"}
        arrived = rows["arrived"] + turn * len(rows) / 10
        again = Batch(ids, {**columns, "arrived": arrived}, rows.classes)
        for at in range(0, len(again), 5_000):
            ruled = gate(again.take(np.arange(at, min(at + 5_000, len(again)))))
            held += int((~ruled.admitted).sum())
        seen, turn = seen + len(rows), turn + 1
        if not sampled or seen >= records * len(sampled) / 20:
            sampled.append([seen, round(resident(), 1), round(held / seen, 4)])
    return sampled


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--memory", type=int, default=0)
    arguments.add_argument("--default", action="store_true")
    asked = arguments.parse_args()
    out = Path(os.environ.get("GATE_SPEED", HERE / "results" / "gate_tables_speed.json"))
    done = json.loads(out.read_text()) if out.exists() else {}
    if asked.memory:
        terms = Terms() if asked.default else Terms(checks=INTEGRITY)
        done["memory default" if asked.default else "memory"] = memory(asked.memory, terms)
    else:
        done["speed"] = {name: speed(name) for name in ("nsl_kdd", "credit_card")}
    out.write_text(json.dumps(done, indent=1))


if __name__ == "__main__":
    main()
