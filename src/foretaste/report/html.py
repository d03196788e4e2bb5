"""One self-contained page: verdict first, then the evidence, then how it was found."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from markupsafe import Markup, escape

from foretaste.record import Record
from foretaste.report.drawing import curve, histogram, scatter
from foretaste.report.files import read_record
from foretaste.report.page import asset, png_size, template, visible
from foretaste.report.reasons import coloured, picture, why

FIXED = ("index", "id", "location", "flagged", "p_value")
MOST_REASONS = 12  # lines of grouped findings of one detector
NUMBERS = re.compile(r"\d+(\.\d+)?")


def write_html(folder: Path) -> None:
    """Writes report.html beside the record: one file that needs no network."""
    page = render(
        read_record(folder),
        pq.read_table(folder / "rows.parquet"),
        pq.read_table(folder / "findings.parquet"),
        pq.read_table(folder / "exhibits.parquet").to_pylist(),
        pq.read_table(folder / "map.parquet").to_pylist(),
    )
    (folder / "report.html").write_text(page, encoding="utf-8")


def render(
    record: Record,
    rows: pa.Table,
    findings: pa.Table,
    exhibits: list[dict[str, Any]],
    points: list[dict[str, Any]],
) -> str:
    """The page. Everything that came from the data set is escaped."""
    blocks = _blocks(findings, exhibits)
    return template("report.html").render(
        record=record,
        pictured=any(one["why"]["heat"] for block in blocks for one in block["images"]),
        shaded=any(one.get("words") for one in exhibits),
        style=Markup(asset("report.css")),  # noqa: S704 (our own file)
        runs=[run for run in record.detectors if run.status == "ran"],
        blocks=blocks,
        histograms=_histograms(rows),
        scatter=Markup(scatter(points)),  # noqa: S704 (numbers only)
        classes=_legend(points),
        curve=Markup(curve([(b.flagged, b.clean) for b in record.bounds])),  # noqa: S704
        seconds=sum(stage.seconds for stage in record.stages if not stage.of),
    )


def highlighted(text: str, marks: list[str]) -> Markup:
    """A text, escaped, with the marked phrases in <mark>; invisible characters made visible.

    >>> str(highlighted("a <b> cf c", ["cf"]))
    'a &lt;b&gt; <mark>cf</mark> c'
    """
    wanted = [re.escape(mark) for mark in marks if mark]
    pieces = re.split(f"({'|'.join(wanted)})", text, flags=re.IGNORECASE) if wanted else [text]
    shown = [
        Markup("<mark>{}</mark>").format(visible(piece)) if place % 2 else escape(visible(piece))
        for place, piece in enumerate(pieces)
    ]
    return Markup("").join(shown)


def _blocks(findings: pa.Table, exhibits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Per detector: how many, which reasons recur, what there is to see."""
    counted = Counter(
        zip(findings["detector"].to_pylist(), findings["kind"].to_pylist(), strict=True)
    )
    blocks = []
    for (detector, kind), count in sorted(counted.items(), key=lambda one: (one[0][1], -one[1])):
        mine = findings.filter(pa.compute.equal(findings["detector"], detector))
        shown = [_shown(one) for one in exhibits if one["detector"] == detector]
        blocks.append(
            {
                "detector": detector,
                "kind": kind,
                "count": count,
                "reasons": _grouped(mine["reason"].to_pylist()),
                "texts": [one for one in shown if one["text"] and not one["image"]],
                "images": [one for one in shown if one["image"]],
                "told": any(one["why"]["heat"] or one["why"]["usual"] for one in shown),
            }
        )
    return blocks


def _grouped(reasons: list[str]) -> list[tuple[str, int]]:
    """Reasons that differ only in their numbers, counted together, most frequent first."""
    groups: dict[str, list[str]] = {}
    for reason in reasons:
        groups.setdefault(NUMBERS.sub("#", reason), []).append(reason)
    ranked = sorted(groups.values(), key=len, reverse=True)
    return [(group[0], len(group)) for group in ranked[:MOST_REASONS]]


def _shown(exhibit: dict[str, Any]) -> dict[str, Any]:
    image, box, marks = exhibit["image"], exhibit["box"], exhibit["marks"] or []
    text, words = exhibit["text"] or "", exhibit.get("words")
    return {
        **exhibit,
        "text": coloured(text, words, marks) if words else highlighted(text, marks),
        "response": highlighted(exhibit["response"] or "", []),
        "image": picture(image),
        "why": why(exhibit),
        "box": _overlay(box, png_size(image)) if image and box else "",
    }


def _overlay(box: list[int], size: tuple[int, int]) -> str:
    top, left, height, width = box
    tall, wide = size
    return (
        f"top:{top / tall:.2%};left:{left / wide:.2%};"
        f"height:{height / tall:.2%};width:{width / wide:.2%}"
    )


def _histograms(rows: pa.Table) -> list[tuple[str, Markup]]:
    flagged = rows["flagged"].to_numpy(zero_copy_only=False)
    drawn = []
    for name in (name for name in rows.schema.names if name not in FIXED):
        values = rows[name].to_numpy(zero_copy_only=False).astype(np.float64)
        drawn.append((name, Markup(histogram(values, flagged))))  # noqa: S704 (numbers only)
    return [one for one in drawn if one[1]]


def _legend(points: list[dict[str, Any]]) -> list[tuple[int, str]]:
    names = sorted({str(point["label"]) for point in points})
    return [(index % 10, name) for index, name in enumerate(names)][:20]
