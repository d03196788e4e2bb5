"""The walks of a scan: read once, encode level by level, summarize once, score once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foretaste.cache import ColumnCache
from foretaste.contracts import Detector, Encoder
from foretaste.data import Batch, Dataset, Floats, Ints, Mask, Refusal, take
from foretaste.errors import UnreadableInput, WrongRole
from foretaste.scanning.plan import settings
from foretaste.scanning.watch import Watch
from foretaste.store import Digest, Spool
from foretaste.summaries.nothing import Stateless

MOST_CLASSES = 10_000  # more distinct labels than this are values, not classes


@dataclass(frozen=True)
class Intake:
    """What reading gave."""

    found: int
    refusals: tuple[Refusal, ...]
    fingerprint: str
    columns: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass
class Learned:
    """A method and what it made of the rows, or why it could not."""

    name: str
    method: Any
    summary: Any = None
    model: Any = None
    failure: str = ""
    stage: str = ""  # encoders: where their columns are


@dataclass
class Scores:
    """What every detector said of every row.

    index, ids, location: (n,) of each row read
    label:  (n,) class codes, or None
    values: detector -> (n,) scores
    groups: detector -> (n,) group numbers, for those that propose groups
    """

    index: Ints
    ids: pa.Array
    location: pa.Array
    label: Ints | None
    values: dict[str, Floats] = field(default_factory=dict)
    groups: dict[str, Ints] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.index)

    def first(self, rows: int) -> Scores:
        """The same of the first rows only."""
        label = None if self.label is None else self.label[:rows]
        values = {name: column[:rows] for name, column in self.values.items()}
        groups = {name: column[:rows] for name, column in self.groups.items()}
        where = self.index[:rows], self.ids[:rows], self.location[:rows]
        return Scores(*where, label, values, groups)


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


def encode_all(
    spool: Spool, encoders: Mapping[str, Encoder[Any, Any]], fingerprint: str, watch: Watch
) -> dict[str, Learned]:
    """Adds every encoder's columns to the spool; finished stages of an earlier run are kept."""
    done: dict[str, Learned] = {}
    waiting = dict(encoders)
    have = set(spool.batch(0).names)
    while waiting:
        level = {name: one for name, one in waiting.items() if have.issuperset(one.needs)}
        if not level:
            reason = "a column it needs could not be made"
            done.update({n: Learned(n, one, failure=reason) for n, one in waiting.items()})
            break
        learned = [
            Learned(name, one, stage=_stage(name, one, fingerprint, done))
            for name, one in level.items()
        ]
        _encode_level(spool, learned, watch)
        for one in learned:
            done[one.name] = one
            have.update(() if one.failure else one.method.gives)
            waiting.pop(one.name)
    return done


def learn_all(
    dataset: Spool, methods: Mapping[str, Detector[Any, Any] | Encoder[Any, Any]], watch: Watch
) -> dict[str, Learned]:
    """Walks the data once to summarize it for all methods, then fits each."""
    learned = [Learned(name, one) for name, one in methods.items()]
    _summarize(dataset, learned, watch, "summarize")
    _fit(learned, watch)
    return {one.name: one for one in learned}


def score_all(dataset: Spool, learned: Iterable[Learned], watch: Watch) -> Scores:
    """Walks the data once to score it with all detectors; one that fails tells nothing."""
    at, parts, detectors = 0, [], [one for one in learned if not one.failure]
    values = {one.name: np.full(dataset.rows, np.nan) for one in detectors}
    groups = {
        one.name: np.full(dataset.rows, -1) for one in detectors if hasattr(one.method, "propose")
    }
    with watch.stage("score", dataset.rows) as tick:
        for batch in dataset:
            rows = slice(at, at + len(batch))
            for one in detectors:
                _score_into(one, batch, values[one.name][rows], groups.get(one.name), rows)
            label = batch["label"] if "label" in batch else None  # noqa: SIM401 (a batch, no dict)
            parts.append((batch["index"], batch.arrow_ids(), batch.arrow("location"), label))
            at += len(batch)
            tick(len(batch))
    index = np.concatenate([part[0] for part in parts])
    ids, location = (pa.concat_arrays([part[i] for part in parts]) for i in (1, 2))
    labels = [part[3] for part in parts if part[3] is not None]
    return Scores(index, ids, location, np.concatenate(labels) if labels else None, values, groups)


def ensure_models(spool: Spool, encoders: Iterable[Learned], watch: Watch) -> None:
    """Fits encoders whose columns were kept from an earlier run, where they are needed again."""
    missing = [one for one in encoders if one.summary is None and not one.failure]
    _summarize(spool, missing, watch, "prepare")
    _fit(missing, watch)


def _encode_level(spool: Spool, learned: list[Learned], watch: Watch) -> None:
    fresh = [one for one in learned if (spool.facts(one.stage) or {}).get("rows") != spool.rows]
    for one in learned:
        if one not in fresh:
            spool.complete(one.stage, rows=spool.rows)
    taught = [one for one in fresh if not isinstance(one.method, Stateless)]
    _summarize(spool, taught, watch, "prepare")
    _fit(fresh, watch)
    for one in (one for one in fresh if not one.failure):
        _encode(spool, one, watch)


def _encode(spool: Spool, one: Learned, watch: Watch) -> None:
    with watch.stage(f"encode: {one.name}", spool.rows) as tick:
        try:
            known = _cache(one)
            for part, batch in enumerate(spool):
                made = _encoded(one, batch) if known is None else _recalled(one, batch, known)
                spool.extend(one.stage, part, made, one.method.gives)
                tick(len(batch))
            spool.complete(one.stage, rows=spool.rows)
        except Exception as error:  # noqa: BLE001 (any failure is recorded, its detectors do not run)
            one.failure = _told(error)


def _cache(one: Learned) -> ColumnCache | None:
    """Only for encoders that say they are costly and whose answer depends on the row alone."""
    method = one.method
    if not (getattr(method, "costly", False) and isinstance(method, Stateless)):
        return None
    spec = one.method.fingerprint() if hasattr(one.method, "fingerprint") else ""
    return ColumnCache.of(repr((one.name, settings(one.method), spec)), one.method.gives)


def _encoded(one: Learned, batch: Batch) -> Batch:
    made: Batch = one.method.encode(batch, one.model)
    return made


def _recalled(one: Learned, batch: Batch, cache: ColumnCache) -> Batch:
    known, columns = cache.find(batch)
    if known.all() and len(batch):
        return batch.having(**columns)
    fresh = _encoded(one, batch.take(~known))
    cache.keep(fresh)
    if not known.any():
        return batch.having(**{name: fresh.arrow(name) for name in one.method.gives})
    back = pa.array(np.argsort(np.concatenate([np.flatnonzero(known), np.flatnonzero(~known)])))
    both = {n: pa.concat_arrays([columns[n], fresh.arrow(n)]) for n in one.method.gives}
    return batch.having(**{name: take(column, back) for name, column in both.items()})


def _summarize(dataset: Spool, learned: list[Learned], watch: Watch, name: str) -> None:
    if not learned:
        return
    with watch.stage(name, dataset.rows) as tick:
        for batch in dataset:
            for one in (one for one in learned if not one.failure):
                _take_in(one, batch)
            tick(len(batch))


def _take_in(one: Learned, batch: Batch) -> None:
    try:
        summary = one.method.summarize(batch)
        one.summary = summary if one.summary is None else one.summary.merge(summary)
    except Exception as error:  # noqa: BLE001 (a method that fails is reported, the rest goes on)
        one.failure = _told(error)


def _fit(learned: list[Learned], watch: Watch) -> None:
    for one in (one for one in learned if not one.failure):
        with watch.stage(f"fit: {one.name}"):
            try:
                one.model = one.method.fit(one.summary)
            except Exception as error:  # noqa: BLE001 (as above)
                one.failure = _told(error)


def _score_into(one: Learned, batch: Batch, into: Floats, groups: Ints | None, rows: slice) -> None:
    if one.failure:
        return
    try:
        into[:] = one.method.score(batch, one.model)
        if groups is not None:
            groups[rows] = one.method.propose(batch, one.model)
    except Exception as error:  # noqa: BLE001 (its rows stay NaN, which holds them)
        one.failure = _told(error)


def _trusted_columns(batch: Batch, spool: Spool, found: int) -> Batch:
    wanted = spool.batch(0).names
    lacking = [name for name in wanted if name not in batch]
    if lacking:
        raise WrongRole(f"the trusted rows lack {', '.join(lacking)}, which the data set has")
    index = batch["index"] + found
    columns = {name: batch.arrow(name) for name in wanted}
    return Batch(batch.arrow_ids(), {**columns, "index": index}, batch.classes)


def _told(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]


def _stage(name: str, encoder: Any, fingerprint: str, before: Mapping[str, Learned]) -> str:
    """A folder name that changes with the rows, the settings and whatever came before."""
    said = repr((fingerprint, settings(encoder), [one.stage for one in before.values()]))
    return f"{name}-{hashlib.sha256(said.encode()).hexdigest()[:12]}"


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
