"""What a report shows of the rows themselves, bounded: snippets, pictures, a map."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from foretaste.data import Batch, Floats, concat
from foretaste.relevance import overlay, png
from foretaste.scanning.explaining import Explained, explain
from foretaste.scanning.prototypes import Near
from foretaste.scanning.run import Scanned
from foretaste.summaries.reservoir import Reservoir

PER_DETECTOR = 24  # exhibits of each detector
MAPPED = 4_000  # rows on the map
LONGEST = 2_000  # characters of a text that are shown
SNIPPET = 160  # characters of a text that it is compared with

QUOTED = re.compile(r'"([^"]+)"')

WORD = [("start", pa.int64()), ("stop", pa.int64()), ("relevance", pa.float64())]
NEAR = [
    ("index", pa.int64()),
    ("label", pa.string()),
    ("text", pa.string()),
    ("image", pa.binary()),
]
EXHIBITS = pa.schema(
    [
        ("index", pa.int64()),
        ("id", pa.string()),
        ("location", pa.string()),
        ("detector", pa.string()),
        ("kind", pa.string()),
        ("reason", pa.string()),
        ("label", pa.string()),
        ("text", pa.string()),
        ("response", pa.string()),
        ("marks", pa.list_(pa.string())),  # phrases to highlight in the text
        ("image", pa.binary()),  # PNG
        ("box", pa.list_(pa.int64())),  # y, x, height, width of a trigger in the image
        ("says", pa.string()),  # the class a model predicts, and how sure it is
        ("chance", pa.float64()),
        ("heat", pa.binary()),  # PNG with transparency, to lie over the image
        ("instead", pa.string()),  # the class without the hottest part, and how large that is
        ("part", pa.float64()),
        ("words", pa.list_(pa.struct(WORD))),
        ("usual", pa.list_(pa.struct(NEAR))),  # honest rows of the same label
        ("content", pa.list_(pa.struct(NEAR))),  # of the class that the content speaks for
    ]
)


def write_exhibits(done: Scanned, out: Path) -> Explained:
    """Writes exhibits.parquet and map.parquet, which the report reads; gives the explanations."""
    table, explained = exhibits(done)
    pq.write_table(table, out / "exhibits.parquet")
    pq.write_table(embedding_map(done), out / "map.parquet")
    return explained


def exhibits(done: Scanned) -> tuple[pa.Table, Explained]:
    """The strongest findings of each detector, with what there is to see of their rows, and why."""
    chosen: list[dict[str, Any]] = []
    taken: dict[str, int] = {}
    ranks: dict[int, int] = {}
    for row in done.findings.slice(0, 200_000).to_pylist():
        rank = taken.get(row["detector"], 0)
        if row["id"] and rank < PER_DETECTOR:
            taken[row["detector"]] = rank + 1
            ranks[row["index"]] = min(rank, ranks.get(row["index"], rank))
            chosen.append(row)
    explained = explain(done, ranks)
    shown = [_exhibit(done, row, explained) for row in chosen]
    return pa.Table.from_pylist(shown, schema=EXHIBITS), explained


def embedding_map(done: Scanned) -> pa.Table:
    """A sample of rows and all flagged ones (at most as many again) on two main axes.

    x, y: principal components of `embedding`; label: class name; kind: attack, hygiene or ""
    """
    empty: dict[str, list[Any]] = {"index": [], "x": [], "y": [], "label": [], "kind": []}
    first = done.spool.batch(0)
    if "embedding" not in first:
        return pa.table(empty)
    flagged = np.sort(done.scores.index[done.judgement.flagged])[:MAPPED]
    sample: Reservoir | None = None
    marked: list[Batch] = []
    for batch in done.spool:
        small = Reservoir.of(batch, ("embedding", "label"), MAPPED, done.settings.seed)
        sample = small if sample is None else sample.merge(small)
        hit = np.isin(batch["index"], flagged)
        marked.append(Reservoir.of(batch.take(hit), ("embedding", "label"), MAPPED).rows)
    both = concat([sample.sorted(), *marked]) if sample else concat(marked)
    _, once = np.unique(both["index"], return_index=True)
    both = both.take(once)
    x, y = _two_axes(both["embedding"])
    attack = np.isin(both["index"], done.scores.index[done.judgement.of_kind("attack")])
    kinds = np.where(attack, "attack", np.where(np.isin(both["index"], flagged), "hygiene", ""))
    labels = both["label"] if "label" in both else np.full(len(both), -1)
    return pa.table(
        {
            "index": both["index"],
            "x": x,
            "y": y,
            "label": [first.class_name(int(code)) for code in labels],
            "kind": kinds,
        }
    )


def _exhibit(done: Scanned, finding: dict[str, Any], explained: Explained) -> dict[str, Any]:
    batch, row = explained.walked.rows[finding["index"]]
    one = done.detectors[finding["detector"]]
    shown = {name: finding[name] for name in EXHIBITS.names if name in finding}
    if "label" in batch:
        shown["label"] = batch.class_name(int(batch["label"][row]))
    shown.update(_seen(batch, row))
    if finding["kind"] == "attack":
        shown["marks"] = QUOTED.findall(finding["reason"])  # reasons quote what gave a row away
    if hasattr(one.method, "region"):
        box = one.method.region(batch, row, one.model)
        shown["box"] = None if box is None else [int(v) for v in box]
    return {**shown, **_why(explained, finding["index"])}


def _seen(batch: Batch, row: int, longest: int = LONGEST) -> dict[str, Any]:
    """What there is to see of a row: text, response, image."""
    shown: dict[str, Any] = {}
    for name in (name for name in ("text", "response") if name in batch):
        shown[name] = str(batch[name][row] or "")[:longest]
    if "text" not in batch and "features" in batch:
        shown["text"] = str(batch.arrow("features")[row].as_py())[:longest]
    if "pixels" in batch:
        shown["image"] = png(batch["pixels"][row][..., :3])
    return shown


def _why(explained: Explained, index: int) -> dict[str, Any]:
    why, honest = explained.whys[index], explained.walked.honest
    found: dict[str, Any] = {
        "chance": why.chance,
        "words": [dict(zip(("start", "stop", "relevance"), one, strict=True)) for one in why.words],
        "usual": [_near(explained, one) for one in why.usual],
        "content": [_near(explained, one) for one in why.content],
    }
    if why.says >= 0:
        found["says"] = honest.class_name(why.says)
    if why.heat is not None:
        found |= {"heat": png(overlay(why.heat)), "part": why.part}
        found["instead"] = honest.class_name(why.instead)
    return found


def _near(explained: Explained, near: Near) -> dict[str, Any]:
    batch, row = explained.near[near.index]
    seen = _seen(batch, row, SNIPPET)
    return {"index": near.index, "label": batch.class_name(near.label), **seen}


def _two_axes(vectors: Floats) -> Floats:
    centred = np.nan_to_num(vectors.astype(np.float64))
    centred = centred - centred.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    main = axes[:, ::-1][:, :2]
    flat = centred @ main
    return np.zeros((2, len(flat))) if flat.shape[1] < 2 else flat.T.round(4)
