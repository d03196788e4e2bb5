"""Trusted rows as a gate takes them, and the contract that they suggest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foretaste.contracts import Source
from foretaste.data import Batch, Floats, concat
from foretaste.errors import BadInput, UnreadableInput
from foretaste.gate.form import SCHEMA, Entry, Form, Kind, kinds
from foretaste.roles.names import plain
from foretaste.store import codes

KEYS = ("key", "id", "record_id", "event_id", "transaction_id", "uuid", "guid")
ROOM = 10  # times as far as the trusted rows go is still within bounds
LONG = {Kind.TEXT: 10_000, Kind.CATEGORY: 256}  # characters that are allowed at least
SEEN = 5  # a set of categories is closed if each was seen so often
MOST = 1_000  # categories counted
_BESIDE = ("index", "location")  # columns that say where a row stood


def trusted_rows(source: Source, form: Form) -> Batch:
    """All rows of a data set known to be clean, as the gate compares records with them.

    Labels are codes of the contract's classes; what cannot be read is left out.
    """
    parts = [dressed(batch, form) for batch in source if len(batch)]
    if not parts:
        raise UnreadableInput(f"{source.path}: no trusted row can be read")
    common = [name for name in parts[0].names if all(name in part for part in parts)]
    return concat([part.without(*(set(part.names) - set(common))) for part in parts])


def dressed(batch: Batch, form: Form) -> Batch:
    """Rows of a data set with the columns that records of the stream get."""
    columns = {name: batch.arrow(name) for name in batch.names if name not in _BESIDE}
    if "label" in columns:
        columns["label"] = codes(columns["label"], form.classes)
    if "user" in columns:
        columns.setdefault("source", columns["user"])
    columns.setdefault("breach", pa.nulls(len(batch), pa.large_string()))
    columns.setdefault("key", pa.nulls(len(batch), pa.large_string()))
    return Batch(batch.arrow_ids(), columns, form.classes)


def suggested(source: Source) -> Form:
    """The contract that rows known to be clean keep, with room for honest ones unlike them.

    Bounds lie ten times as far out as the trusted values go, but keep their sign and stay shares
    where all are shares. Categories are closed only where each was seen at least five times:
    otherwise others are to be expected (Good–Turing). Labels are always closed. A field that was
    never missing is required. Fields nobody agreed on are refused.

    References
    ----------
    Good (1953). The Population Frequencies of Species. doi:10.1093/biomet/40.3-4.237
    Breck et al. (2019). Data Validation for Machine Learning. MLSys.
    """
    shape = getattr(source, "shape", None)
    if shape is None:
        raise BadInput(f"{source.path}: {source.format} has no named columns, as records have")
    cast, seen = shape.cast, _Seen(kinds(shape.cast))
    for batch in source:
        seen.add(batch, cast.roles)
    if not seen.rows:
        raise UnreadableInput(f"{source.path}: no trusted row can be read")
    names = tuple(getattr(source, "columns", ())) or cast.columns
    fields = {n: seen.entry(n) if n in seen.kinds else Entry(kind=Kind.OTHER) for n in names}
    free = [n for n, entry in fields.items() if entry.kind is Kind.OTHER and plain(n) in KEYS]
    free.sort(key=lambda name: KEYS.index(plain(name)))
    return Form(
        schema=SCHEMA,
        layout=cast.layout,
        roles={role: tuple(columns) for role, columns in cast.roles.items()},
        fields=fields,
        classes=tuple(sorted(seen.labels, key=_naturally)),
        named=shape.classes,
        width=cast.width,
        key=free[0] if free else "id",
    )


@dataclass
class _Field:
    """What was seen of one field."""

    missing: bool = False
    least: float = float("inf")
    most: float = float("-inf")
    whole: bool = True
    longest: int = 0
    counts: Counter[str] = field(default_factory=Counter)


@dataclass
class _Seen:
    kinds: Mapping[str, Kind]
    rows: int = 0
    labels: set[str] = field(default_factory=set)
    fields: dict[str, _Field] = field(default_factory=dict)
    label: str = ""

    def add(self, batch: Batch, roles: Mapping[str, tuple[str, ...]]) -> None:
        self.rows += len(batch)
        for name, column in _each(batch, roles):
            known = self.fields.setdefault(name, _Field())
            if pa.types.is_floating(column.type):
                _numbers(known, column.to_numpy(zero_copy_only=False))
            else:
                _texts(known, column, count=self.kinds[name] is Kind.CATEGORY)
        if "label" in batch and len(batch):
            self.label = roles["label"][0]
            self.labels.update(pc.unique(batch.arrow("label")).drop_null().to_pylist())

    def entry(self, name: str) -> Entry:
        kind, known = self.kinds[name], self.fields.get(name)
        if known is None:  # a column of chats, vectors or images, read together with others
            return Entry(kind=kind)
        if kind in (Kind.NUMBER, Kind.TIME):
            least, most = (None, None) if kind is Kind.TIME else _room(known)
            return Entry(kind=kind, required=not known.missing, least=least, most=most)
        if kind is Kind.CHAT:
            return Entry(kind=kind, required=not known.missing)
        longest = max(ROOM * known.longest, LONG.get(kind, 10_000))
        among = None
        if name != self.label and 0 < len(known.counts) < MOST:
            closed = min(known.counts.values()) >= SEEN
            among = tuple(sorted(known.counts)) if closed else None
        return Entry(kind=kind, required=not known.missing, among=among, longest=longest)


def _each(batch: Batch, roles: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, pa.Array]]:
    """Fields and their values: numbers as floats, all else as text."""
    for role, names in roles.items():
        if role not in batch or not len(batch):
            continue
        column = batch.arrow(role)
        if pa.types.is_struct(column.type):
            yield from zip(names, column.flatten(), strict=True)
        elif len(names) == 1 and _is_plain(column.type):
            yield names[0], column


def _is_plain(kind: Any) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_large_string(kind)


def _numbers(known: _Field, values: Floats) -> None:
    finite = values[np.isfinite(values)]
    known.missing |= bool(np.isnan(values).any())
    if len(finite):
        known.least = min(known.least, float(finite.min()))
        known.most = max(known.most, float(finite.max()))
        known.whole &= bool((finite == np.rint(finite)).all())


def _texts(known: _Field, values: pa.Array, count: bool) -> None:
    known.missing |= values.null_count > 0
    known.longest = max(known.longest, pc.max(pc.utf8_length(values)).as_py() or 0)
    if count and len(known.counts) < MOST:
        for one in pc.value_counts(values.drop_null()).to_pylist():
            known.counts[one["values"]] += one["counts"]


def _room(known: _Field) -> tuple[float | None, float | None]:
    """Bounds with room around what was seen."""
    if known.least > known.most:
        return None, None
    if not known.whole and known.least >= 0 and known.most <= 1 and known.most - known.least > 0.9:
        return 0.0, 1.0
    far = ROOM * max(known.most - known.least, abs(known.most), abs(known.least), 1.0)
    least = 0.0 if known.least >= 0 else known.least - far
    most = 0.0 if known.most <= 0 and known.least < 0 else known.most + far
    return least, most


def _naturally(name: str) -> tuple[int, float, str]:
    return (0, float(name), name) if name.lstrip("-").isdigit() and name.isascii() else (1, 0, name)
