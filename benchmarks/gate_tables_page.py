"""The page about tables at the gate."""

import json
import os
import platform
from datetime import UTC, datetime

GOAL = 0.95
HEAD = """# Tables at the gate

    OMP_NUM_THREADS=1 python benchmarks/gate_tables.py
    OMP_NUM_THREADS=1 python benchmarks/gate_tables_speed.py [--memory 10000000]

{date}, {machine}, {cores} cores that other work used at the same time (load 10 to 25); seconds are
those of the processor.

**Streams.** `nsl_kdd`: 25,192 network flows in the order of their file, normal or attack, which is
a random order: nothing drifts. `credit_card`: 284,807 payments in time order over two days; at
midnight of the second day every payment changes at once (a mean by more than a standard
deviation), which belongs to the data. `nsl_kdd_shift`: the test part of NSL-KDD after its training
part; in it a third of the attacks are of kinds that the training part does not have, and a
classifier of the training part is wrong on a fifth. The first fifth of a stream is trusted (all of
the training part for `nsl_kdd_shift`). Of what follows every tenth record is kept apart to measure
models on. Senders are made up: 50 of very unequal size (Zipf), all of whom send the same kind of
record, so honest senders are more alike here than in life.

**Attacks** replace, or add, 5 % of the records ("1 %": one in a hundred; a grooming source has
fewer), spread as each does it; of `credit_card` the first 20,000 records after the trusted ones are
attacked. *Stopped*: held at the door or pulled when their window (1,000 records) was over, before
anything learned from them. *Clean held*: honest records among the same.

**Gates.** *Integrity*: {integrity}. *Default*: all checks for which a table has the columns
({default}). One share of 1 % false alarms is divided by all checks of a gate.

**Choice of settings.** Settings were chosen on `nsl_kdd` in the order of its file and on
`credit_card`, under attacks drawn with seeds 0 to 2; figures are for `nsl_kdd` turned round, so
that other rows are trusted and judged, and for attacks drawn with seed 11. The honest stream of
`credit_card` was looked at to its end while `drift_budget` and `feature_range` were made: its clean
rate is no rate on unseen data. The integrity gate and harm were measured while checks were still
being made: most cells before `drift_budget` came to look at admitted records alone (it had pulled
17 % of the honest payments beside the published 2,500 rows in the last 20 %). What the default gate
stops and holds was measured again, on all cells, after the checks of origin and of repetition had
been mended on just these honest streams (the default gate had held 21.6 % of `credit_card`), so its
clean rates are no rates on unseen data either; its harm columns are from before.

**What is missed.** `near_boundary_flip` and `value_trigger` on `nsl_kdd`: such records have a wrong
label that their content leaves likely; what was missed cost the model 0.2 points at most. Checks
of origin hold honest records of senders in whose name poison came, which is most of what the
default gate holds under attack (1 to 4 in a hundred). On `nsl_kdd_shift` both gates hold three
records in ten: labels no longer go with content as
they did among trusted rows, which is what poison looks like; a person has to say that it is not.
"""
SPEED = """
## Cost

Records a second of one core, in batches of 1,000, and milliseconds of one record alone (median and
99th percentile), without HTTP; the same rows in River's HalfSpaceTrees (score and learn, one by
one, as it is made to) and in a pandera schema of trusted ranges and categories (batches of 1,000).
They do less: no decisions, no ids, no reasons, nothing per source or window.
"""


def write(log, results):
    cells = [json.loads(line) for line in log.read_text().splitlines()]
    checks = {gate: cells[0][gate]["checks"] for gate in ("integrity", "default")}
    lines = [
        HEAD.format(
            date=datetime.now(UTC).date(),
            machine=platform.machine(),
            cores=os.cpu_count(),
            **{gate: ", ".join(f"`{name}`" for name in sorted(n)) for gate, n in checks.items()},
        )
    ]
    lines += honest(cells)
    for stream in ("nsl_kdd", "credit_card"):
        mine = [c for c in cells if c["stream"] == stream and c["attack"] != "none"]
        lines += attacked(stream, sorted(mine, key=lambda cell: cell["attack"]))
    speed = results / "gate_tables_speed.json"
    if speed.exists():
        lines += costs(json.loads(speed.read_text()))
    (results / "gate_tables.md").write_text("\n".join(lines) + "\n")


def honest(cells):
    lines = ["", "## Honest streams", ""]
    lines += [
        "| stream | records | gate | held | at the door | most by |",
        "|---|---|---|---|---|---|",
    ]
    for cell in cells:
        if cell["attack"] != "none":
            continue
        for gate in ("integrity", "default"):
            one = cell[gate]
            most = sorted(one["by"].items(), key=lambda pair: -pair[1][0])[:3]
            said = ", ".join(f"{name} {share[0]:.2%}" for name, share in most)
            lines.append(
                f"| {cell['stream']} | {one['records']:,} | {gate} | {one['clean_held']:.2%} | "
                f"{one['door_held']:.2%} | {said} |"
            )
    return [*lines, *failures(cells)]


def failures(cells):
    found = {
        f for cell in cells for gate in ("integrity", "default") for f in cell[gate]["failures"]
    }
    return ["", "Checks that failed: " + ("; ".join(sorted(found)) or "none") + "."]


def attacked(stream, cells):
    lines = ["", f"## {stream} under attack", ""]
    lines += [
        "| attack | records of it | integrity: stopped (at the door) | clean held "
        "| default: stopped | clean held | integrity, by check |",
        "|---|---|---|---|---|---|---|",
    ]
    for cell in cells:
        one, every = cell["integrity"], cell["default"]
        by = sorted(one["by"].items(), key=lambda pair: -pair[1][1])
        said = ", ".join(f"{name} {share[1]:.0%}" for name, share in by if share[1] >= 0.01)
        missed = "" if one["stopped"] >= GOAL else " ✗"
        lines.append(
            f"| {cell['attack']} | {one['poison']:,} | {one['stopped']:.1%} ({one['at_door']:.1%})"
            f"{missed} | {one['clean_held']:.2%} | {every['stopped']:.1%} | "
            f"{every['clean_held']:.2%} | {said} |"
        )
    lines += ["", "✗: below 95 %."]
    return [*lines, *harmed(stream, cells)]


def harmed(stream, cells):
    whose = ("undefended", "random", "perfect", "integrity", "default")
    lines = ["", f"### What a model learned from {stream}", ""]
    lines += [
        "Of 100 unseen records right (linear_table; AUC in brackets), or AUC alone "
        "(online_centroid, under boiling frogs); then how often the attacker gets what he wants. "
        "*Random*: as many records left out at random as are poisoned; *perfect*: exactly those.",
        "",
        "| attack | " + " | ".join(whose) + " |",
        "|---" * 6 + "|",
    ]
    lines += [
        f"| {cell['attack']} | " + " | ".join(_model(cell["harm"][who]) for who in whose) + " |"
        for cell in cells
    ]
    return lines


def _model(found):
    frog = "auc" not in found
    said = f"AUC {found['quality']:.3f}" if frog else f"{found['quality']:.1%} ({found['auc']:.3f})"
    return said + (f", {found['success']:.0%}" if "success" in found else "")


def costs(found):
    lines = [SPEED]
    speed = found.get("speed", {})
    lines += ["| | " + " | ".join(speed) + " |", "|---" * (len(speed) + 1) + "|"]
    for what in ("integrity", "default", "HalfSpaceTrees", "pandera"):
        lines.append(
            f"| {what} | " + " | ".join(f"{one[what]:,.0f}/s" for one in speed.values()) + " |"
        )
    for what in ("integrity alone", "default alone"):
        said = [f"{one[what][0]:.1f} / {one[what][1]:.1f} ms" for one in speed.values()]
        lines.append(f"| {what} | " + " | ".join(said) + " |")
    lines += ["", "Microseconds a record in a batch, at the door + at the close + in learning, and "
              "of one record alone:", ""]  # fmt: skip
    lines += ["| check | " + " | ".join(speed) + " |", "|---" * (len(speed) + 1) + "|"]
    for name in next(iter(speed.values()), {}).get("checks", {}):
        each = [one["checks"][name] for one in speed.values()]
        said = [
            f"{c['door']:.1f} + {c['close']:.1f} + {c['learn']:.1f}; {c['alone']:.0f}" for c in each
        ]
        lines.append(f"| {name} | " + " | ".join(said) + " |")
    lines.append(
        "| encoding | " + " | ".join(f"{one['encode']:.1f}" for one in speed.values()) + " |"
    )
    for kind, gate in (("memory", "integrity"), ("memory default", "default")):
        if kind in found:
            lines += memory(found[kind], gate)
    return lines


def memory(sampled, gate):
    lines = [
        "",
        f"## Memory: {gate} gate",
        "",
        "| records | resident, MiB | held |",
        "|---|---|---|",
    ]
    lines += [f"| {seen:,} | {size:,.0f} | {held:.2%} |" for seen, size, held in sampled]
    return lines
