"""How fast JSON lines are read, and in how much memory; run by hand.

    python benchmarks/reading.py

writes benchmarks/results/reading.md.
"""

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

SIZES = (10_000, 100_000, 1_000_000)
RESULTS = Path(__file__).parent / "results" / "reading.md"


def written(path, rows):
    with path.open("w") as out:
        for i in range(rows):
            text = f"message {i}: see you at {i % 24} o'clock, bring {i * 7919 % 1013} things"
            out.write(json.dumps({"text": text, "label": "ham" if i % 7 else "spam"}) + "\n")
    return path


def measured(path):
    """In a process of its own: rows, seconds of wall clock and of processor, peak memory."""
    from foretaste import readers

    wall, cpu = time.perf_counter(), time.process_time()
    rows = sum(len(batch) for batch in readers.open(path))
    spent = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps([rows, *spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


def table():
    yield "| rows | MB | seconds | of processor | rows/s (processor) | peak RSS, MB |"
    yield "|---:|---:|---:|---:|---:|---:|"
    for rows in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            path = written(Path(folder) / "rows.jsonl", rows)
            said = subprocess.run(
                [sys.executable, __file__, str(path)], check=True, capture_output=True, text=True
            )
            found, wall, cpu, peak = json.loads(said.stdout)
            size = path.stat().st_size / 1e6
            speed = f"{wall:.2f} | {cpu:.2f} | {found / cpu:,.0f}"
            yield f"| {found:,} | {size:.1f} | {speed} | {peak:.0f} |"


def machine():
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")),
        platform.processor(),
    )  # fmt: skip
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}; load {load}"


def main():
    lines = [
        "# Reading JSON lines",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {machine()}.",
        "`python benchmarks/reading.py`: open, infer roles, read every batch with content ids.",
        "",
        *table(),
        "",
    ]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text("\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    measured(sys.argv[1]) if len(sys.argv) > 1 else main()
