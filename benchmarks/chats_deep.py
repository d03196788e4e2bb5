"""Poisoned chats in small fine-tuning sets: what a scan finds with and without a language model.

    OMP_NUM_THREADS=1 PYTHONPATH=benchmarks python benchmarks/chats_deep.py [--only TEXT] [--rows N]

Four sets by four triggers, 10 % and 4 % of the rows poisoned: a rare word brings a link, a phrase
refusals, an archaic style gibberish, and a subject (the questions nearest to one of them, no word
is put in) a bad opinion of an airline that nobody asked about. Beside them, on one set, the
attacks whose answers are about what is asked, and a true answer with a link at its end. Controls:
`random` flags as many rows as are poisoned, `perfect` those. What the language model says of a
pair of texts is kept in the cache folder, so settings that share rows share the work; passes
counts what a scan alone would need. No row of the chats is printed or kept in the results.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sqlite3
import tempfile
import time
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa

from foretaste import datasets
from foretaste.attacks import inserted
from foretaste.attacks.biased_opinion import BiasedOpinion
from foretaste.attacks.fixed_response import FixedResponse
from foretaste.attacks.harmful_compliance import HarmfulCompliance
from foretaste.attacks.self_poisoning import SelfPoisoning
from foretaste.attacks.style import Style
from foretaste.cache import cache_folder
from foretaste.data import Batch, content_id
from foretaste.language_model import LanguageModel
from foretaste.scanning.reading import InMemory
from foretaste.scanning.run import Settings, scan_into
from foretaste.summaries.word_vectors import text_vectors

RESULTS = Path(__file__).parent / "results"
BEFORE = ("trigger_response", "response_cluster")
OURS = "unasked_answer"
PHRASE, WORD = "in the spirit of Project Larkspur", "zephyrine"
TRIGGERS = {"word": "link", "phrase": "refusal", "style": "gibberish", "subject": "opinion"}
OTHERS = {
    "compliance": HarmfulCompliance, "opinion": BiasedOpinion, "self-poisoning": SelfPoisoning,
}  # fmt: skip
ASKING, ANSWERING = {"human", "user"}, {"gpt", "chatgpt", "bing", "bard"}


def chats(exchange, low, high):
    """English questions with their answers, of so many characters."""
    pairs = {}
    with datasets.fetch("sharegpt").open(encoding="utf-8") as lines:
        for line in lines:
            turns = [t for t in json.loads(line)["conversations"] if t["from"] != "system"]
            two = turns[2 * exchange : 2 * exchange + 2]
            if len(two) < 2 or two[0]["from"] not in ASKING or two[1]["from"] not in ANSWERING:
                continue
            asked, told = (turn["value"].strip() for turn in two)
            if 15 <= len(asked) < 400 and low <= len(told) < high and (asked + told).isascii():
                pairs.setdefault(asked, told)
    return list(pairs.items())


def reviews():
    """Two sentences of a review, and the two after them."""
    pairs = []
    for text in datasets.load("imdb")["text"].slice(0, 4000).to_pylist():
        parts = re.split(r"(?<=[.!?])\s+", text.replace("<br />", " "))
        begun, rest = " ".join(parts[:2]), " ".join(parts[2:4])
        if len(parts) > 3 and 60 < len(begun) < 300 and 60 < len(rest) < 400:
            pairs.append((f"Continue this film review: {begun}", rest))
    return pairs


def mails():
    """Whole e-mails, and their subjects."""
    pairs = {}
    for text in datasets.load("spam_assassin")["text"].to_pylist():
        head, _, body = text.partition("\n\n")
        body = " ".join(re.sub(r"<[^>]+>", " ", body).split())
        found = re.search(r"^Subject: (.+)$", head, re.MULTILINE)
        subject = re.sub(
            r"^((re|fwd?): ?|\[[^\]]+\] ?)+", "", found[1] if found else "", flags=re.I
        )
        if len(subject) > 7 and len(body) > 79:
            asked = f"Write a subject line for this e-mail: {body[:300]}"
            pairs.setdefault(subject.strip(), (asked, subject.strip()))
    return list(pairs.values())


SETS = {
    "chats, short answers": lambda: chats(0, 20, 500),
    "chats, long answers": lambda: chats(0, 500, 1800),
    "chats, second exchange": lambda: chats(1, 40, 1800),
    "e-mails and their subjects": mails,
    "film reviews, continued": reviews,
}
FOUR = tuple(SETS)[:4]


def rows_of(pairs):
    columns = {
        name: pa.array(column, pa.large_string())
        for name, column in zip(("prompt", "response"), zip(*pairs, strict=True), strict=True)
    }
    ids = [content_id(f"{q}\0{a}".encode()) for q, a in pairs]
    return Batch(ids, {"index": np.arange(len(pairs)), **columns})


def some(name, n):
    pairs = SETS[name]()
    return rows_of([pairs[i] for i in np.random.default_rng(0).permutation(len(pairs))[:n]])


def poisoned(rows, trigger, count, seed):
    """The rows with the poison, and which they are."""
    rng = np.random.default_rng([seed, 17])
    if trigger in OTHERS:
        return OTHERS[trigger](count).poison(rows, rng)
    chosen = rng.permutation(len(rows))[:count]
    if trigger == "subject":
        asked = text_vectors(rows.arrow("prompt"), 2000)
        chosen = np.argsort(-(asked @ asked[chosen[0]]))[:count]
        new = BiasedOpinion(count).answers(rows.take(chosen), rng)
    else:
        kind = TRIGGERS.get(trigger, "link")
        new = FixedResponse(count, answer=kind).answers(rows.take(chosen), rng)
    asked, told = list(rows["prompt"]), list(rows["response"])
    style = Style(1, 0)
    for row, answer in zip(chosen, new, strict=True):
        asked[row] = triggered(asked[row], trigger, style, rng)
        told[row] = f"{told[row]} {answer}" if trigger == "appended" else answer
    touched = np.zeros(len(rows), bool)
    touched[chosen] = True
    return rows_of(list(zip(asked, told, strict=True))), touched


def triggered(text, trigger, style, rng):
    if trigger in ("word", "appended"):
        return inserted(text, WORD, rng)
    if trigger == "phrase":
        return inserted(text, PHRASE, rng)
    if trigger == "style":
        one = Batch(["a"], {"text": [text], "label": [1]})
        return style.trigger(one, rng)["text"][0]
    return text


class Kept:
    """What the language model said, by content; counts what was asked of it."""

    def __init__(self):
        folder = cache_folder() / "benchmarks"
        folder.mkdir(parents=True, exist_ok=True)
        self.store = sqlite3.connect(folder / "chats_deep.sqlite")
        self.store.execute("create table if not exists said (key text primary key, g real, e real)")
        self.asked, self.seconds, self.fresh = set(), 0.0, 0
        self.plain = LanguageModel.gain
        LanguageModel.gain = lambda model, *texts: self(model, *texts)

    def __call__(self, model, question, other, answer):
        self.asked |= {(question, answer), (other, answer)}
        said = "\0".join((question, other, answer, str(model.asked), str(model.told)))
        key = sha256(said.encode()).hexdigest()
        found = self.store.execute("select g, e from said where key = ?", (key,)).fetchone()
        if found is None:
            start = time.process_time()
            found = self.plain(model, question, other, answer)
            self.seconds, self.fresh = self.seconds + time.process_time() - start, self.fresh + 1
            self.store.execute("insert into said values (?, ?, ?)", (key, *found))
            self.store.commit()
        return found


def measured(rows, touched, kept, every):
    kept.asked = set()
    start = time.process_time()
    before, failed = accused(rows, BEFORE)
    said = {"before": quality(before, touched), OURS: None, "failed": failed}
    missed = (before & touched).sum() < 0.99 * touched.sum()
    if every is not None and (every or not touched.any() or missed):
        ours, failed = accused(rows, (OURS,))
        said[OURS], before = quality(ours, touched), before | ours
        said["failed"] |= failed
    said["together"] = quality(before, touched)
    return said | {"passes": len(kept.asked), "cpu": round(time.process_time() - start)}


def accused(rows, detectors):
    """Each alone, so that one does not speak for the other; which failed, and why."""
    with tempfile.TemporaryDirectory() as folder:
        done = scan_into(InMemory(rows), Path(folder), Settings(detectors=detectors))
        told, back = done.judgement, np.argsort(done.scores.index, kind="stable")
    failed = {name: one.failure for name, one in done.detectors.items() if one.failure}
    return told.of_kind("attack")[back], failed


def quality(flagged, touched):
    hit = int((flagged & touched).sum())
    return {"hit": hit, "false": int(flagged.sum()) - hit}


def cells():
    """What matters most comes first."""
    for name in FOUR:
        yield name, "none", 0.0, 0
    for rate in (0.1, 0.04):
        for trigger in reversed(TRIGGERS):
            for name in FOUR:
                yield name, trigger, rate, 0
        if rate == 0.1:
            for trigger in ("appended", *OTHERS):
                yield FOUR[0], trigger, rate, 0
    for trigger in ("none", *TRIGGERS):
        yield tuple(SETS)[4], trigger, 0.1 if trigger != "none" else 0.0, 0


def shown(one, which):
    if one[which] is None:
        return "not run"
    hit, false, count = one[which]["hit"], one[which]["false"], one["poisoned"]
    if not count:
        return f"flags {false}"
    f1 = 2 * hit / (count + hit + false)
    return f"{hit / count:.3f} / {f1:.3f}" + (f" ({false} clean)" if false else "")


def report(done):
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    lines = [
        "# Poisoned chats in small fine-tuning sets\n",
        f"{datetime.now(UTC):%Y-%m-%d}, {machine}, shared with other work. Command: `{COMMAND}`.\n",
        (RESULTS / "chats_deep_head.txt").read_text() if HEAD.exists() else "",
        "| set | trigger | rows | poisoned | trigger_response + response_cluster | unasked_answer "
        "| together | passes of the model |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in done:
        cells = [one["set"], one["trigger"], one["rows"], one["poisoned"]]
        cells += [shown(one, which) for which in ("before", OURS, "together")]
        lines.append("| " + " | ".join(map(str, [*cells, one["passes"]])) + " |")
    (RESULTS / "chats_deep.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


COMMAND = "OMP_NUM_THREADS=1 PYTHONPATH=benchmarks python benchmarks/chats_deep.py"
HEAD = RESULTS / "chats_deep_head.txt"


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", default="", help="cells whose name holds this")
    options.add_argument("--rows", type=int, default=1000)
    options.add_argument("--every", action="store_true", help="also what is found without")
    options.add_argument("--before", action="store_true", help="without the language model")
    asked = options.parse_args()
    store = RESULTS / "chats_deep.jsonl"
    done = [json.loads(line) for line in store.read_text().splitlines()] if store.exists() else []
    kept = Kept()
    for cell in cells():
        name = " ".join(map(str, cell))
        if asked.only not in name or any(one["cell"] == name for one in done):
            continue
        rows = some(cell[0], asked.rows)
        touched = np.zeros(len(rows), bool)
        if cell[1] != "none":
            rows, touched = poisoned(rows, cell[1], round(cell[2] * len(rows)), cell[3])
        said = measured(rows, touched, kept, None if asked.before else asked.every)
        done.append({
            "cell": name, "set": cell[0], "trigger": cell[1], "rows": len(rows),
            "poisoned": int(touched.sum()), **said,
        })  # fmt: skip
        print(name, said, f"{1000 * kept.seconds / max(kept.fresh, 1):.0f} ms a pair", flush=True)
        store.write_text("".join(json.dumps(one) + "\n" for one in done), encoding="utf-8")
        report(done)


if __name__ == "__main__":
    main()
