"""Signed sources at the gate: names that are spoofed, with and without keys, and what it costs.

    OMP_NUM_THREADS=1 python benchmarks/gate_origin.py      (resumes; --report only writes the page)

Writes benchmarks/results/gate_origin.md and .jsonl, one line a cell. No row is printed or kept.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import gate_text_streams as streams
import numpy as np
import pyarrow as pa
from gate_origin_page import GATES, page

from foretaste import readers
from foretaste.attacks import probe
from foretaste.attacks.annotator_flip import AnnotatorFlip
from foretaste.attacks.provenance_spoofing import ProvenanceSpoofing
from foretaste.data import concat
from foretaste.gate import Gate, Terms
from foretaste.gate.keeper_steps import kinds, stood
from foretaste.gate.packing import pack
from foretaste.gate.records import Records, parse
from foretaste.gate.trusting import suggested, trusted_rows
from foretaste.ledger.keys import SigningKey
from foretaste.origin.providers import Provider, Registry
from foretaste.origin.records import Credentials, signed, unknown
from foretaste.recipes.linear_text import LinearText

RESULTS = Path(__file__).parent / "results"
SEEDS, RATE, KEYED, STEP = (7, 8, 9), 0.05, 10, 1_000
HAM = streams.HAM


def rows_of(batch):
    """Records as senders have them."""
    each = zip(batch["text"], batch["label"], batch["source"], batch["time"], strict=True)
    return [
        {"id": f"r{i}", "text": text, "label": batch.class_name(int(label)), "source": source,
         "sent": float(when)}
        for i, (text, label, source, when) in enumerate(each)
    ]  # fmt: skip


class Setting:
    """A stream, its senders' keys, and the trusted rows as a gate takes them."""

    def __init__(self, seed):
        self.one = streams.stream("sms", seed)
        names, sent = np.unique(self.one.rows["source"].astype(str), return_counts=True)
        self.keyed = [str(name) for name in names[np.argsort(-sent)][:KEYED]]
        self.plain = str(names[np.argsort(-sent)][KEYED])
        self.keys = {name: SigningKey.new(name.replace(" ", "-")) for name in self.keyed}
        known = [Provider(k.verifier, frozenset({n})) for n, k in self.keys.items()]
        self.registry = Registry(tuple(known))
        table = pa.Table.from_pylist(rows_of(self.one.trusted))
        source = readers.open(table, {"time": "sent", "text": "text", "label": "label"})
        self.form = suggested(source)
        self.trusted, self.begun = trusted_rows(source, self.form), {}

    def gate(self, name):
        """As it begins; it learned from the trusted rows once."""
        if name not in self.begun:
            trusted = self.trusted
            if name != "without keys":
                trusted = trusted.having(credential=unknown(len(trusted)))
            checks = ("contract", "origin_signature") if name == "keys alone" else ()
            made = Gate(trusted, Terms(checks=checks))
            self.begun[name] = made, pack(made.standing)
        made, packed = self.begun[name]
        made.standing = stood(packed, kinds(made))
        return made

    def sign(self, batch, who=lambda row: True):
        """Rows as they are sent: those of senders with keys signed, where `who` has the key."""
        rows, numbers = rows_of(batch), dict.fromkeys(self.keyed, 0)
        for at, row in enumerate(rows):
            name = row["source"]
            if name in self.keys and who(at):
                rows[at] = signed(row, self.keys[name], numbers[name], row["sent"])
                numbers[name] += 1
        return rows


def attacks(setting):
    """Name -> (attack on rows, how the attacker signs): None: not; "kept": as the row he replaced;
    "key": with the key; "again": old records sent once more."""
    one = setting.one
    big, other = setting.keyed[0], setting.plain
    mine = int((one.rows["source"] == big).sum())
    count = min(round(RATE * len(one.rows)), int(0.8 * mine))

    def spoof(name, payload):
        return ProvenanceSpoofing(min(count, spam(one, name)), HAM, name, payload)

    return {
        "none": (None, None),
        "provenance_spoofing, trigger": (spoof(big, "trigger"), None),
        "provenance_spoofing, flip": (spoof(big, "flip"), None),
        "altered on the way, trigger": (spoof(big, "trigger"), "kept"),
        "sent again": (None, "again"),
        "stolen key, trigger": (spoof(big, "trigger"), "key"),
        "annotator_flip by a signed source": (AnnotatorFlip(count, annotator=big), "key"),
        "provenance_spoofing of a name without key": (spoof(other, "trigger"), None),
    }


def spam(one, name):
    """Spam of a source: what is put in its place, or relabelled, is called ham."""
    return int(((one.rows["source"] == name) & (one.rows["label"] != HAM)).sum())


def sent(setting, attack, how, seed):
    """The stream as it comes, which of it is poison, and the rows to learn from."""
    batch, touched = setting.one.rows, np.zeros(len(setting.one.rows), bool)
    rng = np.random.default_rng(seed)
    honest = setting.sign(batch)
    if attack is not None:
        poisoned = attack.poison(batch, rng)
        batch, touched = poisoned.batch, poisoned.touched
    if how == "again":
        return replayed(setting, honest, batch, rng)
    if how == "key":
        return setting.sign(batch), touched, batch
    rows = rows_of(batch)
    for at, row in enumerate(honest):
        if not touched[at]:
            rows[at] = row
        elif how == "kept":
            rows[at] = {**rows[at], "signature": row["signature"]}
    return rows, touched, batch


def replayed(setting, honest, batch, rng):
    """Some of the signed records once more, each an hour later."""
    mine = [i for i, row in enumerate(honest) if "signature" in row]
    chosen = np.sort(rng.choice(mine, min(len(mine), round(RATE * len(batch))), replace=False))
    whole = concat([batch, batch.take(chosen)])
    times = np.concatenate([batch["time"], batch["time"][chosen] + 3_600.0])
    order = np.argsort(times, kind="stable")
    rows = [*honest, *(honest[i] for i in chosen)]
    touched = np.r_[np.zeros(len(batch), bool), np.ones(len(chosen), bool)][order]
    rows = [dict(rows[i], came=float(times[i])) for i in order]
    return rows, touched, whole.take(order)


def passed(setting, rows, gate):
    """What a gate stopped, at the door and in all; microseconds a record, reading included."""
    looks = Credentials(setting.registry) if gate != "without keys" else None
    records = Records(setting.form, looks)
    judge = setting.gate(gate)
    bare = [{n: v for n, v in row.items() if n not in ("came",)} for row in rows]
    if looks is None:
        bare = [{n: v for n, v in row.items() if n != "signature"} for row in bare]
    lines = [json.dumps(row).encode() for row in bare]
    came = np.array([row.get("came", row["sent"]) for row in rows])
    door, pulled, by = np.zeros(len(rows), bool), np.zeros(len(rows), bool), set()
    began, windows = time.process_time(), []
    for at in range(0, len(rows), STEP):
        part = records(parse(lines[at : at + STEP])).having(arrived=came[at : at + STEP])
        ruled = judge(part)
        windows.extend(ruled.windows)
        door[at : at + STEP] = ~ruled.admitted
        by |= {at + row for row, why in ruled.reasons.items()
               if any(reason.check == "origin_signature" for reason in why)}  # fmt: skip
    last = judge.close()
    seconds = time.process_time() - began
    for window in [*windows, *([last] if last else [])]:
        for one in window.record.pulled:
            pulled[one.sequence] = True
    return door, pulled, by, 1e6 * seconds / len(rows)


def learned(setting, batch, kept, shown):
    recipe = LinearText()
    taught = [part.without(*set(part.names) - {"text", "label"})
              for part in (setting.one.trusted, batch.take(kept))]  # fmt: skip
    victim = recipe.train(concat(taught), 0)
    found = {"accuracy": float(recipe.quality(victim.predict(setting.one.test), setting.one.test))}
    if shown is not None and len(shown.rows):
        found["ASR"] = float(np.mean(shown.hit(victim.predict(shown.rows))))
    return found


def cell(setting, attack, how, seed):
    rows, touched, batch = sent(setting, attack, how, seed)
    rng = np.random.default_rng(seed)
    shown = probe(attack, setting.one.test, rng) if attack is not None else None
    poison = max(1, int(touched.sum()))
    chance = np.ones(len(batch), bool)
    chance[rng.choice(len(batch), int(touched.sum()), replace=False)] = False
    found = {"poison": int(touched.sum()), "records": len(rows)}
    kept = {"none": np.ones(len(batch), bool), "random": chance, "perfect": ~touched}
    for gate in GATES:
        door, pulled, by, cost = passed(setting, rows, gate)
        stopped = door | pulled
        kept[gate] = ~stopped
        found[gate] = {
            "stopped": float(stopped[touched].sum()) / poison,
            "door": float(door[touched].sum()) / poison,
            "honest": float(stopped[~touched].mean()),
            "by keys": len(by), "honest by keys": len([i for i in by if not touched[i]]),
            "microseconds": cost,
        }  # fmt: skip
    found["model"] = {name: learned(setting, batch, mask, shown) for name, mask in kept.items()}
    return found


def cost(setting):
    """Microseconds a record of what is new: reading signatures, and the check."""
    rows = setting.sign(setting.one.rows)
    mine = [row for row in rows if "signature" in row]
    names = [row["source"] for row in mine]
    began = time.process_time()
    told = Credentials(setting.registry).of(mine, names)
    read = time.process_time() - began
    from foretaste.checks.origin_signature import OriginSignature
    from foretaste.data import Batch

    batch = Batch(range(len(mine)), {"credential": told, "arrived": [r["sent"] for r in mine]})
    check = OriginSignature()
    began = time.process_time()
    surprise, _ = check.judge(batch, check.start(batch))
    judged = time.process_time() - began
    began = time.process_time()
    setting.sign(setting.one.rows)
    signs = time.process_time() - began
    plain = [{n: v for n, v in row.items() if n != "signature"} for row in mine]
    began = time.process_time()
    Credentials(Registry(())).of(plain, names)
    nothing = time.process_time() - began
    each = 1e6 / len(mine)
    letters = int(np.mean([len(row["signature"]) for row in mine]))
    return {
        "signing": signs * each, "reading a signature": read * each, "the check": judged * each,
        "a source without key": nothing * each, "records": len(mine), "letters": letters,
        "held": int(np.isinf(surprise).sum()),
    }  # fmt: skip


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--report", action="store_true")
    asked = arguments.parse_args()
    log = Path(os.environ.get("GATE_LOG", RESULTS / "gate_origin.jsonl"))
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    done = {(one["seed"], one["attack"]) for one in lines}
    for seed in () if asked.report else SEEDS:
        setting = Setting(seed)
        for name, (attack, how) in {**attacks(setting), "cost": (None, None)}.items():
            if (seed, name) in done:
                continue
            found = cost(setting) if name == "cost" else cell(setting, attack, how, seed)
            lines.append({"seed": seed, "attack": name, **found})
            print(seed, name, {g: found[g]["stopped"] for g in GATES if g in found}, flush=True)
            with log.open("a") as out:
                out.write(json.dumps(lines[-1]) + "\n")
    page(lines, RESULTS)


if __name__ == "__main__":
    main()
