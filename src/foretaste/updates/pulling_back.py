"""A slower look back over windows that were let in: the same scan that data sets get."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foretaste.contracts import Kind
from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.scanning.recording import to_record
from foretaste.scanning.run import Scanned, Settings, scan_into
from foretaste.scanning.watch import Progress, silent
from foretaste.updates.history import History, now
from foretaste.updates.learning import OWN, Windows, learnable, standing_rows
from foretaste.updates.record import PullBack

ENCODED = ("embedding", "response_embedding", "response_kind", "language")  # a scan makes its own


@dataclass(frozen=True)
class Past:
    """Rows of several windows as one data set, each where it was found.

    >>> past = Past((("w", Batch(["a"], {"text": ["hi"], "arrived": [1.0]})),))
    >>> [(b["location"].tolist(), b.names) for b in past]
    [(['w:1'], ('text', 'index', 'location'))]
    """

    windows: tuple[tuple[str, Batch], ...]

    def __iter__(self) -> Iterator[Batch]:
        at = 0
        for digest, rows in self.windows:
            plain = _named(rows.without(*OWN, *ENCODED))
            index = at + np.arange(len(rows))
            where = pa.array([f"{digest}:{n + 1}" for n in range(len(rows))], pa.large_string())
            at += len(rows)
            yield plain.having(index=index, location=where)


def pull_back(
    history: History,
    windows: Windows,
    trusted: Batch | None = None,
    how: Settings | None = None,
    *,
    last: int | None = None,
    progress: Progress = silent,
) -> PullBack:
    """Scans windows that were let in; what is accused of an attack is learned from no more.

    trusted: rows known to be clean, that p-values are taken from
    how:     of the scan: alpha, detectors, `thorough`
    last:    how many windows, newest; None: all

    What is dirt and no attack is left where it is. Writes down which updates had already learned
    from a record that was found; if the model in use is one of them, it has to be learned anew
    (`learn`) or rolled back.
    """
    digests = learnable(windows, history)
    digests = digests if last is None else digests[-last:]
    bad = history.pulled()
    parts = [(one, standing_rows(windows, one, bad)) for one in digests]
    past = Past(tuple((one, rows) for one, rows in parts if len(rows)))
    if not past.windows:
        raise BadInput("no window with rows is over yet: there is nothing to look back on")
    known = None if trusted is None else Past((("trusted", trusted),))
    with TemporaryDirectory(prefix="foretaste-") as folder:
        done = scan_into(past, Path(folder), how or Settings(), trusted=known, progress=progress)
        found = _found(done, history)
        verdict = to_record(done).verdict.value
    return _written(history, digests, sum(len(rows) for _, rows in parts), verdict, found)


def _found(done: Scanned, history: History) -> list[dict[str, Any]]:
    """Record, window, detectors and reason of every row accused of an attack."""
    accused = done.findings.filter(pc.equal(done.findings["kind"], Kind.ATTACK.value))
    by_row: dict[int, dict[str, Any]] = {}
    for one in accused.to_pylist():
        window = one["location"].rpartition(":")[0]
        row = {"record": one["id"], "window": window, "detectors": (), "reason": one["reason"]}
        said = by_row.setdefault(one["index"], row)
        said["detectors"] = (*said["detectors"], one["detector"])
    undone = history.undone()
    live = [one for one in history.updates() if one.admitted and one.number not in undone]
    for row in by_row.values():
        row["updates"] = tuple(one.number for one in live if row["window"] in one.learned)
    return [by_row[index] for index in sorted(by_row)]


def _written(
    history: History, digests: Sequence[str], rows: int, verdict: str, found: list[dict[str, Any]]
) -> PullBack:
    updates = sorted({number for one in found for number in one["updates"]})
    used = history.in_use()
    done = PullBack.model_validate(
        {
            "windows": tuple(digests),
            "rows": rows,
            "verdict": verdict,
            "found": found,
            "updates": updates,
            "in_use": used is not None and used.number in updates,
            "time": now(),
        }
    )
    history.write("pull_back", done)
    return done


def _named(rows: Batch) -> Batch:
    """Labels by name, as a reader gives them."""
    if "label" not in rows:
        return rows
    names = [None if code < 0 else rows.class_name(int(code)) for code in rows["label"]]
    return rows.having(label=pa.array(names, pa.large_string()))
