"""The scorecard of a campaign as files: for machines, for tables, for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from foretaste.campaign.scorecard import MEASURES, Scorecard
from foretaste.report.scorecard import write_scorecard


def write(card: Scorecard, out: Path) -> None:
    """Writes scorecard.json, scorecard.parquet and scorecard.html into a folder."""
    text = card.model_dump_json(by_alias=True, indent=1)
    (out / "scorecard.json").write_text(text, encoding="utf-8")
    pq.write_table(table(card), out / "scorecard.parquet", compression="zstd")
    write_scorecard(card, out)


def table(card: Scorecard) -> pa.Table:
    """One line an attack and defence: each measure with the ends of its interval."""
    rows = []
    for line in card.lines:
        for score in line.scores:
            row: dict[str, Any] = {
                "attack": line.attack,
                "title": line.title,
                "defence": score.defence,
                "seeds": len(line.seeds),
                "rows": line.rows,
                "poisoned": line.poisoned,
                "detail": score.detail,
            }
            for name in MEASURES:
                mean = score.measures.get(name)
                row[name] = None if mean is None else mean.mean
                row[f"{name}_low"] = None if mean is None else mean.low
                row[f"{name}_high"] = None if mean is None else mean.high
            rows.append(row)
    return pa.Table.from_pylist(rows)
