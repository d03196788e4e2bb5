"""What a scan costs as rows grow: wall, processor seconds and peak memory, stage by stage.

    python benchmarks/scale.py [--rows 10000,100000,1000000]

Rows are JSONL of short texts: SMS messages with words exchanged, so that none is a copy, and a
label. Each size is scanned by the command line in a process of its own, without power.
"""

from __future__ import annotations

import argparse
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

from foretaste import datasets

RESULTS = Path(__file__).parent / "results"


def write_rows(path, count):
    table = datasets.load("sms")
    texts = [text.split()[:14] for text in table["text"].to_pylist()]
    labels = table["label"].to_pylist()
    words = np.array([word for text in texts for word in text], dtype=object)
    rng = np.random.default_rng(0)
    chosen = rng.integers(0, len(texts), count)
    with path.open("w", encoding="utf-8") as stream:
        for number, row in enumerate(chosen):
            said = list(texts[row])
            for place in rng.integers(0, len(said), 2) if said else ():
                said[place] = words[int(rng.integers(len(words)))]
            line = {"text": " ".join([*said, str(number)]), "label": labels[row]}
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")


def measured(count, folder):
    path, out = folder / f"{count}.jsonl", folder / f"out-{count}"
    write_rows(path, count)
    words = ["scan", str(path), "--out", str(out), "--power", "off", "--quiet"]
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    code = subprocess.run([sys.executable, "-m", "foretaste", *words], check=False).returncode
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    record = json.loads((out / "record.json").read_text())
    return {
        "rows": count, "code": code, "wall": wall, "megabytes": path.stat().st_size / 1e6,
        "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "peak": after.ru_maxrss / 1e6, "verdict": record["verdict"],
        "flagged": record["counts"]["flagged"], "attack": record["counts"]["attack"],
        "stages": {s["name"]: s["seconds"] for s in record["stages"]},
    }  # fmt: skip


def report(runs):
    cores = len(os.sched_getaffinity(0))
    lines = [
        "# What a scan costs as rows grow\n",
        f"`python benchmarks/scale.py`, {datetime.now(UTC).date()}, {platform.machine()}, {cores} "
        f"cores, load {os.getloadavg()[0]:.0f} at the end, Python {platform.python_version()}.\n",
        "| rows | MB | wall s | CPU s | CPU µs a row | peak GB | verdict | attack | flagged |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['rows']:,} | {r['megabytes']:.1f} | {r['wall']:.0f} | {r['cpu']:.0f} | "
        f"{1e6 * r['cpu'] / r['rows']:.0f} | {r['peak']:.2f} | {r['verdict']} | {r['attack']} | "
        f"{r['flagged']:,} |"
        for r in runs
    ]
    names = dict.fromkeys(name for r in runs for name in r["stages"])
    lines += [
        "\n## Seconds a stage\n",
        "| stage | " + " | ".join(f"{r['rows']:,}" for r in runs) + " |",
    ]
    lines += ["|---" * (len(runs) + 1) + "|"]
    for name in names:
        seconds = [r["stages"].get(name, 0.0) for r in runs]
        if max(seconds) >= 0.5:
            lines.append(f"| {name} | " + " | ".join(f"{s:.1f}" for s in seconds) + " |")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "scale.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", default="10000,100000,1000000")
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        for count in map(int, parser.parse_args().rows.split(",")):
            runs.append(measured(count, Path(folder)))
            print(json.dumps(runs[-1]), flush=True)
            report(runs)


if __name__ == "__main__":
    main()
