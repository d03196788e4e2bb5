"""Lets a log grow; what is acknowledged outlives every crash, and no other tree is ever signed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock

from foretaste.durable import sync_folder
from foretaste.errors import NotDurable
from foretaste.ledger.checkpoint import Checkpoint
from foretaste.ledger.folder import OWN, Folder
from foretaste.ledger.keys import SigningKey
from foretaste.ledger.lock import Lock
from foretaste.ledger.log import Log
from foretaste.ledger.note import Note, Signature
from foretaste.ledger.storage import Storage, storage_of


class Writer:
    """The one writer of a log; threads may share it.

    Opening gives the last state that was acknowledged, or one append more, of which the
    acknowledgement was lost. In memory is the right edge of the tree, O(log n); an append is held
    three times while it is made. No clock is looked at.

    where: a folder, or the fsspec URL of an object store; made where nothing is there
    key:   the log's key, which has its name
    also:  more keys that sign each checkpoint
    state: a folder on this machine for the journal; as a default `.writer` in the log's folder,
           or one in the user's state folder (`XDG_STATE_HOME`) for an object store

    Raises `WriterTaken`, and `RolledBack`, `Forked`, `WrongTile`, `MissingTile` and others of
    `ledger.refusals` where the log is not the one that was left.

    Blind to a log that was rolled back together with its state, which witnesses see, and to writers
    on other machines, between two of its own appends to an object store.

    >>> import tempfile
    >>> with Writer(tempfile.mkdtemp(), SigningKey.new("example.com/log")) as writer:
    ...     writer.append([b"one", b"two"]), writer.size
    (range(0, 2), 2)

    References
    ----------
    C2SP (2025). Tiled Transparency Logs. https://c2sp.org/tlog-tiles
    """

    def __init__(
        self,
        where: str | Path,
        key: SigningKey,
        *,
        also: Sequence[SigningKey] = (),
        state: str | Path | None = None,
    ) -> None:
        storage = storage_of(where)
        folder = _state(storage, where, state)
        self._opening = (storage, (key, *also), folder / "journal")
        self._guard, self._stale, self._left = RLock(), False, False
        # writers meet in the log's folder, whatever state they keep elsewhere
        meeting = storage.root / OWN if isinstance(storage, Folder) else folder
        with _told():
            _begun(folder / "journal", {folder, meeting})
            self._lock = Lock(meeting / "lock")
        try:
            self._log = self._opened()
        except BaseException:
            self._lock.free()
            raise

    @property
    def size(self) -> int:
        """How many entries are acknowledged."""
        return self.checkpoint.size

    @property
    def checkpoint(self) -> Checkpoint:
        """The state that was published last."""
        return self._log.checkpoint

    @property
    def note(self) -> Note:
        """That checkpoint, with all signatures under it."""
        return self._log.note

    def append(self, entries: Iterable[bytes]) -> range:
        """Adds entries, all or none; gives their numbers when they are durable and published.

        Raises `MalformedEntry` for one of more than 65,535 bytes, `Forked` and `RolledBack` where
        somebody else changed the checkpoint, `NotDurable` where nothing could be written down, and
        `NotPublished` where they are in the log for good and their tiles could not be written.
        """
        added = list(entries)
        with self._ready() as log:
            return log.append(added) if added else range(self.size, self.size)

    def cosign(self, signatures: Iterable[Signature]) -> Note:
        """Publishes the checkpoint with more signatures under it, such as those of witnesses.

        They are not checked; one by a key that signed before takes the older one's place.
        """
        with self._ready() as log:
            found = {(one.name, one.key_id): one for one in (*log.note.signatures, *signatures)}
            log.publish(Note(log.note.text, tuple(found.values())))
            return log.note

    def close(self) -> None:
        """Makes all tiles durable, and lets another write."""
        with self._guard:
            try:
                if not (self._left or self._stale):
                    with _told():
                        self._log.settle()
            finally:
                self._left = True
                self._log.journal.close()
                self._lock.free()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _ready(self) -> Iterator[Log]:
        """The log as the journal has it; opened again where a step failed before."""
        with self._guard, _told():
            if self._left:
                raise NotDurable("this writer was closed; open the ledger again")
            if self._stale:
                self._log.journal.close()
                self._log = self._opened()
            self._stale = True
            self._log.unchanged()
            self._log.settle(only_if_much=True)
            yield self._log
            self._stale = False

    def _opened(self) -> Log:
        with _told():
            return Log.open(*self._opening)


@contextmanager
def _told() -> Iterator[None]:
    """Says in our words that a disk or store failed."""
    try:
        yield
    except OSError as error:
        raise NotDurable(f"the ledger cannot be written: {error}") from error


def _begun(journal: Path, folders: set[Path]) -> None:
    """Makes folders, so that they outlive a power cut before there is a journal in them."""
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        for above in () if journal.exists() else folder.absolute().parents:
            with suppress(PermissionError):  # where nobody may look, nothing was made
                sync_folder(above)


def _state(storage: Storage, where: str | Path, state: str | Path | None) -> Path:
    """The folder with the journal."""
    if state is not None:
        return Path(state)
    if isinstance(storage, Folder):
        return storage.root / OWN
    home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    name = hashlib.sha256(str(where).rstrip("/").encode()).hexdigest()
    return home / "foretaste" / "ledgers" / name[:32]
