"""Writes down what a scan found: the record that reports and consoles read."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from foretaste.record import Counts, DetectorRun, Finding, Record, Verdict
from foretaste.scanning.learned import Learned
from foretaste.scanning.plan import settings
from foretaste.scanning.run import Scanned

PACKAGES = ("foretaste", "numpy", "scipy", "scikit-learn", "pyarrow", "polars", "torch")


def to_record(done: Scanned, asked: Mapping[str, Any] | None = None, **parts: Any) -> Record:
    """The record of a scan.

    asked: how the data was to be read: roles and format, so that it can be opened so again
    parts: what other rooms add: power, sources
    """
    judgement = done.judgement
    verdict = judgement.verdict()
    if verdict is Verdict.CLEAN and done.intake.refusals:
        verdict = Verdict.DIRTY
    return Record(
        verdict=verdict,
        dataset=_described(done),
        counts=_counts(done),
        alpha=done.settings.alpha,
        plan={**done.plan.described(), "trusted": done.trusted, "asked": dict(asked or {})},
        detectors=_runs(done),
        groups=done.groups,
        bounds=done.bounds,
        not_checked=_not_checked(done),
        telling=telling(done.findings),
        stages=tuple(done.watch.stages),
        versions=_versions(),
        seed=done.settings.seed,
        started=done.started,
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        **parts,
    )


def telling(findings: pa.Table, most: int = 5) -> tuple[Finding, ...]:
    """The findings that say most: other reasons first, then attacks, each detector in turn.

    A row that several detectors accuse comes once, with what is said of it first.
    """
    seen: dict[str, dict[str, int]] = {}
    ranked = []
    for order, row in enumerate(findings.slice(0, 20_000).to_pylist()):
        reasons = seen.setdefault(row["detector"], {})
        again = reasons[row["reason"]] = reasons.get(row["reason"], -1) + 1
        ranked.append((again > 0, row["kind"], len(reasons), order, row))
    ranked.sort(key=lambda one: one[:4])
    first: dict[str, dict[str, Any]] = {}
    for *_, row in ranked:
        first.setdefault(row["location"], row)
    return tuple(Finding(**row) for row in list(first.values())[:most])


def _described(done: Scanned) -> dict[str, Any]:
    source = done.source
    return {
        "name": Path(str(getattr(source, "path", "") or "in memory")).name,
        "format": getattr(source, "format", "in memory"),
        "fingerprint": done.intake.fingerprint,
        "roles": dict(getattr(source, "roles", {})),
        "classes": list(done.spool.classes or ())[:1000],
        "columns": list(done.intake.columns),
        "ignored": [str(name) for name in getattr(source, "ignored", ())][:100],
    }


def _counts(done: Scanned) -> Counts:
    attack, hygiene = (done.judgement.of_kind(kind) for kind in ("attack", "hygiene"))
    unknown = [np.isnan(v) for n, v in done.scores.values.items() if done.detectors[n].failure]
    held = np.logical_or.reduce([np.zeros(len(done.scores), bool), *unknown])
    return Counts(
        found=done.intake.found,
        read=len(done.scores),
        refused=len(done.intake.refusals),
        flagged=int(done.judgement.flagged.sum()),
        attack=int(attack.sum()),
        hygiene=int((hygiene & ~attack).sum()),
        held=int(held.sum()),
    )


def _runs(done: Scanned) -> tuple[DetectorRun, ...]:
    runs = []
    for name, method in done.plan.detectors.items():
        one = done.detectors.get(name) or Learned(name, method, failure=_why(done, method))
        null = done.judgement.nulls.get(name)
        values = done.scores.values.get(name, np.empty(0))
        runs.append(
            DetectorRun(
                name=name,
                settings=settings(method),
                kind=str(method.kind),
                scale=str(method.scale),
                status="failed" if one.failure else "ran",
                detail=one.failure,
                null={} if null is None else _null_said(null),
                flagged=int(done.judgement.accused.get(name, np.empty(0)).sum()),
                cannot_tell=int(np.isnan(values).sum()),
            )
        )
    skipped = [
        DetectorRun(name=n, settings={}, kind="", scale="", status="skipped", detail=why)
        for n, why in done.plan.skipped.items()
    ]
    return (*runs, *skipped)


def _null_said(null: Any) -> dict[str, float | str]:
    return {
        "model": "generalised Pareto above the 70th percentile",
        "threshold": null.threshold,
        "scale": null.scale,
        "shape": null.shape,
    }


def _why(done: Scanned, method: Any) -> str:
    for one in done.encoders.values():
        if one.failure and set(method.needs).intersection(one.method.gives):
            return f"encoder {one.name} failed: {one.failure}"
    return "a column it needs could not be made"


def _not_checked(done: Scanned) -> tuple[str, ...]:
    skipped = [f"{name}: {why}" for name, why in done.plan.skipped.items()]
    failed = [f"{run.name}: failed ({run.detail})" for run in _runs(done) if run.status == "failed"]
    notes = [str(note) for note in getattr(done.source, "notes", ())]
    return (*failed, *done.intake.notes, *notes, *skipped)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
