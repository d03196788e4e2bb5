"""Every parser of the ledger under a fuzzer that sees which branches it reaches.

    PYTHONPATH=src:. python benchmarks/ledger_fuzz.py [--seconds 120] [--only note]

Resumable: a parser that was done with as many seconds is not done again.

What must hold is in `tests/ledger/parsers.py`: any bytes are refused by an error of the ledger, or
read so that they say the same again. With atheris (`pip install atheris`, for Linux) inputs are
bred by coverage, each parser in a process of its own; without it hypothesis makes them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
KEPT = RESULTS / "ledger_fuzz.jsonl"
LONGEST = 8_192  # bytes of an input
SEED = 1


def fuzz(name: str, seconds: int) -> None:
    """In a process of its own: ends with the fuzzer's report, or with what it found."""
    import atheris

    with atheris.instrument_imports(include=["foretaste.ledger"]):
        from tests.ledger.parsers import PARSERS
    parser = PARSERS[name]
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(parser.seeds):
            (Path(corpus) / str(number)).write_bytes(seed)
        told = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-seed={SEED}"]
        told += ["-print_final_stats=1", f"-artifact_prefix={tempfile.gettempdir()}/{name}-"]
        atheris.Setup([name, *told, corpus], parser.tried)
        atheris.Fuzz()


def by_atheris(name: str, seconds: int) -> dict:
    command = [sys.executable, __file__, "--one", name, "--seconds", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
    reached = re.findall(r"cov: (\d+)", done.stderr)
    return {
        "executions": int(runs.group(1)) if runs else 0,
        "branches": int(reached[-1]) if reached else 0,
        "fault": "" if done.returncode == 0 and runs else done.stderr[-1_500:],
    }


def by_hypothesis(name: str, seconds: int) -> dict:
    from hypothesis import HealthCheck, given, settings
    from hypothesis.errors import HypothesisException

    from tests.ledger.parsers import PARSERS
    from tests.ledger.test_hostile import some

    count, until, fault = 0, time.monotonic() + seconds, ""

    @settings(max_examples=500, deadline=None, database=None, suppress_health_check=[*HealthCheck])
    @given(some(name))
    def holds(content):
        nonlocal count
        count += 1
        PARSERS[name].tried(content)

    while time.monotonic() < until and not fault:
        try:
            holds()
        except (HypothesisException, Exception) as error:  # noqa: BLE001 it is what is looked for
            fault = f"{type(error).__name__}: {error}"[:1_500]
    return {"executions": count, "branches": 0, "fault": fault}


def fuzzer() -> str:
    try:
        return f"atheris {version('atheris')}"
    except PackageNotFoundError:
        return f"hypothesis {version('hypothesis')}"


def page(rows: list[dict], seconds: int) -> str:
    total = sum(row["executions"] for row in rows)
    faults = [row for row in rows if row["fault"]]
    lines = [
        "# The ledger's parsers, given bytes that are wrong",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores shared with "
        f"other work, Python {platform.python_version()}, {fuzzer()}, seed {SEED}, "
        f"{seconds} s a parser, inputs up to {LONGEST:,} bytes. "
        f"`PYTHONPATH=src:. python benchmarks/ledger_fuzz.py --seconds {seconds}`",
        "",
        "Any bytes have to be refused by a `LedgerRefused`, or read so that writing gives the same "
        "bytes again (for policies, envelopes and statements: the same value); what is checked "
        "against a key has to say what was signed. Anything else is a fault. Branches are counted "
        "by the fuzzer, in the ledger's own modules. `journal` is slow: it writes to the disk "
        "each time.",
        "",
        f"{total:,} inputs, {len(faults)} parsers with a fault.",
        "",
        "| parser | inputs | branches | fault |",
        "| --- | --- | --- | --- |",
    ]
    for row in rows:
        fault = row["fault"].strip().splitlines()[-1:] or ["none"]
        branches = str(row["branches"] or "–")
        lines.append(f"| {row['parser']} | {row['executions']:,} | {branches} | {fault[0]} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    said = argparse.ArgumentParser(description=__doc__)
    said.add_argument("--seconds", type=int, default=120)
    said.add_argument("--only", nargs="*")
    said.add_argument("--one")
    chosen = said.parse_args()
    if chosen.one:
        fuzz(chosen.one, chosen.seconds)
        return
    from tests.ledger.parsers import PARSERS

    kept = [json.loads(line) for line in KEPT.read_text().splitlines()] if KEPT.exists() else []
    done = {row["parser"]: row for row in kept if row["seconds"] == chosen.seconds}
    for name in chosen.only or PARSERS:
        if name in done:
            continue
        way = by_atheris if fuzzer().startswith("atheris") else by_hypothesis
        row = {"parser": name, "seconds": chosen.seconds, "by": fuzzer()}
        row |= way(name, chosen.seconds)
        done[name] = row
        print(json.dumps(row)[:300], flush=True)
        with KEPT.open("a") as file:
            file.write(json.dumps(row) + "\n")
    rows = [done[name] for name in PARSERS if name in done]
    (RESULTS / "ledger_fuzz.md").write_text(page(rows, chosen.seconds))


if __name__ == "__main__":
    main()
