"""Published detectors of poisoned training images on the same networks, as candidates.

    OMP_NUM_THREADS=1 PYTHONPATH=benchmarks python benchmarks/candidates.py [--only TEXT]

A cell is an attack at a rate on 10,000 rows, and a network trained on them, plainly or with SAM.
Every method in benchmarks/candidates/ looks at that network. What is done stands in
benchmarks/results/candidates.jsonl and is not run again; candidates.md is written after each cell.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from candidates import (
    abl,
    activation_clustering,
    agpd,
    beatrix,
    cognitive_distillation,
    coherence,
    controls,
    dao,
    deep_knn,
    flare,
    network,
    promoted,
    scan,
    spectral_signatures,
    spectre,
    strip,
)
from candidates.page import write
from images import loaded
from sklearn.metrics import precision_recall_curve, roc_auc_score

from foretaste.attacks import probe
from foretaste.attacks.adaptive_blend import AdaptiveBlend
from foretaste.attacks.adaptive_patch import AdaptivePatch
from foretaste.attacks.all_to_all import AllToAll
from foretaste.attacks.badnets import Badnets
from foretaste.attacks.blended import Blended
from foretaste.attacks.label_consistent import LabelConsistent
from foretaste.attacks.low_frequency import LowFrequency
from foretaste.attacks.multi_target import MultiTarget
from foretaste.attacks.sample_specific import SampleSpecific
from foretaste.attacks.sig import Sig
from foretaste.attacks.wanet import Wanet

RESULTS = Path(__file__).parent / "results"
ROWS, TESTED, TRUSTED, SHARPNESS = 10_000, 2_000, 200, 0.05
METHODS: dict[str, Callable[..., Any]] = {
    "random": controls.guess,
    "perfect": controls.perfect,
    "spectral signatures": spectral_signatures.judge,
    "activation clustering": activation_clustering.judge,
    "SCAn": scan.judge,
    "SPECTRE": spectre.judge,
    "Beatrix": beatrix.judge,
    "STRIP": strip.judge,
    "ABL": abl.judge,
    "AGPD": agpd.judge,
    "AGPD, no trusted rows": agpd.untrusted,
    "FLARE-like": flare.judge,
    "FLARE, a number a layer": flare.published,
    "deep k-NN": deep_knn.judge,
    "gradient coherence": coherence.judge,
    "k-distance": dao.of_distance,
    "SLOF": dao.of_slof,
    "DAO": dao.of_dao,
    "cognitive distillation": cognitive_distillation.judge,
    "promoted": promoted.judge,
}
FLIPPED: dict[str, tuple[Callable[[int], Any], float]] = {  # and the share that keeps its labels
    "badnets": (lambda count: Badnets(count=count, target=0), 0),
    "blended": (lambda count: Blended(count=count, target=0), 0),
    "wanet": (lambda count: Wanet(count=count, target=0), 1 / 2),
    "adaptive_blend": (lambda count: AdaptiveBlend(count=count, target=0), 1 / 2),
    "adaptive_patch": (lambda count: AdaptivePatch(count=count, target=0), 2 / 3),
    "low_frequency": (lambda count: LowFrequency(count=count, target=0), 0),
    "sample_specific": (lambda count: SampleSpecific(count=count, target=0), 0),
    "all_to_all": (lambda count: AllToAll(count=count), 0),
    "multi_target": (lambda count: MultiTarget(count=count, targets=(0, 3, 7)), 0),
}
CLEAN_LABEL: dict[str, Callable[[int], Any]] = {
    "sig": lambda count: Sig(count=count, target=0),
    "label_consistent": lambda count: LabelConsistent(count=count, target=0),
}


@dataclass(frozen=True)
class Cell:
    """rate: of rows whose label is wrong; of a clean-label attack half of it, of all rows."""

    data: str
    attack: str
    rate: float
    sam: float = 0.0
    imbalance: int = 1  # rows of the largest class for one of the smallest
    seed: int = 0

    @property
    def name(self) -> str:
        return " ".join(str(one) for one in asdict(self).values())


def cells() -> list[Cell]:
    first = ("badnets", "blended", "sig", "wanet", "adaptive_blend")
    later = [n for n in (*FLIPPED, *CLEAN_LABEL) if n not in first]
    found = [Cell("fashion_mnist", "none", 0.0)]
    found += [Cell("fashion_mnist", n, rate) for rate in (0.1, 0.01) for n in first]
    found += [Cell("fashion_mnist", n, 0.1) for n in later]
    found += [Cell("fashion_mnist", n, 0.1, sam=SHARPNESS) for n in first]
    found += [Cell("fashion_mnist", "none", 0.0, sam=SHARPNESS)]
    found += [Cell("fashion_mnist", n, 0.01) for n in later]
    found += [
        Cell("fashion_mnist", n, 0.0 if n == "none" else 0.1, seed=1)
        for n in ("none", "sig", "adaptive_blend")
    ]
    found += [
        Cell("fashion_mnist", n, 0.0 if n == "none" else 0.1, imbalance=10)
        for n in ("none", "badnets", "sig")
    ]
    found += [Cell("fashion_mnist", n, 0.001) for n in ("badnets", "blended")]
    found += [
        Cell("cifar10", "none", 0.0),
        Cell("cifar10", "sig", 0.1),
        Cell("cifar10", "wanet", 0.1),
    ]
    return found


@cache
def rows_of(data: str, imbalance: int, seed: int) -> tuple[Any, Any, Any]:
    """Rows to poison, to test on, and trusted ones."""
    every, test = loaded(data), loaded(f"{data}_test")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(every))
    label = every["label"][order]
    k = label.max() + 1
    share = float(imbalance) ** (-np.arange(k)[::-1] / (k - 1))  # class 0, the target, is rarest
    share *= ROWS / share.sum()
    place = np.array([np.cumsum(label == one) for one in range(k)])[label, np.arange(len(label))]
    chosen = order[place <= share.round()[label]]
    shuffled = rng.permutation(len(test))
    return (
        every.take(np.sort(chosen)),
        test.take(shuffled[:TESTED]),
        test.take(shuffled[TESTED : TESTED + TRUSTED]),
    )


def poisoned(cell: Cell) -> tuple[Any, Any, Any, Any]:
    """The rows, which were poisoned, which were touched and keep their labels, the attack."""
    rows, *_ = rows_of(cell.data, cell.imbalance, cell.seed)
    nobody = np.zeros(len(rows), bool)
    if cell.attack == "none":
        return rows, nobody, nobody, None
    if cell.attack in CLEAN_LABEL:
        of_target = int((rows["label"] == 0).sum())
        count = min(round(cell.rate * (0.5 if cell.rate > 0.05 else 1) * len(rows)), of_target // 2)
        attack = CLEAN_LABEL[cell.attack](count)
    else:
        make, cover = FLIPPED[cell.attack]
        attack = make(round(cell.rate * len(rows) / (1 - cover)))
    after, touched = attack.poison(rows, np.random.default_rng(cell.seed + 1))
    changed = touched & (after["label"] != rows["label"])
    truth = changed if changed.any() else touched
    return after, truth, touched & ~truth, attack


def learned(cell: Cell, pixels: Any, labels: Any) -> tuple[Any, Any, float]:
    """The network, the losses as it learned, and the CPU seconds that took."""
    kept = Path(tempfile.gettempdir()) / "foretaste-candidates" / f"{cell.name}.pt"
    net = network.fresh(pixels.shape[1:], int(labels.max()) + 1, seed=cell.seed)
    if kept.exists():
        held = torch.load(kept, weights_only=True)
        net.load_state_dict(held["weights"])
        return net, held["losses"].numpy(), held["seconds"]
    started = time.process_time()
    losses = network.train(net, pixels, labels, sharpness=cell.sam)
    seconds = time.process_time() - started
    kept.parent.mkdir(exist_ok=True)
    held = {"weights": net.state_dict(), "losses": torch.tensor(losses), "seconds": seconds}
    torch.save(held, kept)
    return net, losses, seconds


def seen_of(cell: Cell) -> tuple[Any, Any, dict[str, Any]]:
    """What a network shows of the rows of a cell, the covers, and facts about both."""
    rows, truth, covers, attack = poisoned(cell)
    _, test, trusted = rows_of(cell.data, cell.imbalance, cell.seed)
    pixels, labels = np.array(rows["pixels"]), np.array(rows["label"])
    net, losses, seconds = learned(cell, pixels, labels)
    started = time.process_time()
    clean = network.look(net, np.array(trusted["pixels"]), np.array(trusted["label"]))
    seen = network.look(net, pixels, labels, losses=losses, clean=clean, truth=truth)
    facts = {"train_s": seconds, "look_s": time.process_time() - started, "poisoned": truth.sum()}
    right = network.logits_of(net, test["pixels"]).argmax(axis=1) == test["label"]
    facts["accuracy"] = right.mean()
    if attack is not None:
        shown = probe(attack, test, np.random.default_rng(2))
        facts["success"] = shown.hit(network.logits_of(net, shown.rows["pixels"])).mean()
    return seen, covers, {name: float(value) for name, value in facts.items()}


def measured(method: Callable[..., Any], seen: Any, covers: Any) -> dict[str, Any]:
    started = time.process_time()
    score, flagged, *groups = method(seen)
    line: dict[str, Any] = {"seconds": time.process_time() - started}
    if groups:
        line["groups"] = groups[0]
    looked = np.isfinite(score)  # what costs too much looks at some rows only
    truth, clean = seen.truth & looked, ~seen.truth & ~covers & looked
    line["fpr"] = float(flagged[clean].mean())
    if not truth.any():
        return line
    line["tpr"] = float(flagged[truth].mean())
    if groups:  # two halves of a class score the same: that is no ranking
        return line
    asked = truth | clean
    line["auc"] = float(roc_auc_score(truth[asked], score[asked]))
    precision, recall, _ = precision_recall_curve(truth[asked], score[asked])
    line["f1"] = float(np.max(2 * precision * recall / np.maximum(precision + recall, 1e-9)))
    target = np.unique(seen.labels[truth])
    inside = asked & np.isin(seen.labels, target)
    line["auc_within"] = float(np.mean([
        roc_auc_score(truth[one], score[one])
        for k in target
        if (one := inside & (seen.labels == k)).any() and not truth[one].all()
    ]))  # fmt: skip
    return line


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="cells whose name holds this text")
    parser.add_argument("--methods", default="", help="those whose name holds one of these")
    parser.add_argument("--first", type=int, default=10**6, help="cells at most")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    log = RESULTS / "candidates.jsonl"
    for cell in [one for one in cells() if chosen.only in one.name][: chosen.first]:
        known = {one["method"] for one in read(log) if one["cell"] == asdict(cell)}
        wanted = [n for n in METHODS if any(one in n for one in chosen.methods.split(","))]
        missing = [n for n in wanted if n not in known]
        if not missing:
            continue
        seen, covers, facts = seen_of(cell)
        print(cell.name, facts, flush=True)
        for name in missing:
            line = measured(METHODS[name], seen, covers)
            print(f"  {name:26}", line, flush=True)
            today = datetime.now(UTC).date().isoformat()
            made = {"cell": asdict(cell), "method": name, **facts, **line, "date": today}
            with log.open("a") as lines:
                lines.write(json.dumps(made) + "\n")
    write(RESULTS / "candidates.md", read(log), [asdict(one) for one in cells()])


def read(log: Path) -> list[dict[str, Any]]:
    return [json.loads(one) for one in log.read_text().splitlines()] if log.exists() else []


if __name__ == "__main__":
    main()
