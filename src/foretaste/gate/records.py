"""Records as they come over a wire, as a batch that a gate can judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa

from foretaste.data import Batch, content_id
from foretaste.errors import MissingExtra
from foretaste.gate import fields
from foretaste.gate.breaches import Breaches, Told, check_numbers, check_role, check_texts, shown
from foretaste.gate.form import Form, Kind
from foretaste.origin.records import Credentials
from foretaste.roles.columns import labels
from foretaste.roles.content import content_ids
from foretaste.roles.shape import NOTHING
from foretaste.store import codes

try:
    import msgspec
except ImportError as error:
    raise MissingExtra("records of a stream", "gate") from error

KEY = 256  # characters of what a sender calls a record
FEW = 16  # records that are read one by one
Row = dict[str, Any]
_decode = msgspec.json.Decoder().decode


@dataclass
class Parsed:
    """Records that were read, and why some were not.

    rows:   an object each; an empty one where there was none
    faults: row -> why nothing of it could be read
    raws:   row -> its bytes, of those
    """

    rows: list[Row] = field(default_factory=list)
    faults: dict[int, str] = field(default_factory=dict)
    raws: dict[int, bytes] = field(default_factory=dict)

    def refuse(self, why: str, raw: bytes = b"") -> None:
        """One more, which cannot be read."""
        self.faults[len(self.rows)] = why
        self.raws[len(self.rows)] = raw
        self.rows.append({})


def parse(lines: Iterable[bytes], largest: int = 1 << 20) -> Parsed:
    """JSON objects, one a line; a bad line costs no other. Blank lines are passed over.

    >>> parse([b'{"a": 1}', b"", b"{", b"[1]"]).faults
    {1: 'broken JSON: Input data was truncated', 2: 'a JSON list, where an object was wanted'}
    """
    parsed = Parsed()
    for line in lines:
        if len(line) > largest:
            parsed.refuse(f"longer than {largest:,} bytes", line)
            continue
        try:
            row = _decode(line)
        except (ValueError, RecursionError) as error:
            if line.strip():
                parsed.refuse(_reason(error), line)
            continue
        if type(row) is dict:
            parsed.rows.append(row)
        else:
            parsed.refuse(f"a JSON {_named(row)}, where an object was wanted", line)
    return parsed


def of_rows(rows: Iterable[Any]) -> Parsed:
    """Objects that were read already; whatever is none is a fault."""
    parsed = Parsed()
    for row in rows:
        if isinstance(row, Mapping):
            parsed.rows.append(dict(row))
        else:
            parsed.refuse(f"a {_named(row)}, where an object was wanted", repr(row).encode())
    return parsed


class Records:
    """Makes batches of the records of one stream.

    A batch has a column a role, the content ids that a scan of the same rows gives, `label` as
    codes of the contract's classes, `key`, and `breach`: what in a record breaks the contract.
    Whatever comes is a row of the batch; nothing raises.

    credentials: looks at signatures, of which the batch then says in `credential` what they are
        worth; None: nobody asks who signed, and a signature is a field as any other

    >>> form = Form.of({"roles": {"features": ["age"]}, "fields": {"age": {"kind": "number"}}})
    >>> batch = Records(form)(parse([b'{"age": 3, "id": "x"}', b'{"age": 4, "old": true}']))
    >>> batch["key"].tolist(), batch["breach"].tolist()
    (['x', None], [None, "unknown field 'old'"])
    """

    def __init__(self, form: Form, credentials: Credentials | None = None) -> None:
        self.form, self.credentials = form, credentials
        self._names = tuple(form.fields)
        beside = (form.key,) if credentials is None else (form.key, credentials.field)
        self._known = frozenset((*self._names, *beside))
        self._beside = tuple(name for name in beside if name not in form.fields)
        every = itemgetter(*self._names)
        self._values = every if len(self._names) > 1 else lambda row: (every(row),)
        self._table = () if form.width else tuple(form.roles.get("features", ()))
        rest = {r: names for r, names in form.roles.items() if r != "features" or form.width}
        self._shape = form.model_copy(update={"roles": rest}).shape
        kinds = {name: entry.kind for name, entry in form.fields.items()}
        self._numbers = [name for name, kind in kinds.items() if kind is Kind.NUMBER]
        self._entries = [form.fields[name] for name in self._numbers]
        self._clean = {
            name: fields.cleaning(kind, form.deepest)
            for name, kind in kinds.items()
            if kind is not Kind.NUMBER
        }

    def __call__(self, parsed: Parsed) -> Batch:
        """A row a record, in order."""
        found = Breaches()
        for row, why in parsed.faults.items():
            found.unreadable(row, why)
        columns = self._columns(parsed.rows, found)
        batch = self.columns(columns, len(parsed.rows), found, self._keys(parsed.rows, found))
        if self.credentials is not None:
            sources = batch.arrow("source").to_pylist() if "source" in batch else None
            batch = batch.having(credential=self.credentials.of(parsed.rows, sources))
        if not found.lost:
            return batch
        ids = batch.ids.tolist()
        for row in found.lost:
            ids[row] = content_id(b"record", parsed.raws.get(row) or _raw(parsed.rows[row]))
        return Batch(ids, {n: batch.arrow(n) for n in batch.names}, batch.classes)

    def columns(
        self, columns: Mapping[str, Any], rows: int, found: Breaches, keys: Sequence[str | None]
    ) -> Batch:
        """Of values field by field; a field that is not there is missing in every row."""
        there = {name: columns.get(name, [None] * rows) for name in self._names}
        clean: dict[str, Any] = {n: do(there[n], n, found) for n, do in self._clean.items()}
        if self._numbers and rows:
            table = fields.numbers([there[n] for n in self._numbers], self._numbers, found)
            check_numbers(table, self._numbers, self._entries, found)
        else:
            table = np.empty((len(self._numbers), rows))
        clean.update(zip(self._numbers, map(pa.array, table), strict=True))
        shaped, bad = self._shape(clean, rows)
        self._judged(shaped, clean, found)
        bad = self._featured(shaped, clean, bad, found)
        for row, why in bad.items():
            found.add(row, why)
        ids = content_ids(shaped) if shaped else pa.array([content_id()] * rows)
        if "label" in shaped:
            shaped["label"] = self._coded(shaped["label"], found)
        if "user" in shaped:
            shaped.setdefault("source", shaped["user"])
        shaped["key"] = pa.array(keys, pa.large_string())
        shaped["breach"] = found.column(rows)
        return Batch(ids, shaped, self.form.classes)

    def _columns(self, rows: list[Row], found: Breaches) -> dict[str, Any]:
        """Field -> values; says which rows have fields nobody agreed on."""
        n = len(rows)
        try:
            table = list(zip(*map(self._values, rows), strict=True))
            columns: dict[str, Any] = dict(zip(self._names, table, strict=bool(n)))
            beside = sum(name in row for name in self._beside for row in rows)
            strange = sum(map(len, rows)) > n * len(self._names) + beside
        except KeyError:
            columns = {name: [row.get(name) for row in rows] for name in self._names}
            strange = not all(self._known.issuperset(row) for row in rows)
        if strange and self.form.extra == "refuse":
            for row, values in enumerate(rows):
                for name in values.keys() - self._known:
                    found.add(row, f"unknown field {shown(name)}", lost=True)
        return columns

    def _keys(self, rows: list[Row], found: Breaches) -> list[str | None]:
        """What senders call their records."""
        keys: list[Any] = [row.get(self.form.key) for row in rows]
        if (
            set(map(type, keys)) <= {str, type(None)}
            and max(map(len, filter(None, keys)), default=0) <= KEY
        ):
            return [None if key is None else _plain(key) for key in keys]
        for row, key in enumerate(keys):
            fits = isinstance(key, str | int) and len(word := _digits(key)) <= KEY
            if key is not None and not fits:
                found.add(row, f"field {self.form.key}: {shown(key)} is no key", lost=True)
            keys[row] = _plain(word) if fits else None
        return keys

    def _judged(self, shaped: dict[str, pa.Array], raw: Mapping[str, Any], found: Breaches) -> None:
        """Looks at the roles read from one field each."""
        for role, names in self._shape.cast.roles.items():
            if role in shaped and len(names) == 1:
                one = Told(names[0], self.form.fields[names[0]], raw[names[0]])
                check_role(one, shaped[role], found)

    def _featured(
        self,
        shaped: dict[str, pa.Array],
        clean: Mapping[str, Any],
        bad: dict[int, str],
        found: Breaches,
    ) -> dict[int, str]:
        """Adds the features of a table; what is still bad when those are there."""
        if not self._table:
            return bad
        arrays, rows = [], len(clean[self._table[0]])
        there = np.zeros(rows, bool)
        for name in self._table:
            column = clean[name]
            if self.form.fields[name].kind is not Kind.NUMBER:
                column = _names(column)
                check_texts(name, column, self.form.fields[name], found)
            arrays.append(column)
            if not there.all():
                there |= ~column.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
        shaped["features"] = pa.StructArray.from_arrays(arrays, list(self._table))
        left = {row: why for row, why in bad.items() if why != NOTHING or not there[row]}
        lacking = np.flatnonzero(~there).tolist() if not self._shape.cast.roles else ()
        return {**dict.fromkeys(lacking, NOTHING), **left}

    def _coded(self, names: pa.Array, found: Breaches) -> pa.Array:
        """Class codes; a label nobody agreed on is a breach."""
        coded = codes(names, self.form.classes)
        unknown = (coded.to_numpy() < 0) & names.is_valid().to_numpy(zero_copy_only=False)
        for row in np.flatnonzero(unknown).tolist():
            found.add(row, f"label {shown(names[row].as_py())} was never agreed on")
        return coded


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    return f"broken JSON: {'nested too deep' if isinstance(error, RecursionError) else error}"


def _names(values: Sequence[Any]) -> pa.Array:
    """`labels`, sooner where there are few and nothing has to be trimmed."""
    if len(values) <= FEW and all(map(_is_bare, values)):
        return pa.array(values, pa.large_string())
    return labels(values)


def _is_bare(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value == value.strip() != ""


def rekeyed(batch: Batch, reused: Iterable[str]) -> Batch:
    """The same records, those that took another one's key without it and in breach."""
    taken = set(reused)
    keys = batch.arrow("key").to_pylist()
    breaches = batch.arrow("breach").to_pylist()
    for row, key in enumerate(keys):
        if key in taken:
            told = f"key {shown(key)} came before with another record"
            keys[row], breaches[row] = None, told
    return batch.having(
        key=pa.array(keys, pa.large_string()), breach=pa.array(breaches, pa.large_string())
    )


def _raw(row: Row) -> bytes:
    """Some bytes that say what a record said."""
    try:
        return msgspec.json.encode(row)
    except (TypeError, ValueError, RecursionError, OverflowError):
        return shown(row).encode()


def _digits(key: Any) -> str:
    try:
        return str(key)
    except ValueError:  # an integer of thousands of digits
        return "9" * (KEY + 1)


def _plain(word: str) -> str:
    return word if word.isascii() else word.encode("utf-8", "replace").decode()


def _named(value: object) -> str:
    return type(value).__name__
