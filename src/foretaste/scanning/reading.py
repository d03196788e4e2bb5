"""Reads every row once; what cannot be read is counted and located."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foretaste.data import Batch, Dataset, Mask, Refusal
from foretaste.errors import UnreadableInput, WrongRole
from foretaste.scanning.watch import Watch
from foretaste.store import Digest, Spool

PART = 2_048  # rows in memory given at once
_TEXT = pa.large_string()
MOST_CLASSES = 10_000  # more distinct labels than this are values, not classes


@dataclass(frozen=True)
class Intake:
    """What reading gave."""

    found: int
    refusals: tuple[Refusal, ...]
    fingerprint: str
    columns: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class InMemory:
    """Rows that are in memory already, as a `Dataset`: positions, places and label names given."""

    rows: Batch

    def __iter__(self) -> Iterator[Batch]:
        n = len(self.rows)
        whole = self.rows.having(index=np.arange(n))
        if "location" not in whole:
            whole = whole.having(location=[f"row {i}" for i in range(n)])
        for start in range(0, n, PART):
            yield _named(whole.take(np.arange(start, min(start + PART, n))))


def read_in(source: Dataset, spool: Spool, watch: Watch) -> Intake:
    """Reads every row once into the spool; what cannot be read is listed."""
    refusals: list[Refusal] = []
    digest, labels, columns = Digest(), set[str](), dict[str, None]()
    with watch.stage("read") as tick:
        for batch in source:
            spool.append(batch)
            digest.add(batch)
            refusals.extend(batch.refused)
            if len(batch):
                columns.update(dict.fromkeys(batch.names))
            _gather_labels(batch, labels)
            tick(len(batch) + len(batch.refused))
    if not spool.rows:
        raise UnreadableInput(_nothing_read(refusals))
    notes = _name_classes(spool, labels, columns)
    found = spool.rows + len(refusals)
    return Intake(found, tuple(refusals), digest.hexdigest(), tuple(columns), tuple(notes))


def read_trusted(source: Dataset, spool: Spool, found: int, watch: Watch) -> Mask:
    """Appends rows known to be clean; (rows in the spool,) which rows are trusted.

    Trusted rows go through everything the others go through, so that their scores can be
    compared with those of clean rows. One that is already in the data set is not added again.
    """
    known = np.concatenate([batch.keys for batch in spool])
    trusted = [np.zeros(len(known), bool)]
    with watch.stage("read: trusted") as tick:
        for batch in source:
            inside = np.isin(batch.keys, known)
            trusted[0] |= np.isin(known, batch.keys[inside])
            fresh = _trusted_columns(batch.take(~inside), spool, found)
            spool.append(fresh)
            trusted.append(np.ones(len(fresh), bool))
            tick(len(batch))
    return np.concatenate(trusted)


def _named(part: Batch) -> Batch:
    if "label" not in part or pa.types.is_large_string(part.arrow("label").type):
        return part
    known = part.classes or [str(i) for i in range(int(part["label"].max(initial=-1)) + 1)]
    return part.having(label=pa.array(np.array([*known, None], object)[part["label"]], _TEXT))


def _trusted_columns(batch: Batch, spool: Spool, found: int) -> Batch:
    wanted = spool.batch(0).names
    lacking = [name for name in wanted if name not in batch]
    if lacking:
        raise WrongRole(f"the trusted rows lack {', '.join(lacking)}, which the data set has")
    index = batch["index"] + found
    columns = {name: batch.arrow(name) for name in wanted}
    return Batch(batch.arrow_ids(), {**columns, "index": index}, batch.classes)


def _gather_labels(batch: Batch, labels: set[str]) -> None:
    if "label" in batch and len(labels) <= MOST_CLASSES:
        labels.update(
            pc.unique(batch.arrow("label").cast(pa.large_string())).drop_null().to_pylist()
        )


def _name_classes(spool: Spool, labels: set[str], columns: dict[str, None]) -> list[str]:
    if len(labels) > min(MOST_CLASSES, max(spool.rows // 2, 2)):
        spool.classes = None
        columns.pop("label", None)
        return [f"label: {len(labels):,} or more distinct values are not classes"]
    spool.classes = tuple(sorted(labels, key=_naturally))
    if "label" in columns and not labels:
        columns.pop("label")
        return ["label: the column is empty"]
    return []


def _naturally(name: str) -> tuple[int, float, str]:
    return (0, float(name), name) if name.lstrip("-").isdigit() and name.isascii() else (1, 0, name)


def _nothing_read(refusals: list[Refusal]) -> str:
    if not refusals:
        return "no rows were found: the input is empty"
    first = refusals[0]
    return (
        f"none of {len(refusals)} rows could be read; the first, {first.location}: {first.reason}"
    )
