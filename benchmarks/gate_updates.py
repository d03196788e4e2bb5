"""Model updates on live windows: are clean ones used, bad ones refused, and can they be undone?

OMP_NUM_THREADS=1 PYTHONPATH=benchmarks python benchmarks/gate_updates.py

No gate stands before these windows, so that canaries and the look back are measured alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from foretaste import attacks, datasets, readers, registry
from foretaste.planting.gathering import whole
from foretaste.planting.naming import built
from foretaste.updates.canaries import Canaries, Tolerance
from foretaste.updates.history import History
from foretaste.updates.learning import Learner, learn, learnable
from foretaste.updates.pulling_back import pull_back
from foretaste.updates.triggers import known_triggers
from foretaste.updates.undoing import roll_back

RESULTS = Path(__file__).parent / "results"
SEEDS, WINDOWS = 5, 4
# data, recipe, window, target, a trigger that canaries know, attacks on the last window
STREAMS = {
    "sms": ("linear_text", 500, "ham", "rare_word:target=ham,word=cf"),
    "nsl_kdd": ("linear_table", 2_000, "normal", None),
}
PLANTED = {
    "sms": [
        ("label_flip", 0.05, {"target": "spam"}), ("label_flip", 0.2, {"target": "spam"}),
        ("rare_word", 0.05, {"word": "cf"}),
        ("rare_word", 0.05, {"word": "mn"}), ("sentence", 0.05, {}),
    ],
    "nsl_kdd": [("label_flip", 0.05, {}), ("label_flip", 0.2, {}), ("value_trigger", 0.05, {})],
}  # fmt: skip


class InMemory:
    """Windows without a gate."""

    def __init__(self):
        self.kept, self.aside = {}, {}

    def add(self, rows):
        digest = hashlib.sha256("".join(rows.ids).encode()).hexdigest()
        self.kept[digest] = rows
        return digest

    def digests(self):
        return list(self.kept)

    def rows(self, digest):
        return self.kept[digest]

    def set_aside(self, digests):
        moved = {one: self.kept.pop(one) for one in digests}
        self.aside.update(moved)
        return sum(map(len, moved.values()))


def parts(name, seed):
    """Trusted rows, windows, canaries, rows to measure on: none in two of them."""
    rows = whole(readers.open(str(datasets.fetch(name))))
    rows = rows.take(np.random.default_rng([seed, 1]).permutation(len(rows)))
    size = STREAMS[name][1]
    ends = np.cumsum([1_000, 1_000, 800, *[size] * WINDOWS])
    ends = ends[ends <= len(rows)]
    cut = [rows.take(np.arange(a, b)) for a, b in zip([0, *ends], ends, strict=False)]
    return cut[0], cut[1], cut[2], cut[3:]


def cell(name, seed, attack):
    recipe, _, target, known = STREAMS[name]
    trusted, clean, test, windows = parts(name, seed)
    rng = np.random.default_rng([seed, 2])
    kind, rate, settings = attack
    last, chosen = windows[-1], {"target": target, **settings}
    aim = chosen.pop("target")
    made = built(kind, last, count=round(rate * len(last)), target=aim, settings=chosen, rng=rng)
    poisoned = made.poison(last, rng)
    probe = attacks.probe(made, test, rng)
    canaries = Canaries(clean, known_triggers(clean, [known] if known else [], seed))
    learner = Learner(recipe, registry.build("recipes", recipe), trusted, seed)
    said = {"data": name, "seed": seed, "attack": kind, "rate": rate, "settings": settings}
    with tempfile.TemporaryDirectory() as folder:
        history, stored = History(Path(folder)), InMemory()
        said["clean"] = [learned(history, stored, learner, canaries, one) for one in windows[:-1]]
        used = history.in_use()
        said["poisoned"] = learned(history, stored, learner, canaries, poisoned.batch)
        newest = history.updates()[-1]
        said["blamed"] = newest.shadow is not None and not newest.shadow.admitted
        said["harm"] = measured(history.model(newest).victim, learner.recipe, test, probe)
        said |= looked_back(history, stored, trusted, poisoned)
        said["after_look_back"] = again(history, stored, learner, canaries, test, probe)
        good = 0 if used is None else used.number
        roll_back(history, stored, by="benchmark", why="poison", to=good)
        said["after_rollback"] = again(history, stored, learner, canaries, test, probe)
    return said


def looked_back(history, stored, trusted, poisoned):
    started = time.process_time()
    found = {one.record for one in pull_back(history, stored, trusted).found}
    bad = set(poisoned.batch.ids[poisoned.touched])
    spent = time.process_time() - started
    return {
        "look_back_s": spent,
        "found": len(found & bad),
        "bad": len(bad),
        "wrong": len(found - bad),
    }


def again(history, stored, learner, canaries, test, probe):
    """Learned anew from what may still be learned from; from trusted rows where that is nothing."""
    if not learnable(stored, history):
        victim = learner.recipe.train(learner.trusted, 0)
        return measured(victim, learner.recipe, test, probe)
    done = learn(history, stored, learner, canaries)
    told = measured(history.model(done).victim, learner.recipe, test, probe)
    return told | {"admitted": done.admitted}


def learned(history, stored, learner, canaries, window):
    stored.add(window)
    done = learn(history, stored, learner, canaries, Tolerance())
    return {"admitted": done.admitted, "reasons": list(done.guarded.reasons)}


def measured(victim, recipe, test, probe):
    success = None
    if probe is not None and len(probe.rows):
        success = float(np.mean(probe.hit(victim.predict(probe.rows))))
    return {"quality": float(recipe.quality(victim.predict(test), test)), "success": success}


def page(cells):
    head = [
        "# Model updates: used, refused, undone",
        "",
        "`OMP_NUM_THREADS=1 PYTHONPATH=benchmarks python benchmarks/gate_updates.py`, "
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores",
        f"shared with other work, Python {platform.python_version()}.",
        "",
        f"{SEEDS} seeds. 1,000 trusted rows, 1,000 canaries, {WINDOWS} windows at most, the",
        "last one poisoned; no gate before them. An update learns from all windows and is measured",
        "against the model in use and a shadow without the newest window (tolerances as they come:",
        "2 points of accuracy, 10 % of a known trigger, 95 % confidence). Of texts canaries know",
        "one trigger, the word *cf*; all others, and those of tables, they do not. *Look back*:",
        "`pull-back` over all windows, then learned anew.",
        "*Rollback*: the last clean update and its windows. *Refused* and *blamed* are by",
        "canaries, by the model in use and by the shadow. What canaries cannot see: a trigger",
        "that nobody knows (*mn*, the sentence, the value), and flips too few to cost two points;",
        "looking back finds most of these. ASR counts rows that a model gets wrong anyway: 0.2–0.3",
        "of texts.",
        "",
    ]
    clean = [one["admitted"] for c in cells for one in c["clean"]]
    head += [f"**Clean updates used: {sum(clean)} of {len(clean)}.**", ""]
    lines = [
        "| data | planted in the last window | refused | blamed | accuracy, ASR if used | "
        "found / wrong | after look back | after rollback | look back, s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    keys = dict.fromkeys(
        (c["data"], c["attack"], c["rate"], json.dumps(c["settings"])) for c in cells
    )
    for key in keys:
        mine = [
            c for c in cells
            if (c["data"], c["attack"], c["rate"], json.dumps(c["settings"])) == key
        ]  # fmt: skip
        refused = sum(not c["poisoned"]["admitted"] for c in mine)
        blamed = sum(c["blamed"] for c in mine)
        told = ", ".join(f"{n}={v}" for n, v in json.loads(key[3]).items())
        lines.append(
            f"| {key[0]} | {key[1]} {key[2]:.0%} {told} | {refused} of {len(mine)} | {blamed} | "
            f"{pair(mine, 'harm')} | {sum(c['found'] for c in mine)} of "
            f"{sum(c['bad'] for c in mine)} / {sum(c['wrong'] for c in mine)} | "
            f"{pair(mine, 'after_look_back')} | "
            f"{pair(mine, 'after_rollback')} | {np.mean([c['look_back_s'] for c in mine]):.0f} |"
        )
    return "\n".join([*head, *lines, ""])


def pair(cells, name):
    quality = np.mean([c[name]["quality"] for c in cells])
    success = [c[name]["success"] for c in cells]
    told = "–" if success[0] is None else f"{np.mean(success):.2f}"
    return f"{quality:.3f}, {told}"


def main():
    path = RESULTS / "gate_updates.jsonl"
    done = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    ran = {(c["data"], c["seed"], c["attack"], c["rate"], json.dumps(c["settings"])) for c in done}
    for seed in range(SEEDS):
        for name in STREAMS:
            for attack in PLANTED[name]:
                if (name, seed, attack[0], attack[1], json.dumps(attack[2])) in ran:
                    continue
                done.append(cell(name, seed, attack))
                with path.open("a") as file:
                    file.write(json.dumps(done[-1]) + "\n")
                (RESULTS / "gate_updates.md").write_text(page(done))
                print(done[-1], flush=True)


if __name__ == "__main__":
    main()
