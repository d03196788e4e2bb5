"""The page of benchmarks/gate_origin.py."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime

import numpy as np

GATES = ("without keys", "with keys", "keys alone")
HEAD = """# Signed sources at the gate

{date}, {machine}, {cores} cores (shared with other work), one process.
`OMP_NUM_THREADS=1 python benchmarks/gate_origin.py`

Stream: 4,862 SMS in an order by chance, from 50 senders of very unequal size; every sixth row is
kept apart to test on, of the rest the first quarter is trusted, three quarters go through the gate
as JSON lines, each read, checked and judged (alpha 0.01, windows of 1,000). The ten senders who
send most have a registered Ed25519 key and sign each record with number and time; the other forty
have none and do not. Poison is 5 % of the stream, less where the source does not send so much.
Seeds {seeds} (order of the stream, senders, attack). No setting was chosen on them; but after a
first look at seed 7, what is held for its signature no longer counts against the source it names,
and all was run again: the honest records held *with keys* are so a little too few there.

Gates: *without keys* as `Terms()` has it; *with keys* the same and `origin_signature`; *keys alone*
is only that check. *Stopped*: held at the door or pulled before the window was learned from. ASR
(of what the attacker wants of unseen rows) and accuracy are of `linear_text`, trained on the
trusted rows and on what stood; beside it *none* (no gate), *random* (as many rows by chance as were
poisoned are left out) and *perfect* (exactly those). Means over seeds, from the least to the most.

A signature says who sent a record and that nobody altered it. So the last three attacks are to be
missed by keys alone, and are: one who has the key, a provider who lies, a name nobody protects.
"""


def spread(values, form="{:.1%}"):
    low, mean, high = min(values), float(np.mean(values)), max(values)
    told = form.format(mean)
    return (
        told
        if form.format(low) == form.format(high)
        else (f"{told} ({form.format(low)} to {form.format(high)})")
    )


def page(lines, results):
    ran = ", ".join(map(str, sorted({one["seed"] for one in lines})))
    head = HEAD.format(date=f"{datetime.now(UTC):%Y-%m-%d}", machine=platform.machine(),
                       cores=os.cpu_count(), seeds=ran)  # fmt: skip
    out = [head, "| attack | poison | gate | stopped | at the door | honest held |"
           " honest held by keys |", "|---|---:|---|---:|---:|---:|---:|"]  # fmt: skip
    told = [one for one in lines if one["attack"] != "cost"]
    for name in dict.fromkeys(one["attack"] for one in told):
        mine = [one for one in told if one["attack"] == name]
        for gate in GATES:
            each = [one[gate] for one in mine]
            poison = spread([one["poison"] for one in mine], "{:.0f}")
            told_of = ("stopped", "door") if mine[0]["poison"] else ()
            stopped = [spread([e[k] for e in each]) for k in told_of] or ["", ""]
            keys = sum(e["honest by keys"] for e in each)
            out.append(f"| {name} | {poison} | {gate} | {' | '.join(stopped)} | "
                       f"{spread([e['honest'] for e in each], '{:.2%}')} | {keys} |")  # fmt: skip
    out += [
        "\n## What a model learned\n",
        "| attack | "
        + " | ".join(f"{n}: ASR, accuracy" for n in ("none", "random", "perfect", *GATES))
        + " |",
        "|---|" + "---|" * 6,
    ]
    for name in dict.fromkeys(one["attack"] for one in told if one["poison"]):
        mine = [one["model"] for one in told if one["attack"] == name]
        cells = []
        for who in ("none", "random", "perfect", *GATES):
            asr = [m[who]["ASR"] for m in mine if "ASR" in m[who]]
            accuracy = np.mean([m[who]["accuracy"] for m in mine])
            cells.append(f"{np.mean(asr):.2f}, {accuracy:.3f}" if asr else f"{accuracy:.3f}")
        out.append(f"| {name} | {' | '.join(cells)} |")
    costs = [one for one in lines if one["attack"] == "cost"]
    whole = [one for one in told if one["attack"] == "none"]
    out += ["\n## What it costs\n", "| | microseconds of processor time a record |", "|---|---:|"]
    for what in ("signing", "reading a signature", "the check", "a source without key"):
        out.append(f"| {what} | {spread([one[what] for one in costs], '{:.1f}')} |")
    for gate in GATES:
        out.append(
            f"| all, {gate} | {spread([o[gate]['microseconds'] for o in whole], '{:.0f}')} |"
        )
    out.append(
        f"\nA signature is {costs[0]['letters']} letters long; nearly all of its cost is Ed25519."
        " The first four lines are for a record that they concern, the last three for any."
    )
    (results / "gate_origin.md").write_text("\n".join(out) + "\n")
