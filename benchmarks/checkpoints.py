"""What the checkpoint inspectors find among hostile and clean files, and what they cost.

`python benchmarks/checkpoints.py [MODEL …]`: files and folders named are clean models to look at.
Writes results/checkpoints.md. Everything hostile is written by `tests/inspecting/zoo.py`.
"""

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import safetensors.numpy

HOME = Path(__file__).parent.parent
sys.path.insert(0, str(HOME))

from foretaste import inspect, registry  # noqa: E402
from foretaste.attacks.weight_tampering import WeightTampering  # noqa: E402
from foretaste.inspectors.parent_difference import ParentDifference  # noqa: E402
from foretaste.trained import Subject  # noqa: E402
from tests.inspecting import zoo  # noqa: E402

PEER = """
import json, sys, time
from pathlib import Path
from modelaudit_picklescan import PickleScanner, ScanOptions
for name in sorted(Path(sys.argv[1]).iterdir()):
    scanner = PickleScanner(ScanOptions(timeout_s=30))
    report = scanner.scan_file(name, enrich_call_graph=False)
    print(json.dumps([name.name, report.verdict.value]), flush=True)
"""
LOOKS = [
    name
    for name in registry.names("inspectors")
    if registry.component("inspectors", name).needs == ("path",)
]
SEEDS = range(10)


def main():
    given = [Path(one).absolute() for one in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        cost = speed(Path(folder))
        parts = [detection(Path(folder)), models(given), edits(Path(folder)), cost]
    head = (
        "# Checkpoint inspectors\n\n"
        f"Made by `benchmarks/checkpoints.py` on {datetime.now(UTC):%Y-%m-%d}, "
        f"{platform.machine()}, {os.cpu_count()} cores shared with other work, one thread.\n"
    )
    text = "\n".join([head, *parts])
    (HOME / "benchmarks/results/checkpoints.md").write_text(text)
    print(text)


def families():
    groups = {
        "pickles": zoo.PICKLES,
        "archives": zoo.ARCHIVES,
        "headers and numbers": zoo.HEADERS,
        "code, templates, operators": zoo.PROGRAMS,
    }
    every = zoo.hostile()
    named = {family: list(members) for family, members in groups.items()}
    named["`malicious_pickle`, all settings"] = [n for n in every if n.startswith("forged_")]
    return {family: {name: every[name] for name in names} for family, names in named.items()}


def written(folder, files):
    folder.mkdir()
    for name, write in files.items():
        write(folder / name)
    return folder


def ours(folder):
    begun = time.perf_counter()
    found = inspect(folder, inspectors=LOOKS)
    worst = {}
    for one in reversed(found.suspicions):
        worst[one.file] = one.severity.value
    return worst, time.perf_counter() - begun


def peer(folder):
    begun = time.perf_counter()
    words = [sys.executable, "-P", "-c", PEER, str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=1_800)
    said = dict(json.loads(line) for line in done.stdout.splitlines())
    return said, time.perf_counter() - begun


def detection(folder):
    lines = [
        "## Hostile and clean files\n",
        "Found: at least a warning. modelaudit-picklescan 0.1.12 by itself, without its call "
        "graphs, as it comes: found where its verdict is suspicious or malicious, *cannot tell* "
        "where it is unknown. It is a scanner of pickles, so only the first and the last hostile "
        "row are its trade. The clean files are what libraries write: safetensors, torch (state, "
        "whole module, optimiser, old format, TorchScript), scikit-learn by joblib (4 packings) "
        "and pickle (protocols 0, 2, 5), numpy, ONNX, GGUF, Keras, HDF5, configurations. The "
        "rules were written with these files at hand, so the counts say what is covered, not "
        "what share of unseen attacks would be found. Seconds are by the clock, with other work "
        "beside.\n",
        "| files | n | found | of those critical | s a file | peer: found | cannot tell "
        "| s a file |",
        "|---|---|---|---|---|---|---|---|",
    ]
    packings = (0, ("gzip", 3), ("bz2", 3), ("xz", 3))
    groups = {**families(), "clean": zoo.clean(packings, (0, 2, 5))}
    for place, (family, files) in enumerate(groups.items()):
        where = written(folder / str(place), files)
        worst, seconds = ours(where)
        said, peers = peer(where)
        counted, by_peer = Counter(worst.values()), Counter(said.values())
        found = counted["critical"] + counted["warning"]
        n = len(files)
        their = by_peer["suspicious"] + by_peer["malicious"]
        lines.append(
            f"| {family} | {n} | {found} | {counted['critical']} | {seconds / n:.2f} "
            f"| {their} | {by_peer['unknown'] + n - len(said)} | {peers / n:.2f} |"
        )
    ran = list(folder.rglob(zoo.MARKER))
    lines.append(f"\nMarkers that anything ran: {len(ran)}.\n")
    return "\n".join(lines)


def models(paths):
    lines = [
        "## Real models and templates\n",
        "The rules for chat templates were adapted to those here: that none is accused says "
        "little.\n",
        "| model | MB | verdict | notes | s |",
        "|---|---|---|---|---|",
    ]
    for path in paths:
        begun = time.perf_counter()
        found = inspect(path, inspectors=LOOKS)
        seconds = time.perf_counter() - begun
        graver = [one.reason[:80] for one in found.suspicions if one.severity.value != "note"]
        lines.append(
            f"| {path.name} | {found.bytes / 1e6:.0f} | {found.verdict.value} "
            f"{'; '.join(graver[:3])} | {len(found.suspicions) - len(graver)} | {seconds:.1f} |"
        )
    return "\n".join(lines) + "\n"


def rounded(array):
    bits = np.ascontiguousarray(array, "f4").view("u4")
    return ((bits + 0x8000) & 0xFFFF0000).view("f4")


def base(rng):
    layers = {
        f"l.{i}.{part}.weight": 0.02 * rng.standard_normal((256, 512))
        for i in range(8)
        for part in ("q", "v", "up", "down")
    }
    layers["embedding.weight"] = 0.02 * rng.standard_normal((4_000, 256))
    layers["head.weight"] = 0.02 * rng.standard_normal((10, 256))
    return {name: rounded(one) for name, one in layers.items()}


def low_rank(rng, rank, size):
    step = rng.standard_normal((256, rank)) @ rng.standard_normal((rank, 512))
    return size * step / np.sqrt(rank)


def trained(new, rng, size=0.0005):
    for one in new.values():
        one += size * rng.standard_normal(one.shape).astype("f4")


def rome(new, rng, size=0.001):
    name = f"l.{rng.integers(8)}.down.weight"
    new[name] = rounded(new[name] + low_rank(rng, 1, size))


def trained_and_rome(new, rng):
    trained(new, rng)
    rome(new, rng, 0.005)


def memit(new, rng):
    for i in (2, 3):
        name = f"l.{i}.down.weight"
        new[name] = rounded(new[name] + low_rank(rng, 3, 0.002))


def adapter(new, rng, rank=8):
    for i in range(8):
        for part in "qv":
            name = f"l.{i}.{part}.weight"
            new[name] = rounded(new[name] + low_rank(rng, rank, 0.002))


def planted_words(new, rng):
    rows = rng.choice(4_000, 3, replace=False)
    new["embedding.weight"][rows] += 0.02 * rng.standard_normal((3, 256)).astype("f4")


def head_row(new, rng):
    new["head.weight"][3, :64] += 0.02 * rng.standard_normal(64).astype("f4")


def head(new, rng):
    new["head.weight"] += 0.01 * rng.standard_normal((10, 256)).astype("f4")


def upper_layers(new, rng):
    for name in new:
        if name.startswith(("l.6", "l.7", "head")):
            new[name] += 0.0005 * rng.standard_normal(new[name].shape).astype("f4")


def flips(count, bit):
    def flipped(new, rng):
        name = f"l.{rng.integers(8)}.up.weight"
        attack = WeightTampering(flips=count, choose="random", bit=bit)
        new[name] = attack.flipped(new[name].ravel(), rng).reshape(new[name].shape)

    return flipped


EDITS = {
    "nothing": lambda new, rng: None,
    "all layers trained on": trained,
    "all layers trained on, ten times as far": lambda new, rng: trained(new, rng, 0.005),
    "adapter of rank 8 merged into q and v": adapter,
    "adapter of rank 2 merged into q and v": lambda new, rng: adapter(new, rng, 2),
    "the upper two layers trained on": upper_layers,
    "head trained anew": head,
    "one matrix edited by rank 1 (5 % of its norm), in bfloat16": rome,
    "one matrix edited by rank 1 (1 %), in bfloat16": lambda new, rng: rome(new, rng, 0.0002),
    "two matrices edited by rank 3, in bfloat16": memit,
    "rank 1 (25 %) on top of training on": trained_and_rome,
    "3 rows of the embedding": planted_words,
    "64 weights of one class": head_row,
    "1 random bit": flips(1, "any"),
    "10 random bits": flips(10, "any"),
    "10 signs": flips(10, "sign"),
}


def edits(folder):
    lines = [
        "## Differences to a parent\n",
        f"34 random matrices as of a small transformer, {len(SEEDS)} seeds of each edit; how bad "
        "the worst suspicion is.\n",
        "| change | critical | warning | note | nothing |",
        "|---|---|---|---|---|",
    ]
    old, path = folder / "old.safetensors", folder / "new.safetensors"
    for title, edit in EDITS.items():
        counted = Counter()
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            parent = base(rng)
            new = {name: one.copy() for name, one in parent.items()}
            edit(new, rng)
            safetensors.numpy.save_file(parent, old)
            safetensors.numpy.save_file(new, path)
            found = ParentDifference().inspect(Subject(path=path, parent=old))
            severities = {one.severity.value for one in found}
            ranked = ("critical", "warning", "note")
            counted[next((one for one in ranked if one in severities), "nothing")] += 1
        cells = " | ".join(str(counted[one]) for one in ("critical", "warning", "note", "nothing"))
        lines.append(f"| {title} | {cells} |")
    return "\n".join(lines) + "\n"


def speed(folder):
    import torch

    rng = np.random.default_rng(0)
    big = {f"l.{i}.w": rng.standard_normal((4_096, 4_096), np.float32) for i in range(15)}
    parent = folder / "parent.safetensors"
    safetensors.numpy.save_file(big, parent)
    torch.save({name: torch.from_numpy(one) for name, one in big.items()}, folder / "big.pt")
    half = {name: torch.from_numpy(one).bfloat16() for name, one in big.items()}
    torch.save(half, folder / "half.pt")
    for one in big.values():
        one += 0.01 * rng.standard_normal(one.shape, np.float32)
    safetensors.numpy.save_file(big, folder / "big.safetensors")
    del big, half
    lines = [
        "## Time a gigabyte\n",
        "Each in a process apart, its start included; trust the processor seconds, other work ran "
        "beside. For `parent_difference` every number of the parent was changed.\n",
        "| file | GB | inspector | s: wall | processor | processor s a GB |",
        "|---|---|---|---|---|---|",
    ]
    for name in ("big.safetensors", "big.pt", "half.pt"):
        size = (folder / name).stat().st_size / 1e9
        for look in [*LOOKS, "digest", *(["parent_difference"] if "safe" in name else [])]:
            wall, spent = timed(Subject(path=folder / name, parent=parent, digest="0" * 64), look)
            cells = f"{size:.2f} | {look} | {wall:.1f} | {spent:.2f} | {spent / size:.2f}"
            lines.append(f"| {name} | {cells} |")
    for path in (parent, *folder.glob("*.pt"), folder / "big.safetensors"):
        path.unlink()
    return "\n".join(lines) + "\n"


def timed(subject, name):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    (run,) = inspect(subject, inspectors=[name]).inspectors
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return run.seconds, spent


if __name__ == "__main__":
    main()
