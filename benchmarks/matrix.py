"""The full matrix: every attack against no defence, the controls, a scan, and peers.

    PYTHONPATH=benchmarks python benchmarks/matrix.py [--only text,tables] [--out DIR] [--jobs 2]

One campaign a kind of data, in benchmarks/campaigns. Hours on two cores; an interrupted run goes
on where it was, cell by cell, from --out. Writes benchmarks/results/matrix.md, the scorecards
beside it as matrix_NAME.parquet, and the README's table.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from foretaste import datasets, redteam
from foretaste.campaign.cells import CLEAN
from foretaste.campaign.outcome import UNDEFENDED
from foretaste.campaign.scorecard import Scorecard
from foretaste.campaign.spec import read_campaign
from foretaste.cli.screen import progress
from foretaste.report.scored import table

HERE = Path(__file__).parent
RESULTS = HERE / "results"
NAMES = ("text", "tables", "images", "images_full", "sources", "chats", "ratings", "stream", "urdu")
MEASURES = ("quality", "success", "recall", "precision")


def contributors(path):
    """SMS messages, each from one of forty contributors, in order over thirty days."""
    rows = datasets.load("sms").to_pylist()
    rng = np.random.default_rng(0)
    share = 1 / np.arange(1, 41)
    who = rng.choice(40, len(rows), p=share / share.sum())
    when = np.sort(rng.uniform(0, 30 * 86_400, len(rows))) + 1_700_000_000
    with path.open("w", newline="", encoding="utf-8") as stream:
        lines = csv.writer(stream)
        lines.writerow(("source", "time", "label", "text"))
        for row, source, time in zip(rows, who, when, strict=True):
            lines.writerow((f"contributor {source}", round(time), row["label"], row["text"]))


def flows(path):
    """Network flows of two classes: normal, or any attack."""
    table = datasets.load("nsl_kdd")
    attack = pc.if_else(pc.equal(table["label"], "normal"), "normal", "attack")
    place = table.column_names.index("label")
    pq.write_table(table.set_column(place, "label", attack), path)


MADE = {"sms_of_contributors.csv": contributors, "network_flows.parquet": flows}


def campaign_of(name, out):
    said = read_campaign(HERE / "campaigns" / f"{name}.yaml")
    if said.target.data not in datasets.names():
        path = out / said.target.data
        if not path.exists():
            MADE[said.target.data](path)
        target = said.target.model_copy(update={"data": str(path)})
        said = said.model_copy(update={"target": target})
    return said


def shown(mean, digits=3):
    if mean is None:
        return "–"
    text = f"{mean.mean:.{digits}f}"
    return text if mean.low is None else f"{text} [{mean.low:.2f}, {mean.high:.2f}]"


def block(card):
    """One campaign as a table: a line an attack, for each defence success, recall, precision."""
    chosen = card.defences
    head = [
        "attack",
        "rows",
        *chosen,
        "survives tuning",
        f"{card.measure} undefended",
        "gap change",
    ]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for line in card.lines:
        cells = [line.title, f"{line.poisoned:,} of {line.rows:,}"]
        cells += [cell(line, defence) for defence in chosen]
        undefended = line.of(UNDEFENDED)
        cells.append(shown(line.survives))
        cells.append(shown(undefended.measures.get("quality")) if undefended else "–")
        cells.append(shown(undefended.measures.get("gap_change")) if undefended else "–")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def cell(line, defence):
    """Success (or quality lost), and recall / precision."""
    score = line.of(defence)
    if score is None or score.detail:
        return "failed"
    told = shown(score.measures.get("success" if line.probes else "quality_lost"))
    recall, precision = (score.measures.get(name) for name in ("recall", "precision"))
    if line.attack == CLEAN:
        rate = score.measures.get("false_positive_rate")
        return told if rate is None else f"{told}; flags {rate.mean:.2%}"
    if recall is None:
        return told
    return f"{told}; {recall.mean:.3f} / {'–' if precision is None else f'{precision.mean:.3f}'}"


HEAD = """# Every attack against every defence

`PYTHONPATH=benchmarks python benchmarks/matrix.py`, {date}, {machine}, {cores} cores shared with
other work, Python {python}. Campaigns: `benchmarks/campaigns/`.

Each cell: success of the attack on the model trained after the defence (of attacks that only do
damage, and where nobody attacks: quality lost against the undefended model of clean rows), means
over seeds with 95 % intervals by Student's t; then recall / precision of the rows flagged. Two
seeds make wide intervals. *Random filter* drops as many rows as were poisoned, *perfect filter*
exactly those; what is left after the perfect filter is what the model gets wrong by itself. Peers
run with their defaults on the same rows, each given its best case (see `benchmarks/peers.py`).
"""


def written(cards):
    text = HEAD.format(
        date=datetime.now(UTC).date().isoformat(),
        machine=platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        python=platform.python_version(),
    )
    for name, card in cards.items():
        seeds = sorted({seed for line in card.lines for seed in line.seeds})
        rows = max((line.rows for line in card.lines), default=0)
        recipe = card.target["recipe"]["name"]
        data = Path(card.target["data"]).name
        text += f"\n## {name}\n\n{data}, {rows:,} rows, recipe `{recipe}`, "
        text += f"seeds {seeds}, version {card.version}, {card.finished}\n\n{block(card)}\n"
        for one in card.failures:
            text += f"\n- {one.status}: {one.title}, seed {one.seed}: {one.detail[-300:]}"
        gaps = [g for g in card.gaps if g.why == "comes through" and g.defence == "scan"]
        if gaps:
            text += "\nCoverage gaps of `scan`:\n\n"
        for gap in gaps:
            text += f"- {gap.title}: {gap.undefended:.2f} → {gap.left:.2f}. "
            text += f"Countered by {gap.helps}\n"
    (RESULTS / "matrix.md").write_text(text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default=",".join(NAMES))
    parser.add_argument("--out", type=Path, default=Path("build/matrix"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seeds", default="")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    for name in (name for name in NAMES if name in chosen.only.split(",")):
        said = campaign_of(name, chosen.out)
        budget = said.budget.model_copy(update={"jobs": chosen.jobs})
        seeds = tuple(map(int, chosen.seeds.split(","))) if chosen.seeds else said.seeds
        said = said.model_copy(update={"budget": budget, "seeds": seeds})
        with progress(quiet=False) as bar:
            redteam(said, chosen.out / name, progress=bar)
    collect(chosen.out)


def collect(out):
    """Writes the results of all campaigns that have run, now or before."""
    cards = {}
    for name in NAMES:
        path = out / name / "scorecard.json"
        if path.exists():
            cards[name] = Scorecard.model_validate_json(path.read_bytes())
            pq.write_table(table(cards[name]), RESULTS / f"matrix_{name}.parquet")
    written(cards)


if __name__ == "__main__":
    main()
