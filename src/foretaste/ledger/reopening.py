"""A log as its writer finds it: what a crash left undone is done, what was changed is refused.

Found are the journal, with the last states that were promised, and the checkpoint that was
published last. It has to be one of those states. Then the tiles under the journal's first state are
durable, and those after it are written again from the journal: the same entries give the same
bytes.
"""

from __future__ import annotations

from pathlib import Path

from foretaste.errors import BadRecord
from foretaste.ledger.checkpoint import Checkpoint
from foretaste.ledger.edge import Edge
from foretaste.ledger.fetching import edge_of
from foretaste.ledger.journal import Journal
from foretaste.ledger.merkle import EMPTY
from foretaste.ledger.refusals import Forked, RolledBack
from foretaste.ledger.storage import Storage


def journal_of(path: Path, origin: str, storage: Storage, published: Checkpoint | None) -> Journal:
    """The journal of a log; a fresh one where this writer never wrote.

    Raises `RolledBack` and `Forked` where the log is not the one that the journal speaks of, and
    `BadRecord` for a journal that is damaged.
    """
    journal = Journal.open(path)
    if journal is None:
        if published is None and storage.begun():
            raise RolledBack(f"{storage} has tiles and no checkpoint; restore it from a backup")
        return Journal.begin(path, published or Checkpoint(origin, 0, EMPTY))
    try:
        _check(journal, origin, published)
    except (RolledBack, Forked, BadRecord):
        journal.close()
        raise
    return journal


def _check(journal: Journal, origin: str, published: Checkpoint | None) -> None:
    base = journal.base
    if base.origin != origin:
        raise Forked(f"{journal.path} belongs to the log {base.origin!r}, not to {origin!r}")
    states = _states(journal)
    size = published.size if published else 0
    if size < base.size:
        raise RolledBack(
            f"{origin}: {size:,} entries are published, {base.size:,} were made durable; "
            "restore the newer files"
        )
    if size > max(states):
        raise Forked(
            f"{origin}: {size:,} entries are published, of which this writer knows {max(states):,}"
            "; another one wrote, or its journal was rolled back"
        )
    if published and states.get(size) != published.root:
        raise Forked(f"{origin}: this writer signed another root than is published for {size:,}")


def _states(journal: Journal) -> dict[int, bytes]:
    """Size -> root, of all that was promised since the tiles were durable last."""
    size, states = journal.base.size, {journal.base.size: journal.base.root}
    for one in journal.appends:
        size += len(one.entries)
        states[size] = one.root
    return states


def replayed(journal: Journal, storage: Storage) -> tuple[Edge, list[str]]:
    """The edge after all appends of a journal, and the files that were written for it.

    Raises what `fetching.edge_of` raises, and `BadRecord`.
    """
    edge = edge_of(storage, journal.base.size, journal.base.root, bundled=True)
    written: list[str] = []
    for one in journal.appends:
        files = edge.grow(one.entries)
        if edge.root != one.root:
            raise BadRecord(f"{journal.path}: its entries do not have the roots it says")
        storage.write(files)
        written += files
    journal.appends = []
    return edge, written
