"""Does tracing an answer lead to the poison? Planted triggers and flips, real rows.

    OMP_NUM_THREADS=1 python benchmarks/influence.py [--seeds 2]

A model is trained on poisoned rows and asked why it takes triggered (or, for flips, victim) test
rows for the target; only answers that are wrong that way are asked about. Each way to trace gives
every training row a score for each answer. AUC: how often a poisoned row stands before a clean
one, mean over answers. Precision: the share of poison among as many top rows as there is poison.
Controls: random scores, and nearness in the hidden layer, with and without the same label.
Cells that are done stand in results/influence.jsonl and are not run again.
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
from foretaste.attacks.value_trigger import ValueTrigger
from foretaste.keeping import Kept
from foretaste.planting.gathering import whole
from foretaste.recipes.linear_table import LinearTable
from foretaste.recipes.linear_text import LinearText
from foretaste.recipes.small_cnn import SmallCnn
from foretaste.recipes.text_network import TextNetwork
from foretaste.summaries.influence import Pulls, gas, influence, settled, tracin
from foretaste.tracing import seen

RESULTS = Path(__file__).parent / "results"
ROWS, ASKED, TOP = 5_000, 50, 20
ALONE = ("self-influence", "concentration")
WAYS = ("influence", "gas", "tracin", "near, same label", "near", "random")


@functools.cache
def images():
    return loaded("fashion_mnist", ROWS), loaded("fashion_mnist_test", 2_000)


@functools.cache
def split(name):
    rows = whole(readers.open(str(datasets.fetch(name)), {}))
    order = np.random.default_rng(0).permutation(len(rows))[: ROWS + ROWS // 4]
    held = len(order) // 5
    return rows.take(np.sort(order[held:])), rows.take(np.sort(order[:held]))


CELLS = {
    "fashion_mnist, patch": (images, "small_cnn", SmallCnn(), Badnets(count=100, target=0)),
    "fashion_mnist, blended 15 %": (
        images, "small_cnn", SmallCnn(), Blended(count=150, target=0, alpha=0.15)
    ),
    "fashion_mnist, flips 7 to 5": (
        images, "small_cnn", SmallCnn(), LabelFlip(count=200, source=7, target=5)
    ),
    "fashion_mnist, flips 1 to 8": (
        images, "small_cnn", SmallCnn(), LabelFlip(count=200, source=1, target=8)
    ),
    "sms, rare word": (
        lambda: split("sms"), "text_network", TextNetwork(), RareWord(count=40, target=0)
    ),
    "sms, flips spam to ham": (
        lambda: split("sms"), "text_network", TextNetwork(),
        LabelFlip(count=60, source=1, target=0),
    ),
    "sms, rare word, linear": (
        lambda: split("sms"), "linear_text", LinearText(), RareWord(count=40, target=0)
    ),
    "sms, flips spam to ham, linear": (
        lambda: split("sms"), "linear_text", LinearText(),
        LabelFlip(count=60, source=1, target=0),
    ),
    "magic, value, linear": (
        lambda: split("magic"), "linear_table", LinearTable(), None
    ),
}  # fmt: skip


def asked(attack, test, victim):
    """The triggered (or victim) test rows that the model takes for the target."""
    if isinstance(attack, LabelFlip):
        rows = attack.probe(test, np.random.default_rng(2)).rows
    else:
        others = test.take(test["label"] != attack.target)
        rows = attack.trigger(others, np.random.default_rng(2))
    fooled = victim.predict(rows).argmax(axis=1) == attack.target
    return rows.take(np.flatnonzero(fooled)[:ASKED]), float(fooled.mean())


def scores(model, rows, queries, seed):
    """way -> (q, n), and the seconds each took beyond the hidden layer."""
    hidden, chances = seen(model, rows)
    ask, said = seen(model, queries)
    if hasattr(hidden, "indices"):  # n-grams that no row has move nothing
        used = np.unique(hidden.indices)
        hidden, ask = hidden.tocsr()[:, used], ask.tocsr()[:, used]
    have = Pulls.of(hidden, chances, rows["label"])
    pull = Pulls.of(ask, said, said.argmax(axis=1))
    alike = have.hidden @ pull.hidden.T
    alike = alike.toarray() if hasattr(alike, "toarray") else alike
    far = squares(pull.hidden)[:, None] + squares(have.hidden) - 2 * alike.T
    same = rows["label"] == said.argmax(axis=1)[:, None]

    def exact():
        moves = settled(pull, have, chances, model.recipe.penalty(len(rows)))
        return influence(moves, have)

    ways = {
        "gas": lambda: gas(pull, have, np.asarray(hidden.mean(axis=0)).ravel()),
        "tracin": lambda: tracin(pull, have),
        "near, same label": lambda: np.where(same, 0, -1e9) - far,
        "near": lambda: -far,
        "random": lambda: np.random.default_rng(seed).random(far.shape),
    }
    if hasattr(model.recipe, "penalty"):
        ways["influence"] = exact
    made, spent = {}, {}
    for name, way in ways.items():
        begun = time.process_time()
        made[name], spent[name] = way(), round(time.process_time() - begun, 2)
    return made, spent


def squares(hidden):
    of = hidden.multiply(hidden) if hasattr(hidden, "multiply") else np.square(hidden)
    return np.asarray(of.sum(axis=1)).ravel()


def alone(model, rows, truth):
    """As detectors, without any answer to trace: way -> AUC, precision at the number planted."""
    hidden, chances = seen(model, rows)
    have, label = Pulls.of(hidden, chances, rows["label"]), rows["label"]
    itself = (have.error**2).sum(axis=1) * (squares(hidden) + 1)
    gathered = np.zeros(len(label))
    for code in np.unique(label):
        mine = np.flatnonzero(label == code)
        own = Pulls(hidden[mine], have.error[mine])
        among = gas(own, own, np.asarray(hidden.mean(axis=0)).ravel())
        np.fill_diagonal(among, -1)
        most = np.sort(among, axis=1)
        gathered[mine] = most[:, -TOP:].mean(axis=1) - np.median(among, axis=1)
    found = {}
    for way, score in (("self-influence", itself), ("concentration", gathered)):
        top = truth[np.argsort(-score, kind="stable")[: truth.sum()]].mean()
        found[way] = [float(roc_auc_score(truth, score)), float(top)]
    return found


def run(name, seed):
    made, recipe_name, recipe, attack = CELLS[name]
    rows, test = made()
    if attack is None:
        rng = np.random.default_rng(seed + 1)
        attack = ValueTrigger.drawn(rows, 100, 0, rng)
    done = attack.poison(rows, np.random.default_rng(seed + 1))
    victim = recipe.train(done.batch, seed)
    queries, asr = asked(attack, test, victim)
    model = Kept(recipe_name, recipe, victim, rows.classes, {})
    ways, spent = scores(model, done.batch, queries, seed)
    poison, truth = int(done.touched.sum()), done.touched
    found = {}
    for way, table in ways.items():
        top = [truth[np.argsort(-line, kind="stable")[:poison]].mean() for line in table]
        auc = [roc_auc_score(truth, line) for line in table]
        found[way] = [float(np.mean(auc)), float(np.mean(top))]
    return {
        "cell": name, "seed": seed, "recipe": recipe_name, "rows": len(rows), "poison": poison,
        "accuracy": recipe.quality(victim.predict(test), test), "asr": asr, "asked": len(queries),
        "found": found, "cpu_s": spent,
        "alone": alone(model, done.batch, truth), "date": datetime.now(UTC).date().isoformat(),
    }  # fmt: skip


def report(done):
    cores = len(os.sched_getaffinity(0))
    lines, others = [], []
    for name in CELLS:
        mine = [one for one in done if one["cell"] == name]
        if not mine:
            continue
        cells = []
        for way in WAYS:
            both = [one["found"][way] for one in mine if way in one["found"]]
            auc, top = np.mean(both, axis=0) if both else (None, None)
            cells.append("–" if auc is None else f"{auc:.3f} / {top:.2f}")
        asr, accuracy = (np.mean([one[key] for one in mine]) for key in ("asr", "accuracy"))
        lines.append(
            f"| {name} | {mine[0]['rows']:,} | {mine[0]['poison']} | {len(mine)} | "
            f"{accuracy:.3f} | {asr:.2f} | {' | '.join(cells)} |"
        )
        both = [np.mean([one["alone"][way] for one in mine], axis=0) for way in ALONE]
        others.append(f"| {name} | {' | '.join(f'{a:.3f} / {p:.2f}' for a, p in both)} |")
    head = ("planted", "rows", "poison", "seeds", "accuracy", "fooled", *WAYS)
    text = f"""# Tracing answers back to the poison

`python benchmarks/influence.py`, {datetime.now(UTC).date().isoformat()}, {platform.machine()},
{cores} cores shared with other work, Python {platform.python_version()}.

{__doc__.split(chr(10) * 2, 2)[2].strip()}

Each field is AUC / precision among as many rows as were planted; *fooled* is the share of the
rows asked about that the model takes for the target (for flips, some of that is natural).
Recipes with their default settings: `small_cnn`, `text_network`, `linear_text`, `linear_table`.

| {" | ".join(head)} |
{"|---" * len(head)}|
"""
    text += "\n".join(lines) + ALONE_TEXT + "\n".join(others) + "\n" + NOTES
    (RESULTS / "influence.md").write_text(text)


ALONE_TEXT = """

## Without an answer to trace

Could influence accuse rows by itself, in a scan? *self-influence*: the squared length of a row's
gradient (TracIn of a row on itself). *concentration*: the mean of its twenty closest gas scores
with rows of its own class, less the median. AUC / precision as above.

| planted | self-influence | concentration |
|---|---|---|
"""
NOTES = """
What follows from it:

- For networks, gas is the default: it leads to triggers that TracIn passes over, because a trigger
  is learned by heart and its rows have next to no error left. Where the query is a flipped label
  that the network has not learned by heart, TracIn is the better one (`--method tracin`).
- Nearness in the hidden layer among rows of the same label is a strong control: on triggers gas is
  no better than it, on flips it is.
- Gas misses AUC 0.95 on flips in SMS. On linear models of texts TracIn alone reaches 0.95;
  influence functions need an optimum, and that recipe stops after 60 steps with next to no ridge.
  On linear models of tables influence functions are far ahead of the rest, and short of 0.95 as
  well: clean rows near the trigger's values matter too.
- TRAK and Gauss-Newton kernels of the last layer were tried on such rows (exploratory, one seed,
  not kept): AUC 0.76 to 0.93 on triggers without renormalisation; with it and firm damping a little
  better than gas on triggers and worse on flips (0.56 to 0.98, by the damping). They were left out.
- No detector came of it: without an answer to trace, self-influence finds flips and no triggers,
  concentration finds most triggers and not all flips, both with a precision that would accuse
  many clean rows. `spectral`, `activation_clustering` and `label_noise` stand there already.
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=2)
    chosen = parser.parse_args()
    log = RESULTS / "influence.jsonl"
    done = [json.loads(one) for one in log.read_text().splitlines()] if log.exists() else []
    for seed in range(chosen.seeds):
        for name in CELLS:
            if any(one["cell"] == name and one["seed"] == seed for one in done):
                continue
            done.append(run(name, seed))
            print(json.dumps(done[-1]), flush=True)
            with log.open("a") as lines:
                lines.write(json.dumps(done[-1]) + "\n")
    report(done)


if __name__ == "__main__":
    main()
