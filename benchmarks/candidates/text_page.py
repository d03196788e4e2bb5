"""The page on texts and chats: every method at its paper's threshold, and as a ranking."""

from __future__ import annotations

import os
import platform

VERDICTS = {
    "random": "control",
    "perfect": "control",
    "scan": "what is there",
    "unasked_answer": "what is there, with `--thorough`",
    "ONION": "no: above 0 it flags 38 clean texts of 40, ranks poison below clean rows (AUC 0.39 "
    "for rare words, 0.37 for style; 0.63 and 0.60 within the class) and costs seconds a row; "
    "`trigger_phrase` finds all rare words in milliseconds, and style, which the scan misses, is "
    "missed here too. Two cells",
    "ONION, logarithm": "no: 0.54 and 0.34; 0.68 and 0.42 within the class",
    "perplexity": "no: 0.27 and 0.36; 0.51 and 0.67 within the class",
    "strangest token": "no: one pass a text and not one a word; 0.75 and 0.79, but 0.59 and 0.66 "
    "within the class",
    "GraCeFul": "no: with 10 % poison as good as published (recall 95 to 100; 50 where an answer "
    "is only added to), also on compliance, opinions and self-poisoning, which the scan does not "
    "accuse; but it always accuses somebody: 9 to 36 % of clean rows, and with 4 % poison a "
    "quarter to a third in three cells of four. The silhouette of its clusters does not tell one "
    "from the other (0.04 to 0.05 without poison, from 0.05 with it)",
    "GraCeFul, 8th neighbour": "no: worse than the words of the answers, at thousands of times "
    "the cost",
    "words of answers, 8th neighbour": "there already: `unasked_answer` groups answers so. AUC "
    "1.00 in all cells but `appended`; it lacks a reason to accuse, and no level was set",
    "GradSentry": "no: flags 96 % of clean rows and more; in 8 cells of 12 poison has *lower* "
    "entropy (AUC 0.02 to 0.22). Perhaps because entropy rises with the length of the answer here "
    "(Spearman 0.42 on clean rows), and planted answers are short (refusals 10 tokens, others 46)",
    "GradSentry, a corner": "no: flags 91 % of clean rows and more",
    "k-distance": "no: poison whose answers are alike lies closer than clean rows (AUC 0.00 to "
    "0.04)",
    "SLOF": "no: a tenth of clean rows; at best 0.77, where the scan finds all",
    "DAO": "no: a tenth of clean rows; at best 0.64",
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

**Chats**: the sets and triggers of chats_deep.md, 1,000 rows (`apologies`: 300); gradients are of
the first 64 tokens of an answer after 64 of its question. `scan` is `trigger_response` and
`response_cluster`; `unasked_answer` is as measured there, where it was. *8th neighbour*: rows
ranked by how like their 8th nearest row is, by GraCeFul's 32 components, or by the vectors of the
words of the answer. In `apologies, clean` nobody is poisoned, but a tenth of the answers begin
"I apologize": recall is the share of these that is flagged, and ought to be 0.

What was wanted and is missed: two sets of chats have no cell with poison, one has none at all, and
of ONION's eight cells few were run. Verdicts rest on what was run; what was not stands at the end.
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
