"""Digests of what addresses led to, in a file with one root over all of them.

A Parquet file with a row an address: `url`, `sha256` (null where nothing could be had, with the
`problem`), `length` in bytes, and `seen`, seconds since 1970. The root (RFC 6962, SHA-256) is over
url, sha256 and length in canonical JSON, in the order of the rows: the same content gives the same
root, whenever it was seen. It stands in the file and is computed again whenever that is read; put
it in the ledger, for whoever can change the file can change the root in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from foretaste.durable import write_durably
from foretaste.errors import BadRecord, UnreadableInput
from foretaste.ledger.event import Event, Thing
from foretaste.ledger.merkle import leaf_hash
from foretaste.origin.canonical import canonical
from foretaste.versions.hashing import root_of

SCHEMA = 1
MOST = 10_000_000  # addresses of one file, of which each takes some 400 bytes of memory
LEAVES = 1 << 16
COLUMNS = pa.schema(
    {
        "url": pa.large_string(),
        "sha256": pa.large_string(),
        "length": pa.int64(),
        "seen": pa.float64(),
        "problem": pa.large_string(),
    }
)
_TOLD = b"foretaste.digests"


@dataclass(frozen=True, slots=True)
class Sight:
    """What an address led to.

    sha256: in hexadecimal digits; None where nothing could be had, and then `problem` says why
    seen:   seconds since 1970
    """

    url: str
    sha256: str | None
    length: int
    seen: float
    problem: str | None = None

    @property
    def leaf(self) -> bytes:
        """Its hash in the tree."""
        return leaf_hash(canonical({"url": self.url, "sha256": self.sha256, "length": self.length}))


@dataclass(frozen=True)
class Digests:
    """What the addresses of a list led to; each stands there once."""

    sights: Sequence[Sight]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def by_url(self) -> Mapping[str, Sight]:
        """Address -> what it led to."""
        return {sight.url: sight for sight in self.sights}

    @cached_property
    def root(self) -> str:
        """Over all of them, in hexadecimal digits."""
        return root_of(_leaves(self.sights)).hex()

    @property
    def taken(self) -> tuple[float, float]:
        """When the first and the last were seen, seconds since 1970."""
        times = [sight.seen for sight in self.sights] or [0.0]
        return min(times), max(times)

    @classmethod
    def read(cls, path: Path) -> Digests:
        """From a file. Raises `BadRecord` where it is damaged, or its root another one."""
        try:
            with pq.ParquetFile(path) as file:
                if file.metadata.num_rows > MOST:
                    raise BadRecord(f"{path}: {file.metadata.num_rows:,} rows; at most {MOST:,}")
                told = json.loads((file.schema_arrow.metadata or {}).get(_TOLD, b"{}"))
                table = file.read().cast(COLUMNS)
        except OSError as error:
            raise UnreadableInput(f"the digests in {path} cannot be read: {error}") from error
        except (pa.ArrowException, ValueError) as error:
            raise BadRecord(f"{path} holds no digests: {error}") from error
        if not isinstance(told, dict) or told.get("schema") != SCHEMA:
            raise BadRecord(f"{path} holds no digests of schema {SCHEMA}")
        columns = [table.column(name).to_pylist() for name in COLUMNS.names]
        found = cls([Sight(*row) for row in zip(*columns, strict=True)], told.get("facts", {}))
        if found.root != told.get("root"):
            raise BadRecord(f"{path}: its rows do not have the root it says; it was changed")
        return found

    def write(self, path: Path) -> None:
        """To a file, durably: it is there as a whole or not at all."""
        names = COLUMNS.names
        columns = {name: [getattr(one, name) for one in self.sights] for name in names}
        told = {"schema": SCHEMA, "root": self.root, "facts": dict(self.facts)}
        table = pa.table(columns, COLUMNS).replace_schema_metadata({_TOLD: json.dumps(told)})
        path.parent.mkdir(parents=True, exist_ok=True)
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        write_durably(path, sink.getvalue().to_pybytes())

    def event(self, name: str) -> Event:
        """What the ledger is told of it."""
        thing = Thing("dataset", name, {"rows": self.root})
        lost = sum(sight.sha256 is None for sight in self.sights)
        begun, ended = self.taken
        facts = {"addresses": len(self.sights), "without": lost, "begun": begun, "ended": ended}
        return Event("dataset_version", (thing,), (), facts)


def _leaves(sights: Iterable[Sight]) -> Iterator[Any]:
    """Hashes of leaves, (n, 32) at a time."""
    walk = iter(sights)
    while some := list(islice(walk, LEAVES)):
        said = b"".join(sight.leaf for sight in some)
        yield np.frombuffer(said, np.uint8).reshape(-1, 32)
