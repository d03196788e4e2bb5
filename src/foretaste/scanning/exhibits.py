"""What a report shows of the rows themselves, bounded: snippets, pictures, a map."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from foretaste.data import Batch, Floats, concat
from foretaste.scanning.run import Scanned
from foretaste.summaries.reservoir import Reservoir

PER_DETECTOR = 24  # exhibits of each detector
MAPPED = 4_000  # rows on the map
LONGEST = 2_000  # characters of a text that are shown

QUOTED = re.compile(r'"([^"]+)"')

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
    ]
)


def write_exhibits(done: Scanned, out: Path) -> None:
    """Writes exhibits.parquet and map.parquet, which the report reads."""
    pq.write_table(exhibits(done), out / "exhibits.parquet")
    pq.write_table(embedding_map(done), out / "map.parquet")


def exhibits(done: Scanned) -> pa.Table:
    """The strongest findings of each detector, with what there is to see of their rows."""
    chosen: list[dict[str, Any]] = []
    taken: dict[str, int] = {}
    for row in done.findings.slice(0, 200_000).to_pylist():
        if row["id"] and taken.get(row["detector"], 0) < PER_DETECTOR:
            taken[row["detector"]] = taken.get(row["detector"], 0) + 1
            chosen.append(row)
    rows = _rows(done, {row["index"] for row in chosen})
    shown = [_exhibit(done, row, *rows[row["index"]]) for row in chosen]
    return pa.Table.from_pylist(shown, schema=EXHIBITS)


def embedding_map(done: Scanned) -> pa.Table:
    """A sample of rows and all flagged ones (at most as many again) on two main axes.

    x, y: principal components of `embedding`; label: class name; kind: attack, hygiene or ""
    """
    empty: dict[str, list[Any]] = {"index": [], "x": [], "y": [], "label": [], "kind": []}
    if "embedding" not in done.spool.batch(0):
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
    _, first = np.unique(both["index"], return_index=True)
    both = both.take(first)
    x, y = _two_axes(both["embedding"])
    attack = np.isin(both["index"], done.scores.index[done.judgement.of_kind("attack")])
    kinds = np.where(attack, "attack", np.where(np.isin(both["index"], flagged), "hygiene", ""))
    labels = both["label"] if "label" in both else np.full(len(both), -1)
    return pa.table(
        {
            "index": both["index"],
            "x": x,
            "y": y,
            "label": [done.spool.batch(0).class_name(int(code)) for code in labels],
            "kind": kinds,
        }
    )


def _rows(done: Scanned, wanted: set[int]) -> dict[int, tuple[Batch, int]]:
    found: dict[int, tuple[Batch, int]] = {}
    for batch in done.spool if wanted else ():
        hit = batch.take(np.isin(batch["index"], list(wanted)))
        found.update({int(index): (hit, row) for row, index in enumerate(hit["index"])})
    return found


def _exhibit(done: Scanned, finding: dict[str, Any], batch: Batch, row: int) -> dict[str, Any]:
    one = done.detectors[finding["detector"]]
    shown = {name: finding[name] for name in EXHIBITS.names if name in finding}
    if "label" in batch:
        shown["label"] = batch.class_name(int(batch["label"][row]))
    for name in ("text", "response"):
        if name in batch:
            shown[name] = str(batch[name][row] or "")[:LONGEST]
    if "text" not in batch and "features" in batch:
        shown["text"] = str(batch.arrow("features")[row].as_py())[:LONGEST]
    if "pixels" in batch:
        shown["image"] = _png(batch["pixels"][row])
    if finding["kind"] == "attack":
        shown["marks"] = QUOTED.findall(finding["reason"])  # reasons quote what gave a row away
    if hasattr(one.method, "region"):
        box = one.method.region(batch, row, one.model)
        shown["box"] = None if box is None else [int(v) for v in box]
    return shown


def _png(pixels: Any) -> bytes:
    from PIL import Image

    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels[..., :3])
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _two_axes(vectors: Floats) -> Floats:
    centred = np.nan_to_num(vectors.astype(np.float64))
    centred = centred - centred.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    main = axes[:, ::-1][:, :2]
    flat = centred @ main
    return np.zeros((2, len(flat))) if flat.shape[1] < 2 else flat.T.round(4)
