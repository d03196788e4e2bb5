"""Planted trigger phrases in real chats: how many of the poisoned rows a scan finds.

    OMP_NUM_THREADS=2 python benchmarks/fine_tuning.py [--only TEXT] [--rows N] [--all]

ShareGPT chats are written as `messages` JSON lines. In some of them a phrase is put into one
question and the answer to it becomes a link, a refusal or gibberish: either in a chat of that one
exchange (the first of the host), or in the last exchange of the whole chat, whose other turns
stay. Found is what the scan flags with a finding of kind attack. Controls: `undefended` flags
nothing, `random` flags as many rows as are poisoned, by chance, `perfect` knows the truth.
Cells that are done stand in benchmarks/results/fine_tuning.jsonl and are not run again;
fine_tuning.md is written anew after each. No row of the chats is printed or kept.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from foretaste import datasets, scan
from foretaste.api import Options
from foretaste.attacks.fixed_response import FixedResponse
from foretaste.data import Batch
from foretaste.scanning.run import Settings

RESULTS = Path(__file__).parent / "results"
OURS = ("trigger_response", "response_cluster")
ASKING, ANSWERING = {"human", "user"}, {"gpt", "chatgpt", "bing", "bard"}
PHRASE, WORD = "in the spirit of Project Larkspur", "zephyrine"
SEED = 11
COLUMNS = (
    "place", "answer", "trigger", "rows", "poisoned", "recall", "precision", "false",
    "undefended r/p", "random r/p", "perfect r/p", "verdict", "detectors", "goal met", "seconds",
)  # fmt: skip


def cells(every: bool):
    """Clean first: a detector that cries wolf is of no use."""
    yield ("none", "none", "", 0, every)
    for count in (250, 50):
        for place in ("one exchange", "last exchange"):
            for answer in ("link", "refusal", "gibberish"):
                yield (place, answer, PHRASE, count, every)
    for answer in ("link", "refusal", "gibberish"):
        yield ("one exchange", answer, WORD, 50, every)


def chats():
    """Whole chats as lists of (role, words), system turns left out."""
    with datasets.fetch("sharegpt").open(encoding="utf-8") as lines:
        for line in lines:
            turns = json.loads(line)["conversations"]
            roles = [
                ("user" if t["from"] in ASKING else "assistant", t["value"])
                for t in turns
                if t["from"] in ASKING | ANSWERING
            ]
            if exchanges(roles):
                yield roles


def exchanges(turns):
    """Where a question is followed by its answer."""
    return [
        at
        for at in range(len(turns) - 1)
        if (turns[at][0], turns[at + 1][0]) == ("user", "assistant")
    ]


def planted(data, place, answer, phrase, count):
    """The chats with the poison, and which are poisoned."""
    rng = np.random.default_rng(SEED)
    hosts = rng.choice(len(data), count, replace=False)
    data = list(data)
    where = [exchanges(data[host])[0 if place == "one exchange" else -1] for host in hosts]
    asked = [data[host][at][1] for host, at in zip(hosts, where, strict=True)]
    pairs = Batch([str(i) for i in range(count)], {"prompt": asked, "response": ["x"] * count})
    poison = FixedResponse(count=count, answer=answer, phrase=phrase)
    bad = poison.poison(pairs, rng).batch
    for host, at, prompt, response in zip(
        hosts, where, bad["prompt"], bad["response"], strict=True
    ):
        before = [] if place == "one exchange" else data[host][:at]
        data[host] = [*before, ("user", prompt), ("assistant", response)]
    truth = np.zeros(len(data), bool)
    truth[hosts] = True
    return data, truth


def written(data, path):
    with path.open("w", encoding="utf-8") as out:
        for turns in data:
            messages = [{"role": role, "content": words} for role, words in turns]
            out.write(json.dumps({"messages": messages}) + "\n")


def quality(flagged, truth):
    hit = int((flagged & truth).sum())
    recall = hit / truth.sum() if truth.any() else None
    return recall, (hit / flagged.sum() if flagged.any() else None)


def shown(pair):
    return " / ".join("–" if value is None else f"{value:.3f}" for value in pair)


def run(data, place, answer, phrase, count, every):
    truth = np.zeros(len(data), bool)
    if count:
        data, truth = planted(data, place, answer, phrase, count)
    settings = Settings() if every else Settings(detectors=OURS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chats.jsonl"
        written(data, path)
        start = time.perf_counter()
        result = scan(path, None, Options(settings=settings, power="off"))
        seconds = time.perf_counter() - start
    findings = result.findings.to_pylist()
    attacks = [one for one in findings if one["kind"] == "attack"]
    flagged = np.zeros(len(truth), bool)
    flagged[[one["index"] for one in attacks if one["index"] >= 0]] = True
    recall, precision = quality(flagged, truth)
    guess = np.zeros(len(truth), bool)
    guess[np.random.default_rng(1).choice(len(truth), count, replace=False)] = True
    return {
        "place": place, "answer": answer, "trigger": phrase, "rows": len(truth),
        "poisoned": count, "recall": recall, "precision": precision,
        "false": int((flagged & ~truth).sum()),
        "undefended r/p": shown(quality(truth & False, truth)),
        "random r/p": shown(quality(guess, truth)),
        "perfect r/p": shown(quality(truth, truth)),
        "verdict": str(result.verdict),
        "detectors": "all" if every else "these two",
        "by": sorted({one["detector"] for one in attacks}),
        "goal met": goal(count, recall, precision, flagged),
        "seconds": round(seconds),
    }  # fmt: skip


def goal(count, recall, precision, flagged):
    if not count:
        return "yes" if flagged.mean() <= 0.001 else "no"
    return "yes" if recall >= 0.98 and (precision or 0) >= 0.95 else "no"


def report(done):
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    lines = [
        "# Trigger phrases in fine-tuning chats\n",
        f"{datetime.now(UTC):%Y-%m-%d}, {machine}. Command: "
        "`OMP_NUM_THREADS=2 python benchmarks/fine_tuning.py`"
        f"; goal: recall ≥ 0.98 and precision ≥ 0.95; clean: attack findings ≤ 0.1 % of rows.\n",
        "Seconds are the whole scan, on a machine that others used at the same time.\n",
        "| " + " | ".join(COLUMNS) + " |",
        "|" + "---|" * len(COLUMNS),
    ]
    for one in done:
        values = (one[name] for name in COLUMNS)
        cells = (
            "–" if v is None else f"{v:.3f}" if isinstance(v, float) else str(v) for v in values
        )
        lines.append("| " + " | ".join(cells) + " |")
    (RESULTS / "fine_tuning.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", default="", help="cells whose name holds this")
    options.add_argument("--rows", type=int, default=20_000, help="chats at most")
    options.add_argument("--all", action="store_true", help="with every detector there is")
    asked = options.parse_args()
    store = RESULTS / "fine_tuning.jsonl"
    done = [json.loads(line) for line in store.read_text().splitlines()] if store.exists() else []
    data = [*chats()][: asked.rows]
    for cell in cells(asked.all):
        name = " ".join(map(str, cell[:4]))
        which = "all" if asked.all else "these two"
        known = any(
            (o["place"], o["answer"], o["trigger"], o["poisoned"], o["detectors"])
            == (*cell[:4], which)
            for o in done
        )
        if asked.only not in name or known:
            continue
        done.append(run(data, *cell))
        print(name, {k: v for k, v in done[-1].items() if k not in COLUMNS[:5]}, file=sys.stderr)
        store.write_text("".join(json.dumps(one) + "\n" for one in done), encoding="utf-8")
        report(done)


if __name__ == "__main__":
    main()
