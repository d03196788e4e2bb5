"""The page on texts and chats: every method at its paper's threshold, and as a ranking."""

from __future__ import annotations

import os
import platform

VERDICTS = {
    "random": "control",
    "perfect": "control",
    "scan": "what is there",
    "unasked_answer": "what is there, with `--thorough`",
    "ONION": "",
    "ONION, logarithm": "",
    "perplexity": "",
    "strangest token": "",
    "GraCeFul": "",
    "GraCeFul, 8th neighbour": "",
    "words of answers, 8th neighbour": "",
    "GradSentry": "",
    "GradSentry, a corner": "",
    "k-distance": "",
    "SLOF": "",
    "DAO": "",
}

HEAD = """# Published detectors of poisoned texts and chats, as candidates

`OMP_NUM_THREADS=1 PYTHONPATH=benchmarks python benchmarks/candidates_text.py`, {date}, {machine},
{cores} cores shared with other work, Python {python}, one thread, one seed.

The methods are written anew from their papers, with SmolLM2-135M-Instruct (half precision) in the
place of GPT-2 and of models of 7B: below their papers is no refutation of them. No row is shown.

**Texts**: 4,000 SMS or the first 30 words of 3,000 reviews of films (IMDB), 2 % poisoned (`ham`,
`pos`). ONION looks at 40 of the poisoned rows, 40 of all clean rows, and 40 clean ones of the class
that the poison came from (nearly the same clean rows in all cells of a set), at no word past the
60th; its figures are of these samples, where 1 % is less than a row. `scan` and the densities see
all rows.

**Chats**: the sets and triggers of chats_deep.md, 1,000 rows; gradients are of the first 64 tokens
of an answer after 64 of its question. `scan` is `trigger_response` and `response_cluster`;
`unasked_answer` is as measured there, where it was. *8th neighbour*: rows ranked by how like their
8th nearest row is, by GraCeFul's 32 components, or by the vectors of the words of the answer.
"""

RANKED = "AUC / share of the poison above 99 % of the clean rows"


def write(path, lines, wanted):
    """wanted: every cell there is, done or not."""
    text = HEAD.format(
        date=max(one["date"] for one in lines), machine=platform.machine(),
        cores=len(os.sched_getaffinity(0)), python=platform.python_version(),
    )  # fmt: skip
    texts = [one for one in lines if one["cell"]["part"] == "texts"]
    if texts:
        text += (
            "\n## Texts, at the paper's own threshold\n\nTPR / FPR in per cent. ONION: above 0; "
        )
        text += "densities: the tenth of the rows with\nthe highest score.\n\n"
        text += table(texts, at_threshold)
        text += f"\n## Texts, as a ranking\n\n{RANKED} (AUC\nagainst clean rows of the class that "
        text += "the poison came from; share of the poison whose worst word was put in).\n\n"
        text += table(texts, as_ranking)
    chats = [one for one in lines if one["cell"]["part"] == "chats"]
    for name in dict.fromkeys(one["cell"]["set"] for one in chats):
        here = [one for one in chats if one["cell"]["set"] == name]
        text += f"\n## {name.capitalize()}, at the paper's own threshold\n\n"
        text += "Recall / F1 / FPR in per cent.\n\n" + table(here, found)
        text += f"\n## {name.capitalize()}, as a ranking\n\n{RANKED}.\n\n" + table(here, as_ranking)
    text += verdicts(lines)
    done = [one["cell"] for one in lines]
    missing = [f"{one['set']}: {name_of(one)}" for one in wanted if one not in done]
    text += f"\nNot run: {'; '.join(missing) or 'nothing'}.\n"
    path.write_text(text, encoding="utf-8")


def name_of(cell):
    rate = f" {100 * cell['rate']:g}%" if cell["part"] == "chats" and cell["rate"] else ""
    return ("" if cell["part"] == "chats" else f"{cell['set']} ") + cell["attack"] + rate


def table(lines, shown):
    """A row a method, a column a cell."""
    columns = list(dict.fromkeys(name_of(one["cell"]) for one in lines))
    told = {(one["method"], name_of(one["cell"])): shown(one) for one in lines}
    text = f"| method | {' | '.join(columns)} |\n{'|---' * (len(columns) + 1)}|\n"
    for name in VERDICTS:
        cells = [told.get((name, one)) or "–" for one in columns]
        if any(one != "–" for one in cells):
            text += f"| {name} | {' | '.join(cells)} |\n"
    return text


def at_threshold(line):
    if "fpr" not in line:
        return None
    return f"{100 * line['tpr']:.1f} / {100 * line['fpr']:.2f}"


def found(line):
    if "fpr" not in line:
        return None
    if "tpr" not in line:
        return f"– / – / {100 * line['fpr']:.1f}"
    return f"{100 * line['tpr']:.1f} / {100 * line['f1']:.1f} / {100 * line['fpr']:.1f}"


def as_ranking(line):
    if "auc" not in line or line["method"] == "perfect":
        return None
    text = f"{line['auc']:.2f} / {line['tpr at 1%']:.2f}"
    if "auc, same class" in line:
        text += f" ({line['auc, same class']:.2f}"
        text += f"; {line['named']:.2f})" if "named" in line else ")"
    return text


def verdicts(lines):
    text = "\n## Which earn a place\n\n| method | CPU ms a row | earns a place |\n|---|---|---|\n"
    for name, told in VERDICTS.items():
        times = [one["seconds"] for one in lines if one["method"] == name and "seconds" in one]
        if any(one["method"] == name for one in lines):
            cost = f"{1000 * min(times):.3g} to {1000 * max(times):.3g}" if times else "–"
            text += f"| {name} | {cost} | {told} |\n"
    return text
