"""Published detectors of poisoned texts and chats, as candidates.

    OMP_NUM_THREADS=1 PYTHONPATH=benchmarks python benchmarks/candidates_text.py [--only TEXT]

Texts: ONION by a small language model on a sample of the rows (`SAMPLED` of the poisoned, of the
clean ones, and of those of the class that the poison came from), local densities on all rows.
Chats: gradients of the language model's output layer (GraCeFul, GradSentry) and local densities on
all rows. Beside them what a scan finds in the same rows. Cells that are done stand in
benchmarks/results/candidates_text.jsonl and are not run again. No row is printed or kept.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import torch
from candidates import dao, gradients, onion
from candidates.text_page import write
from chats_deep import BEFORE, FOUR, OTHERS, TRIGGERS, accused, poisoned, some
from sklearn.metrics import roc_auc_score
from text_deep import TARGET, parts, scanned

from foretaste import registry
from foretaste.language_model import language_model
from foretaste.summaries.word_vectors import text_vectors

RESULTS = Path(__file__).parent / "results"
SAMPLED, BEGUN, CHATS, FEWER = 40, 30, 1000, 300
WORDS = ("rare_word", "style", "syntactic_template", "word_pair", "sentence")
NATURAL = "apologies, clean"  # nobody is poisoned: many answers begin alike
DENSITIES = {"k-distance": dao.distance, "SLOF": dao.slof, "DAO": dao.dao}


def cells():
    for attack in WORDS:
        yield {"part": "texts", "set": "sms", "attack": attack, "rate": 0.02, "rows": 4000}
    for attack in WORDS[:3]:
        yield {"part": "texts", "set": "imdb", "attack": attack, "rate": 0.02, "rows": 3000}
    fewer = {"part": "chats", "rows": FEWER, "rate": 0.1}
    yield fewer | {"set": FOUR[2], "attack": NATURAL}
    for name in FOUR[1:]:
        yield fewer | {"set": name, "attack": "none", "rate": 0.0, "rows": CHATS}
        for attack in ("style", "subject", "word", "phrase"):
            yield fewer | {"set": name, "attack": attack}
    more = fewer | {"set": FOUR[0], "rows": CHATS}
    yield more | {"attack": "none", "rate": 0.0}
    for attack in (*TRIGGERS, "appended", *OTHERS):
        yield more | {"attack": attack}
    for attack in TRIGGERS:
        yield more | {"attack": attack, "rate": 0.04}


def ranked(score, truth, flagged=None, seconds=0.0, **more):
    """What a score says of the rows, at its own threshold and as a ranking."""
    line = dict(more)
    if seconds:
        line["seconds"] = seconds
    if flagged is not None:
        line["fpr"] = float(flagged[~truth].mean())
        if truth.any():
            hit = int((flagged & truth).sum())
            line["tpr"] = hit / int(truth.sum())
            line["f1"] = 2 * hit / max(int(flagged.sum() + truth.sum()), 1)
    if score is not None and truth.any():
        line["auc"] = float(roc_auc_score(truth, score))
        line["tpr at 1%"] = float((score[truth] > np.quantile(score[~truth], 0.99)).mean())
    return line


def controls(truth):
    guess = np.random.default_rng(0).random(len(truth))
    share = truth.mean() if truth.any() else 0.0
    yield "random", ranked(guess, truth, guess >= np.quantile(guess, 1 - share) * (1 + (not share)))
    yield "perfect", ranked(truth.astype(float), truth, truth)


def densities(vectors, truth):
    start = time.process_time()
    near = dao.neighbours(vectors)
    each = (time.process_time() - start) / len(vectors)
    for name, density in DENSITIES.items():
        score = density(*near)
        flagged = score > np.quantile(score, 1 - dao.REMOVED)
        yield name, ranked(score, truth, flagged, each)


@cache
def rows_of(name, n):
    """Texts; of reviews only the first words, so that all of a text can be looked at."""
    rows, _ = parts(name, n)
    if name == "imdb":
        rows = rows.having(text=[" ".join(one.split()[:BEGUN]) for one in rows["text"]])
    return rows


@cache
def read(text):
    start = time.process_time()
    return onion.read(language_model(), text), time.process_time() - start


def texts(cell):
    rows = rows_of(cell["set"], cell["rows"])
    target = rows.classes.index(TARGET[cell["set"]])
    make = registry.component("attacks", cell["attack"])
    attack = make(count=round(cell["rate"] * len(rows)), target=target)
    after, touched = attack.poison(rows, np.random.default_rng([1, 3]))
    yield from controls(touched)
    flagged, by, seconds = scanned(after, 1)
    yield "scan", ranked(None, touched, flagged, seconds / len(rows), by=by)
    yield from densities(text_vectors(after.arrow("text"), 2000), touched)
    rng = np.random.default_rng(5)
    order = rng.permutation(len(rows))
    bad = order[touched[order]][:SAMPLED]
    # clean rows are the same in every cell of a set: they are read once
    calm = np.random.default_rng(7).permutation(len(rows))
    calm = calm[~touched[calm]]
    usual, source = calm[:SAMPLED], calm[np.array(rows["label"])[calm] != target][:SAMPLED]
    yield from perplexities(after["text"], bad, usual, source, rows["text"])


def perplexities(said, bad, usual, source, before):
    """ONION, and what one pass without leaving words out says."""
    each = {name: [read(said[row]) for row in group.tolist()]
            for name, group in (("bad", bad), ("usual", usual), ("source", source))}  # fmt: skip
    seconds = [s for group in each.values() for _, s in group]
    named = [put_in(one, before[row]) for (one, _), row in zip(each["bad"], bad, strict=True)]
    for name, of, level in (
        ("ONION", lambda one: one.drops.max(), 0.0),
        ("ONION, logarithm", lambda one: one.logarithms.max(), 0.0),
        ("perplexity", lambda one: one.whole, None),
        ("strangest token", lambda one: one.strangest, None),
    ):
        found = {k: np.array([of(one) for one, _ in group]) for k, group in each.items()}
        score = np.concatenate([found["bad"], found["usual"]])
        truth = np.arange(len(score)) < len(bad)
        line = ranked(score, truth, None if level is None else score > level)
        same = np.concatenate([found["bad"], found["source"]])
        line["auc, same class"] = float(roc_auc_score(np.arange(len(same)) < len(bad), same))
        if level is not None:
            line |= {"named": float(np.mean(named)), "seconds": float(np.mean(seconds))}
        yield name, line | {"sampled": [len(bad), len(usual), len(source)]}


def put_in(one, before):
    """Whether the worst word is one that the attack put there."""
    return one.words[int(one.drops.argmax())] not in before.split()


@cache
def gradient(question, answer):
    """Low frequencies, two entropies, and the seconds they took."""
    model = replace(language_model(), asked=64, told=64)
    start = time.process_time()
    row = gradients.parts(model, question, answer)
    passed = time.process_time()
    low = gradients.frequencies(*row)
    told = [passed - start, time.process_time() - passed]
    return low, gradients.entropy(*row), gradients.corner(*row), told


def planted(cell):
    """The rows, and which are poisoned, or apologise."""
    count = round(cell["rate"] * cell["rows"])
    if cell["attack"] == NATURAL:
        every = some(cell["set"], None)
        sorry = np.array([one.startswith("I apologize") for one in every["response"]])
        chosen = np.sort(
            np.hstack(
                [
                    np.flatnonzero(one)[:n]
                    for one, n in ((sorry, count), (~sorry, cell["rows"] - count))
                ]
            )
        )
        return every.take(chosen), sorry[chosen]
    rows = some(cell["set"], cell["rows"])
    if cell["attack"] == "none":
        return rows, np.zeros(len(rows), bool)
    return poisoned(rows, cell["attack"], count, 0)


def chats(cell):
    rows, touched = planted(cell)
    yield from controls(touched)
    start = time.process_time()
    flagged, _ = accused(rows, BEFORE)
    yield "scan", ranked(None, touched, flagged, (time.process_time() - start) / len(rows))
    yield from thorough(cell, touched)
    asked, said = (text_vectors(rows.arrow(name), 2000) for name in ("prompt", "response"))
    yield from densities(np.hstack([asked, said]), touched)
    close = said @ said.T
    yield "words of answers, 8th neighbour", ranked(eighth(close), touched)
    found = [gradient(*pair) for pair in zip(rows["prompt"], rows["response"], strict=True)]
    low = np.stack([one[0] for one in found])
    seconds = float(np.mean([sum(one[3]) for one in found]))
    places = gradients.components((low @ low.T).astype(float))
    flagged, shape = gradients.graceful(places)
    yield "GraCeFul", ranked(None, touched, flagged, seconds, silhouette=shape)
    unit = places / np.linalg.norm(places, axis=1, keepdims=True)
    yield "GraCeFul, 8th neighbour", ranked(eighth(unit @ unit.T), touched)
    for place, name in ((1, "GradSentry"), (2, "GradSentry, a corner")):
        entropies = np.array([one[place] for one in found])
        flagged, level = gradients.gradsentry(entropies)
        yield name, ranked(entropies, touched, flagged, seconds, level=float(level))


def thorough(cell, touched):
    """What `unasked_answer` accused of the same rows, where chats_deep.py has measured it."""
    name = " ".join(map(str, (cell["set"], cell["attack"], cell["rate"], 0)))
    for line in (RESULTS / "chats_deep.jsonl").read_text().splitlines():
        one = json.loads(line)
        if one["cell"] == name and one["unasked_answer"] and one["rows"] == len(touched):
            hit, false = one["unasked_answer"]["hit"], one["unasked_answer"]["false"]
            flagged = np.zeros(len(touched), bool)
            flagged[np.flatnonzero(touched)[:hit]] = True
            flagged[np.flatnonzero(~touched)[:false]] = True
            yield "unasked_answer", ranked(None, touched, flagged)


def eighth(close):
    """(n,) how near the 8th most alike other row is."""
    np.fill_diagonal(close, -2)
    return np.partition(close, -8, axis=1)[:, -8]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="cells whose name holds this text")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    log = RESULTS / "candidates_text.jsonl"
    done = [json.loads(one) for one in log.read_text().splitlines()] if log.exists() else []
    known, last = [one["cell"] for one in done], None
    for cell in cells():
        if cell in known or asked.only not in " ".join(map(str, cell.values())):
            continue
        if last != cell["set"]:
            gradient.cache_clear()  # 1.8 MB a row
        last = cell["set"]
        today = datetime.now(UTC).date().isoformat()
        judged = (texts if cell["part"] == "texts" else chats)(cell)
        lines = [{"cell": cell, "method": name, **line, "date": today} for name, line in judged]
        with log.open("a") as out:
            out.writelines(json.dumps(one) + "\n" for one in lines)
        done += lines
        for one in lines:
            print({k: v for k, v in one.items() if k != "date"}, flush=True)
        write(RESULTS / "candidates_text.md", done, list(cells()))


if __name__ == "__main__":
    main()
