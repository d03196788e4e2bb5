"""A log in one consistent state: what its writer has in memory, and the steps of an append.

Entries are written into the journal and fsynced; then their tiles are written; then the checkpoint
is signed and written. Tiles are made durable later, many at once, and only then does the journal
let go of their entries. Where a step fails, the state is as the journal has it, not as it is here:
this object is then thrown away, and opened again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from foretaste.errors import NotDurable, NotPublished
from foretaste.ledger.checkpoint import Checkpoint, opened, signed
from foretaste.ledger.edge import Edge
from foretaste.ledger.journal import Appended, Journal
from foretaste.ledger.keys import SigningKey
from foretaste.ledger.note import LARGEST, Note
from foretaste.ledger.refusals import Forked, RolledBack
from foretaste.ledger.reopening import journal_of, replayed
from foretaste.ledger.storage import CHECKPOINT, Storage

SETTLE = 8 << 20  # bytes of the journal after which tiles are made durable
SPREAD = 64 << 20  # bytes of tiles after which they are, too


class Log:
    """See above; made by `open`.

    keys: the log's own, then others that sign each checkpoint
    """

    def __init__(self, storage: Storage, keys: Sequence[SigningKey], journal: Journal) -> None:
        self.storage, self.keys, self.journal = storage, keys, journal
        self.checkpoint, self.note = journal.base, Note(journal.base.text, ())
        self._seen: bytes | None = None  # the checkpoint's file as it was last
        self._edge = Edge()
        self._written: list[str] = []  # since tiles were durable last
        self._spread = 0  # bytes of those

    @classmethod
    def open(cls, storage: Storage, keys: Sequence[SigningKey], journal_path: Path) -> Log:
        """The last promised state, published where that was not done."""
        origin, published = keys[0].name, None
        content = storage.read(CHECKPOINT, LARGEST)
        if content is not None:
            published = opened(content, [keys[0].verifier], origin)
        journal = journal_of(journal_path, origin, storage, published[0] if published else None)
        log = cls(storage, keys, journal)
        try:
            log._edge, log._written = replayed(journal, storage)
            if published and published[0].size == log._edge.size:
                (log.checkpoint, log.note), log._seen = published, content
            else:
                log._sign()
            log.settle()
        except BaseException:
            journal.close()
            raise
        return log

    def append(self, entries: Sequence[bytes]) -> range:
        """Adds entries, at least one."""
        edge, old = self._edge.copy(), self._edge.size
        files = edge.grow(entries)
        try:
            self.journal.add(Appended(edge.root, entries))
        except OSError as error:
            raise NotDurable(f"the journal cannot be written: {error}") from error
        numbers, self._edge = range(old, edge.size), edge
        try:
            self.storage.write(files)
            self._sign()
        except Exception as error:  # object stores have errors of their own
            raise NotPublished(numbers, str(error)) from error
        self._written += files
        self._spread += sum(map(len, files.values()))
        return numbers

    def publish(self, note: Note) -> None:
        """Writes a signed checkpoint."""
        content = note.content
        self.storage.write({CHECKPOINT: content})
        self.checkpoint, self.note, self._seen = Checkpoint.read(note.text), note, content

    def unchanged(self) -> None:
        """That the checkpoint is still the one published here. Raises `RolledBack`, `Forked`."""
        content = self.storage.read(CHECKPOINT, LARGEST)
        if content == self._seen:
            return
        if content is None:
            raise RolledBack(f"{self.storage}: the checkpoint is gone; restore the newer files")
        known = self.checkpoint
        found, note = opened(content, [self.keys[0].verifier], known.origin)
        if found.size < known.size:
            raise RolledBack(f"{found.size:,} entries are published, {known.size:,} were before")
        if (found.size, found.root) != (known.size, known.root):
            raise Forked(
                f"another writer published {found.size:,} entries; here are {known.size:,}"
            )
        self.note, self._seen = note, content

    def settle(self, *, only_if_much: bool = False) -> None:
        """Makes tiles durable, and lets go of the journal and of partial tiles that grew full."""
        much = self.journal.length > SETTLE or self._spread > SPREAD
        if not self._written or (only_if_much and not much):
            return
        full = {path for path in self._written if ".p/" not in path}
        left = {path for path in self._written if path.partition(".p/")[0] not in full}
        self.storage.settle(full | left)
        journal = Journal.begin(self.journal.path, self.checkpoint)
        self.journal.close()
        self.journal, self._written, self._spread = journal, [], 0
        for path in full:
            self.storage.drop(self.storage.partials(path))

    def _sign(self) -> None:
        """Publishes what the journal has: only what cannot be forgotten is ever signed."""
        reached = Checkpoint(self.keys[0].name, self._edge.size, self._edge.root)
        self.publish(signed(reached, self.keys))
