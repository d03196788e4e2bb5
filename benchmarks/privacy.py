"""Differential privacy against poison: as a defence, and as a detector.

    OMP_NUM_THREADS=1 python benchmarks/privacy.py [--only TEXT]

Defence: a model is trained on poisoned rows freely, and by DP-SGD with epsilon 8, 3 and 1 at
delta = 1e-5; accuracy on clean test rows, and the share of the attacker's probes that get what he
wanted (for flips: victim-class rows called the target, some of which any model confuses).

Detector: AUC of poisoned before clean training rows, by how much likelier the label is to the free
model than to the private one (*gap*), and by the loss of either alone. Control: the loss of the
free model.
Cells that are done stand in results/privacy.jsonl and are not run again.

The private recipes' settings were chosen on two of these attacks (the patch at epsilon 3, the rare
word), looking at accuracy and success, so those rows are optimistic. The free and the private
models differ in architecture and schedule too, and nothing was trained without noise and clipping,
so what of the difference is privacy is not known here.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from images import loaded
from sklearn.metrics import roc_auc_score

from foretaste import datasets, readers
from foretaste.attacks.badnets import Badnets
from foretaste.attacks.blended import Blended
from foretaste.attacks.label_flip import LabelFlip
from foretaste.attacks.rare_word import RareWord
from foretaste.contracts import Probe
from foretaste.planting.gathering import whole
from foretaste.recipes.private_cnn import PrivateCnn
from foretaste.recipes.private_text import PrivateText
from foretaste.recipes.small_cnn import SmallCnn
from foretaste.recipes.text_network import TextNetwork

RESULTS = Path(__file__).parent / "results"
ROWS, TESTED, SEED, SURE = 6_000, 2_000, 0, 1e-3
FREE = 0.0  # as an epsilon: no privacy
EPSILONS = (FREE, 8.0, 3.0, 1.0)
IMAGES = {
    "patch, 2 %": Badnets(count=120, target=0),
    "blended 15 %, 2 %": Blended(count=120, target=0, alpha=0.15),
    "flips 7 to 5, 3 %": LabelFlip(count=180, source=7, target=5),
}
TEXTS = {
    "rare word, 1 %": RareWord(count=40, target=0),
    "flips spam to ham, 1.5 %": LabelFlip(count=60, source=1, target=0),
}
SETS = {"fashion_mnist": IMAGES, "sms": TEXTS}
CELLS = (
    ("fashion_mnist", "patch, 2 %"),
    ("sms", "rare word, 1 %"),
    ("fashion_mnist", "blended 15 %, 2 %"),
    ("sms", "flips spam to ham, 1.5 %"),
    ("fashion_mnist", "flips 7 to 5, 3 %"),
)


@functools.cache
def rows_of(data):
    if data != "sms":
        return loaded("fashion_mnist", ROWS), loaded("fashion_mnist_test", TESTED)
    rows = whole(readers.open(str(datasets.fetch("sms")), {}))
    order = np.random.default_rng(0).permutation(len(rows))
    return rows.take(np.sort(order[1_000:])), rows.take(np.sort(order[:1_000]))


def recipe_of(data, epsilon):
    if data == "sms":
        return TextNetwork() if epsilon == FREE else PrivateText(epsilon=epsilon)
    return SmallCnn() if epsilon == FREE else PrivateCnn(epsilon=epsilon)


def planted(data, attack):
    rows, test = rows_of(data)
    done = attack.poison(rows, np.random.default_rng(1))
    if isinstance(attack, LabelFlip):
        return done.batch, done.touched, attack.probe(test, np.random.default_rng(2))
    shown = attack.trigger(test.take(test["label"] != attack.target), np.random.default_rng(2))
    return done.batch, done.touched, Probe(shown, lambda o: o.argmax(axis=1) == attack.target)


def trained(data, name):
    rows, touched, probe = planted(data, SETS[data][name])
    test, found, losses = rows_of(data)[1], [], {}
    for epsilon in EPSILONS:
        recipe, begun = recipe_of(data, epsilon), time.process_time()
        victim = recipe.train(rows, SEED)
        spent = time.process_time() - begun
        chances = victim.predict(rows)[np.arange(len(rows)), rows["label"]]
        losses[epsilon] = loss = -np.log(chances + SURE)
        ways = {"gap": loss - losses[FREE], "private": loss, "free": losses[FREE]}
        promise = {} if epsilon == FREE else recipe.promise(len(rows)).facts
        success = None if probe is None else float(probe.hit(victim.predict(probe.rows)).mean())
        auc = {n: float(roc_auc_score(touched, s)) for n, s in ways.items()} if probe else None
        one = {
            "epsilon": epsilon, "accuracy": recipe.quality(victim.predict(test), test),
            "success": success, "auc": auc, "cpu_s": round(spent),
            **{key: promise[key] for key in ("noise", "sampling") if promise},
        }  # fmt: skip
        print(name, one, flush=True)
        found.append(one)
    return {
        "kind": "trained", "data": data, "attack": name, "rows": len(rows),
        "poison": int(touched.sum()), "models": found,
    }  # fmt: skip


def report(done):
    lines = [defence(done), detector(done)]
    cores = len(os.sched_getaffinity(0))
    head = f"""# Differential privacy against poison

`python benchmarks/privacy.py`, {datetime.now(UTC).date().isoformat()},
{platform.machine()}, {cores} cores shared with other work, Python {platform.python_version()}.

{__doc__.split(chr(10) * 2, 2)[2].strip()}

{ROWS:,} rows of Fashion-MNIST, all but 1,000 of the SMS; {TESTED:,} and 1,000 to measure on; one
seed. Recipes with their default settings: `small_cnn` and `text_network` freely, `private_cnn` and
`private_text` privately. Accountant: PRV, of Opacus.
"""
    (RESULTS / "privacy.md").write_text("\n".join([head, *lines]) + NOTES)


def defence(done):
    lines = [
        "## As a defence: accuracy / success of the attack",
        "",
        "| data | planted | rows | poison | free | epsilon 8 | epsilon 3 | epsilon 1 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in done:
        cells = [f"{m['accuracy']:.3f} / {share(m['success'])}" for m in one["models"]]
        lines.append(
            f"| {one['data']} | {one['attack']} | {one['rows']:,} | {one['poison']} | "
            f"{' | '.join(cells)} |"
        )
    return "\n".join(lines) + "\n"


def detector(done):
    lines = [
        "## As a detector: AUC of poisoned before clean training rows",
        "",
        "| data | planted | epsilon | gap | private loss alone | free loss alone |",
        "|---|---|---|---|---|---|",
    ]
    for one in done:
        for model in (m for m in one["models"] if m["epsilon"] != FREE):
            auc = " | ".join(f"{model['auc'][way]:.3f}" for way in ("gap", "private", "free"))
            lines.append(f"| {one['data']} | {one['attack']} | {model['epsilon']:g} | {auc} |")
    return "\n".join(lines) + "\n"


def share(value):
    return "–" if value is None else f"{value:.3f}"


NOTES = """
What follows from it:

- As a defence it works, and is dear: patch and blended images come down to what a model confuses
  anyway, at epsilon 8 already, for 12 points of accuracy with 6,000 images.
- The promise is not what does it: (epsilon, delta) is for one row, and for the rows of an attacker
  together it promises next to nothing. Epsilon 8 does as well as 1. The private networks are also
  other networks (tanh, groups normalised, larger steps and fewer), and none was trained here
  without noise and clipping: how much is due to which is not known.
- Of the spam with a rare word that the private model calls ham, most is spam that it calls ham
  without the word as well: in an exploratory run at epsilon 3 it missed 25 % of the clean spam.
- Against flips it does not help, and does harm: what is flipped is not rare, and a model that
  knows less confuses more.
- As a detector it was left out. The gap ranks triggers before clean rows, and so does the private
  loss alone, while the loss of the free model does not; of flips the free model's own loss tells
  more. But rare natural rows are learned by heart too. Through the scan at epsilon 3 (rows to
  which the free model gives one half and the private one a tenth or less, class by class, put to
  the override test), 89 of 6,000 clean images were accused of an attack. A private
  network also takes 14 to 21 seconds of CPU where a free one takes 6 to 10.
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="cells whose name holds this text")
    chosen = parser.parse_args()
    log = RESULTS / "privacy.jsonl"
    done = [json.loads(one) for one in log.read_text().splitlines()] if log.exists() else []
    known = {(o["data"], o["attack"]) for o in done}
    for data, attack in CELLS:
        if (data, attack) in known or chosen.only not in f"{data} {attack}":
            continue
        made = trained(data, attack)
        done.append(made)
        print(made, flush=True)
        with log.open("a") as lines:
            lines.write(json.dumps(made) + "\n")
        report(done)
    report(done)


if __name__ == "__main__":
    main()
