"""Scan folders made by hand, for tests of what reads them."""

import polars as pl

from foretaste.record import Counts, DetectorRun, Record, Verdict
from foretaste.store import Digest

FINDING = {
    "index": pl.Int64, "id": pl.String, "location": pl.String, "detector": pl.String,
    "kind": pl.String, "score": pl.Float64, "p_value": pl.Float64, "reason": pl.String,
}  # fmt: skip


def write_scan(source, folder, attacked=(), dirty=(), failed=(), verdict=Verdict.POISONED):
    """What a scan would write that accuses the rows of these indices; `failed` are not judged."""
    digest, rows, refused = Digest(), [], []
    for batch in source:
        digest.add(batch)
        refused += batch.refused
        columns = (batch["index"].tolist(), batch.ids.tolist(), batch["location"].tolist())
        rows += zip(*columns, strict=True)
    findings = [
        (*row, detector, kind, 9.0, 1e-9, f"{detector} says so")
        for detector, kind, accused in (("trigger", "attack", attacked), ("flip", "hygiene", dirty))
        for row in rows
        if row[0] in accused
    ]
    findings += [
        (one.index, "", one.location, "reader", "hygiene", 1.0, 0.0, one.reason) for one in refused
    ]
    folder.mkdir(parents=True)
    pl.DataFrame(findings, FINDING, orient="row").write_parquet(folder / "findings.parquet")
    table = pl.DataFrame(rows, ["index", "id", "location"], orient="row").with_columns(
        flagged=pl.col("index").is_in(list(attacked)),
        p_value=pl.lit(0.5),
        broken=pl.when(pl.col("index").is_in(list(failed))).then(float("nan")).otherwise(0.0),
    )
    table.write_parquet(folder / "rows.parquet")
    found = len(rows) + len(refused)
    counts = {"found": found, "read": len(rows), "refused": len(refused), "flagged": 0}
    record = Record(
        verdict=verdict,
        dataset={"name": "set", "format": source.format, "fingerprint": digest.hexdigest()},
        counts=Counts(**counts, attack=len(attacked), hygiene=len(dirty), held=len(failed)),
        alpha=0.01,
        plan={},
        detectors=(
            DetectorRun(name="broken", settings={}, kind="attack", scale="raw", status="failed"),
        ),
        versions={},
        seed=0,
        started="",
        finished="",
    )
    (folder / "record.json").write_text(record.model_dump_json(by_alias=True))
    return folder
