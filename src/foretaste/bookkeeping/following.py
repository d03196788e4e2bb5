"""A ledger that is told, window by window, what a running gate does."""

from __future__ import annotations

import logging
from threading import Event, Thread

from foretaste.bookkeeping.streams import catch_up
from foretaste.errors import ForetasteError
from foretaste.gate.journal import Journal
from foretaste.gate.journal_view import View
from foretaste.gate.keeper import Keeper
from foretaste.gate.observing import Observer, Observers
from foretaste.gate.ruled import Window
from foretaste.gate.stores import Stored
from foretaste.ledger.book import Book
from foretaste.updates.stored import StoredWindows

PAUSE = 30.0  # seconds after which what people decided, and what failed before, is told too
_log = logging.getLogger("foretaste.bookkeeping")


class Following(Observer):
    """Tells a ledger of a gate's windows, in a thread of its own; the gate never waits for it.

    A ledger that cannot be written is tried again; until then the gate's store remembers.

    failures: how often it could not be written
    """

    def __init__(self, book: Book, keeper: Keeper, stored: Stored) -> None:
        self.failures = 0
        self._book, self._name = book, keeper.name or stored.store
        self._journal = Journal.open(stored.store, stored.folder)
        self._windows = StoredWindows(View(self._journal), stored.trusted.classes)
        self._news, self._over = Event(), Event()
        self._thread = Thread(target=self._telling, name="foretaste-ledger", daemon=True)
        self._thread.start()
        keeper.observers = Observers(*keeper.observers.observers, self)

    def __enter__(self) -> Following:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def on_window(self, gate: str, window: Window) -> None:
        self._news.set()

    def close(self) -> None:
        """Tells what is left, and ends."""
        self._over.set()
        self._news.set()
        self._thread.join()
        self._journal.shut()

    def _telling(self) -> None:
        while not self._over.is_set():
            self._news.wait(PAUSE)
            self._news.clear()
            self._tell()
        self._tell()

    def _tell(self) -> None:
        try:
            catch_up(self._book, self._windows, self._name)
        except (ForetasteError, OSError) as error:
            self.failures += 1
            _log.warning("the ledger of %s could not be written: %s", self._name, error)
