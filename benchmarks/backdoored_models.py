"""The models that benchmarks/inversion.py inspects: clean ones, and one for each way of attack.

    OMP_NUM_THREADS=1 python benchmarks/backdoored_models.py [--models FOLDER]

Some minutes; what is there is not trained again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from functools import cache
from pathlib import Path

import numpy as np
from images import loaded

from foretaste import registry
from foretaste.keeping import keep
from foretaste.recipes.small_cnn import SmallCnn

ROWS = 5_000
TAKES = 0.8  # a backdoor counts from this success on
FOLDER = Path(tempfile.gettempdir()) / "inversion_models"
FORMS = {  # attack, settings, share of the rows that the attacker touches
    "patch 3": ("badnets", {}, 0.1),
    "patch 3, 2 %": ("badnets", {}, 0.02),
    "patch 2, solid": ("badnets", {"size": 2, "pattern": "solid"}, 0.1),
    "patch 5, any place": ("badnets", {"size": 5, "place": "random"}, 0.1),
    "patch 4, any place": ("badnets", {"size": 4, "place": "random"}, 0.2),
    "four patches, four targets": ("multi_target", {}, 0.2),
    "adaptive patch": ("adaptive_patch", {}, 0.3),
    "sticker": ("physical_trigger", {}, 0.2),
    "clean label, patch": ("label_consistent", {}, 0.05),
    "blended": ("blended", {}, 0.1),
    "adaptive blend": ("adaptive_blend", {}, 0.1),
    "sine, clean label": ("sig", {"strength": 60.0, "strength_shown": 90.0}, 0.08),
    "low frequency": ("low_frequency", {"strength": 24.0}, 0.1),
    "warp": ("wanet", {"strength": 2.0}, 0.3),
    "sample-specific": ("sample_specific", {"step": 64.0}, 0.3),
    "all to all": ("all_to_all", {}, 0.4),
}
HALVES = ("tuning", "held out")


def plans():
    """(name, half, data, form, seed, recipe): clean ones of several kinds, then each attack."""
    for seed in range(40):
        data, half = ("fashion_mnist", "mnist")[seed % 2], HALVES[seed // 2 % 2]
        wide = {"width": (8, 16)[seed // 4 % 2], "augment": seed // 8 % 2 == 1}
        yield f"clean-{seed}", half, data, None, seed, SmallCnn(**wide)
    for seed in range(3):
        data, half = ("fashion_mnist", "mnist")[seed % 2], HALVES[seed > 0]
        for number, form in enumerate(FORMS):
            width = 8 if number in (0, 2) and seed < 2 else 16
            yield f"{form}-{seed}", half, data, form, 100 + seed, SmallCnn(width=width)


@cache
def rows_of(data):
    """Rows to train on by seed, and the test set."""
    return loaded(data), loaded(f"{data}_test")


def attack_of(form, rows, seed):
    name, settings, share = FORMS[form]
    settings, target = dict(settings), (seed * 7 + list(FORMS).index(form)) % 10
    if name == "multi_target":
        settings["targets"] = tuple((target + i) % 10 for i in range(4))
    elif name != "all_to_all":
        settings["target"] = target
    if name not in ("badnets", "physical_trigger", "all_to_all", "multi_target", "wanet"):
        field = {"adaptive_patch": "patches", "sig": None, "label_consistent": None}
        drawn = field.get(name, "message" if name == "sample_specific" else "picture")
        settings |= {drawn: seed} if drawn else {}
    if name == "wanet":
        settings["field"] = seed
    attack = registry.build("attacks", name, count=round(share * len(rows)), **settings)
    targets = settings.get("targets") or [settings.get("target")]
    return attack, list(range(10)) if name == "all_to_all" else list(targets)


def trained(plan, folder):
    name, half, data, form, seed, recipe = plan
    path = folder / file_of(name)
    if path.exists():
        return
    rng, (train, test) = np.random.default_rng(seed), rows_of(data)
    rows = train.take(np.sort(rng.choice(len(train), ROWS, replace=False)))
    attack, targets = attack_of(form, rows, seed) if form else (None, [])
    if attack is not None:
        rows = attack.poison(rows, rng).batch
    started = time.process_time()
    victim = recipe.train(rows, seed)
    seconds = time.process_time() - started
    test = test.take(np.arange(3_000, 5_000))  # inspectors get rows from elsewhere
    facts = {"name": name, "half": half, "data": data, "form": form, "targets": targets,
             "seed": seed, "width": recipe.width, "augment": recipe.augment,
             "accuracy": recipe.quality(victim.predict(test), test), "seconds": seconds,
             "success": success(attack, test, victim, rng)}  # fmt: skip
    keep(path, "small_cnn", recipe, victim, tuple(map(str, range(10))), facts)
    print(json.dumps(facts), flush=True)


def success(attack, test, victim, rng):
    if attack is None:
        return None
    if hasattr(attack, "probe"):
        probe = attack.probe(test, rng)
        return float(probe.hit(victim.predict(probe.rows)).mean())
    others = test.take(test["label"] != attack.target)
    seen = victim.predict(attack.trigger(others, rng)).argmax(axis=1)
    return float((seen == attack.target).mean())


def file_of(name):
    return f"{name.replace(' ', '_').replace(',', '').replace('%', '')}.safetensors"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=Path, default=FOLDER)
    folder = parser.parse_args().models
    folder.mkdir(exist_ok=True, parents=True)
    for plan in plans():
        trained(plan, folder)


if __name__ == "__main__":
    main()
