"""Texts at the gate: honest streams, attacks on them, and what it costs.

    OMP_NUM_THREADS=1 python benchmarks/gate_text.py        (resumes; --report only writes the page)

Writes benchmarks/results/gate_text.md and .jsonl, one line a cell. No row is printed or kept.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import gate_text_streams as streams
import numpy as np

from foretaste.attacks import probe
from foretaste.data import concat
from foretaste.gate import Gate, Terms
from foretaste.recipes.linear_text import LinearText

RESULTS = Path(__file__).parent / "results"
RATE, SEED, CHOSEN = 0.05, 7, "0 and 1"
NAMES = ("sms", "spam_assassin")
HEAD = """# Texts at the gate

{date}, {machine}, {cores} cores (shared with other work), one process.
`OMP_NUM_THREADS=1 python benchmarks/gate_text.py`

Streams: 4,862 SMS in an order by chance, from 50 senders of very unequal size; 6,044 SpamAssassin
e-mails in the order in which they were received, under their sender's address (subject and body,
the first 2,000 letters). Every sixth row is kept apart to test on. Of the rest the first quarter
is trusted, three quarters go through the gate as `Terms()` has it (alpha 0.01, windows of 1,000
records, every check that runs). Poison is 5 % of the stream, less where the source the attack is
about does not send so much. *Stopped*: held at the door or pulled before the window was learned
from. Accuracy and success (ASR: of what the attacker wants of unseen rows) are of `linear_text`
trained on the trusted rows and on what stood; beside it without gate, without as many rows by
chance, and without exactly the poison.

Settings were chosen on the SMS in the orders of seeds {chosen} and on the e-mails (which have one
order only) with attacks of seed 0 and other targets; reported are seed {seed} and its attacks.
The e-mails' clean figures are so of a stream that was seen before. After a first run with seed
{seed} sources were compared with their peers of the same window, more was blamed where all are too
odd, and what one window says against a source was bounded; this is the run after that, so these
figures are a little too kind. Attacks that are not listed have not been run. All cells were run
again after counts of copies, rates and trust of sources had been mended on honest tables.

Goals: at most 1 % of honest records held on clean streams; at least 95 % of the poison stopped;
at least 5,000 short texts a second on one core.
"""


def passed(trusted, rows):
    """What the gate stopped, by which check, and the seconds of processor time."""
    gate, by = Gate(trusted, Terms()), defaultdict(set)
    door, pulled, windows = np.zeros(len(rows), bool), np.zeros(len(rows), bool), []
    began = time.process_time()
    for at in range(0, len(rows), 1_000):
        ruled = gate(rows.take(np.arange(at, min(at + 1_000, len(rows)))))
        windows.extend(ruled.windows)
        door[at : at + 1_000] = ~ruled.admitted
        for row, why in ruled.reasons.items():
            for reason in why:
                by[reason.check].add(at + row)
    last = gate.close()
    seconds = time.process_time() - began
    for window in [*windows, *([last] if last else [])]:
        for one in window.record.pulled:
            pulled[one.sequence] = True
            for reason in one.reasons:
                by[reason.check].add(one.sequence)
    failures = sorted({text for window in windows for text in window.record.failures})
    return door, pulled, by, seconds, failures, [*gate.checks]


def learned(one, rows, kept, shown):
    """Accuracy, and success of the attack, of a model of trusted rows and those kept."""
    recipe = LinearText()
    columns = {"text", "label"}
    taught = [part.without(*set(part.names) - columns) for part in (one.trusted, rows.take(kept))]
    victim = recipe.train(concat(taught), SEED)
    found = {"accuracy": float(recipe.quality(victim.predict(one.test), one.test))}
    if shown is not None and len(shown.rows):
        found["success"] = float(np.mean(shown.hit(victim.predict(shown.rows))))
    return found


def cell(one, attack):
    rows, touched = one.rows, np.zeros(len(one.rows), bool)
    if attack is not None:
        poisoned = attack.poison(one.rows, np.random.default_rng(SEED))
        rows, touched = poisoned.batch, poisoned.touched
    door, pulled, by, seconds, failures, checks = passed(one.trusted, rows)
    stopped, poison = door | pulled, max(int(touched.sum()), 1)
    found = {
        "poison": int(touched.sum()), "clean held": float(stopped[~touched].mean()),
        "clean door": float(door[~touched].mean()),
        "stopped": float(stopped[touched].sum()) / poison,
        "door": float(door[touched].sum()) / poison, "texts/s": len(rows) / seconds,
        "by": {n: [float((~touched)[[*r]].sum() / (~touched).sum()),
                   float(touched[[*r]].sum() / poison)] for n, r in sorted(by.items())},
        "failures": failures, "checks": checks,
    }  # fmt: skip
    rng = np.random.default_rng(SEED)
    shown = probe(attack, one.test, rng) if attack is not None else None
    chance = np.ones(len(rows), bool)
    chance[rng.choice(len(rows), int(touched.sum()), replace=False)] = False
    models = {"none": np.ones(len(rows), bool), "random": chance, "perfect": ~touched}
    models |= {"gate": ~stopped}
    found["model"] = {n: learned(one, rows, kept, shown) for n, kept in models.items()}
    return found


def cost(one):
    """Microseconds of processor time a record by check, in windows and one by one."""
    spent = defaultdict(float)
    gate = Gate(one.trusted, Terms())
    for name, check in gate.checks.items():
        for verb in ("judge", "settle", "learn", "weigh"):
            if hasattr(check, verb):
                object.__setattr__(check, verb, _timed(getattr(check, verb), spent, name))
    object.__setattr__(gate.prepared, "encode", _timed(gate.prepared.encode, spent, "(encoding)"))
    began = time.process_time()
    for at in range(0, len(one.rows), 1_000):
        gate(one.rows.take(np.arange(at, min(at + 1_000, len(one.rows)))))
    whole = time.process_time() - began
    batched = {name: 1e6 * seconds / len(one.rows) for name, seconds in spent.items()}
    spent.clear()
    singles, each = [one.rows.take([i]) for i in range(300)], []
    for single in singles:
        began = time.process_time()
        gate(single)
        each.append(time.process_time() - began)
    alone = {name: 1e3 * seconds / len(singles) for name, seconds in spent.items()}
    return {"microseconds": batched, "milliseconds alone": alone,
            "texts/s": len(one.rows) / whole, "single p50 ms": 1e3 * float(np.median(each)),
            "single p99 ms": 1e3 * float(np.quantile(each, 0.99))}  # fmt: skip


def _timed(verb, spent, name):
    def timed(*given):
        began = time.process_time()
        found = verb(*given)
        spent[name] += time.process_time() - began
        return found

    return timed


def page(lines):
    head = HEAD.format(
        date=f"{datetime.now(UTC):%Y-%m-%d}", machine=platform.machine(), cores=os.cpu_count(),
        chosen=CHOSEN, seed=SEED,
    )  # fmt: skip
    parts = [head]
    for name in NAMES:
        cells = [one for one in lines if one["stream"] == name and one["attack"] != "cost"]
        if cells:
            parts.append(_table(name, cells))
        parts.extend(
            _costs(name, one) for one in lines if (one["stream"], one["attack"]) == (name, "cost")
        )
    (RESULTS / "gate_text.md").write_text("\n".join(parts))


def _table(name, cells):
    rows = [
        f"\n## {name}\n",
        "| attack | poison | stopped | at the door | honest held | at the door | stopped by (share"
        " of poison; of honest records) | accuracy: none, random, perfect, gate | ASR |",
        "|---|---:|---:|---:|---:|---:|---|---|---|",
    ]
    for one in cells:
        by = sorted(one["by"].items(), key=lambda item: -item[1][1])
        told = ", ".join(f"{n} {p:.0%} ({c:.2%})" for n, (c, p) in by if p >= 0.02 or c >= 5e-4)
        model = one["model"]
        quality = ", ".join(
            f"{model[k]['accuracy']:.3f}" for k in ("none", "random", "perfect", "gate")
        )
        asr = ", ".join(
            f"{model[k].get('success', float('nan')):.2f}"
            for k in ("none", "random", "perfect", "gate")
        )
        stopped = [f"{one['stopped']:.1%}", f"{one['door']:.1%}"] if one["poison"] else ["", ""]
        asr = "" if "nan" in asr else asr
        rows.append(
            f"| {one['attack']} | {one['poison']} | {stopped[0]} | {stopped[1]} | "
            f"{one['clean held']:.2%} | {one['clean door']:.2%} | {told} | {quality} | {asr} |"
        )
    poisoned = [one for one in cells if one["poison"]]
    met = sum(one["stopped"] >= 0.95 for one in poisoned)
    clean = [one["clean held"] for one in cells if not one["poison"]]
    missed = ", ".join(f"{o['attack']} {o['stopped']:.1%}" for o in poisoned if o["stopped"] < 0.95)
    rows.append(f"\nAt least 95 % stopped in {met} of {len(poisoned)} attacks"
                + (f"; missed: {missed}." if missed else ".")
                + (f" Of the clean stream {clean[0]:.2%} is held." if clean else ""))  # fmt: skip
    failed = sorted({text for one in cells for text in one["failures"]})
    rows.append(f"Checks that failed: {'; '.join(failed) or 'none'}.")
    return "\n".join(rows)


def _costs(name, one):
    rows = [
        f"\n### Cost on {name}\n",
        f"{one['texts/s']:,.0f} texts a second of processor time in batches of 1,000 (goal for"
        f" short texts: 5,000); one at a time {one['single p50 ms']:.1f} ms (median),"
        f" {one['single p99 ms']:.1f} ms (99 %).\n",
        "| | microseconds a record in batches | milliseconds alone |", "|---|---:|---:|",
    ]  # fmt: skip
    for check, spent in sorted(one["microseconds"].items(), key=lambda item: -item[1]):
        rows.append(f"| {check} | {spent:.1f} | {one['milliseconds alone'].get(check, 0):.2f} |")
    return "\n".join(rows)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--report", action="store_true")
    arguments.add_argument("--only", default="")
    asked = arguments.parse_args()
    log = Path(os.environ.get("GATE_LOG", RESULTS / "gate_text.jsonl"))
    read = log.read_text().splitlines() if log.exists() else []
    lines = [json.loads(line) for line in read]
    done = {(one["stream"], one["attack"]) for one in lines}
    for name in () if asked.report else [one for one in NAMES if asked.only in ("", one)]:
        one = streams.stream(name, SEED)
        for attack, built in {"none": None, "cost": None, **streams.attacks(one, RATE)}.items():
            if (name, attack) in done:
                continue
            found = cost(one) if attack == "cost" else cell(one, built)
            lines.append({"stream": name, "attack": attack, **found})
            with log.open("a") as out:
                out.write(json.dumps(lines[-1]) + "\n")
    page(lines)


if __name__ == "__main__":
    main()
