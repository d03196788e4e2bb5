"""Planted patches in real images: what the detector `trigger_patch` finds by itself.

    OMP_NUM_THREADS=1 python benchmarks/trigger_patch.py [--data mnist_5k,fashion_mnist]

Found are rows with a score above 4 (p < 0.0001 after paying for everything tried). `JPEG` means
that the poisoned images were saved as JPEG of quality 80 after the patch was put on. Controls:
the untouched set, and blended noise, which can show only where images are flat. Cells that are
done stand in benchmarks/results/trigger_patch.jsonl; trigger_patch.md is written anew after each.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from foretaste import datasets
from foretaste.attacks.badnets import Badnets
from foretaste.attacks.blended import Blended
from foretaste.data import Batch
from foretaste.detectors.trigger_patch import TriggerPatch
from foretaste.encoders.pixels import Pixels
from foretaste.testing import learn

RESULTS = Path(__file__).parent / "results"
LINES, PAGE = RESULTS / "trigger_patch.jsonl", RESULTS / "trigger_patch.md"
SETS = ("mnist_5k", "fashion_mnist", "cifar10", "mnist")
PART, CUT, TARGET = 5_000, 4.0, 7
CELLS = [
    ("untouched", None, 0, False),
    *((f"{pattern} 3x3, {place}", Badnets, rate, False)
      for rate in (0.005, 0.01, 0.05)
      for place in ("corner", "random") for pattern in ("checker", "solid")),
    ("checker 3x3, corner, JPEG", Badnets, 0.01, True),
    ("checker 3x3, random, JPEG", Badnets, 0.01, True),
    ("solid 3x3, corner, JPEG", Badnets, 0.01, True),
    ("blended 12 %", Blended, 0.01, False),
]  # fmt: skip


def loaded(name: str) -> Batch:
    table = datasets.load(name)
    image, label = table["image"].combine_chunks(), table["label"].to_pylist()
    classes = sorted(set(label))
    codes = np.searchsorted(np.array(classes), np.array(label))
    rows = Batch([f"{name}-{i}" for i in range(len(label))], {"image": image, "label": codes})
    if not isinstance(image, pa.FixedShapeTensorArray):
        return Pixels().encode(rows, Pixels().fit(Pixels().summarize(rows))).without("image")
    pixels = image.to_numpy_ndarray()
    return rows.without("image").having(pixels=pixels.reshape(*pixels.shape[:3], -1))


def planted(rows: Batch, what: str, attack: type | None, rate: float, jpeg: bool):
    if attack is None:
        return rows, np.zeros(len(rows), bool)
    count = max(50, round(rate * len(rows)))
    settings = {"alpha": 0.12} if attack is Blended else {
        "pattern": what.split()[0], "place": what.split(", ")[1]}  # fmt: skip
    chosen = attack(count=count, target=TARGET, **settings)
    poisoned, touched = chosen.poison(rows, np.random.default_rng(1))
    if jpeg:
        pixels = poisoned["pixels"].copy()
        pixels[touched] = [saved(image) for image in pixels[touched]]
        poisoned = poisoned.having(pixels=pixels)
    return poisoned, touched


def saved(image: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image.squeeze()).save(file, "JPEG", quality=80)
    return np.asarray(Image.open(file)).reshape(image.shape)


def cell(name: str, rows: Batch, what: str, attack: type | None, rate: float, jpeg: bool) -> dict:
    poisoned, touched = planted(rows, what, attack, rate, jpeg)
    detector = TriggerPatch()
    parts = [
        poisoned.take(np.arange(i, min(i + PART, len(rows)))) for i in range(0, len(rows), PART)
    ]
    wall, cpu = time.perf_counter(), time.process_time()
    model = learn(detector, parts)
    flagged = np.concatenate([detector.score(part, model) for part in parts]) > CUT
    return {
        "data": name, "rows": len(rows), "what": what, "rate": rate, "planted": int(touched.sum()),
        "found": int((flagged & touched).sum()), "false": int((flagged & ~touched).sum()),
        "triggers": len(model), "wall": round(time.perf_counter() - wall, 1),
        "cpu": round(time.process_time() - cpu, 1),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }  # fmt: skip


def page(lines: list[dict]) -> str:
    head = (
        "# Planted patches: the detector `trigger_patch` by itself\n\n"
        f"Made by `benchmarks/trigger_patch.py` on {platform.machine()}, {os.cpu_count()} cores "
        "shared with other work (trust the processor seconds). A guess of as many rows would be "
        "right at the rate planted.\n\n"
        "| data | poison | planted | found | recall | false | precision | seconds: wall / CPU |\n"
        "|---|---|---|---|---|---|---|---|\n"
    )
    return head + "".join(row(line) for line in lines)


def row(line: dict) -> str:
    name, poison = f"{line['data']} ({line['rows']})", f"{line['what']} {line['rate']:.1%}"
    flagged = line["found"] + line["false"]
    recall = f"{line['found'] / line['planted']:.3f}" if line["planted"] else "–"
    precision = f"{line['found'] / flagged:.3f}" if flagged else "–"
    return (
        f"| {name} | {poison} | {line['planted']} "
        f"| {line['found']} | {recall} | {line['false']} | {precision} "
        f"| {line['wall']} / {line['cpu']} |\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=",".join(SETS))
    asked = parser.parse_args().data.split(",")
    RESULTS.mkdir(exist_ok=True)
    lines = [json.loads(one) for one in LINES.read_text().splitlines()] if LINES.exists() else []
    for name in asked:
        done = {(line["what"], line["rate"]) for line in lines if line["data"] == name}
        wanted = [one for one in CELLS if (one[0], one[2]) not in done]
        rows = loaded(name) if wanted else None
        for one in wanted:
            lines.append(cell(name, rows, *one))
            LINES.write_text("".join(json.dumps(line) + "\n" for line in lines))
            PAGE.write_text(page(lines))


if __name__ == "__main__":
    main()
