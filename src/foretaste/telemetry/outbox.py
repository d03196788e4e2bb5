"""Notices on their way: a bounded queue, a thread, and several tries."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

T = TypeVar("T")
_log = logging.getLogger("foretaste.telemetry")


class TryLater(Exception):
    """The other side cannot take it now.

    after: seconds it asks for, if it does
    """

    def __init__(self, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.after = after


@dataclass(frozen=True)
class Tries:
    """How hard to try.

    times:   tries of a notice
    first:   seconds before the second try; each wait is twice the one before
    longest: seconds waited at most, whatever the other side asks for
    size:    notices that wait; one more is dropped and counted
    """

    times: int = 6
    first: float = 0.5
    longest: float = 60.0
    size: int = 1_000


class Outbox(Generic[T]):
    """Sends in the background, in order; a gate never waits for it.

    send: raises `TryLater` or `OSError` for what may work later; any other error is final

    >>> with Outbox(print) as outbox:
    ...     outbox.put("hello")
    hello
    >>> outbox.sent, outbox.lost
    (1, 0)
    """

    def __init__(self, send: Callable[[T], None], tries: Tries | None = None) -> None:
        self.sent = 0
        self.lost = 0
        self.tries = tries or Tries()
        self._send = send
        self._queue: Queue[T] = Queue(self.tries.size)
        self._closing, self._hurry = Event(), Event()
        self._thread = Thread(target=self._work, name="foretaste-outbox", daemon=True)
        self._thread.start()

    def __enter__(self) -> Outbox[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def put(self, notice: T) -> None:
        """Takes a notice if there is room."""
        try:
            self._queue.put_nowait(notice)
        except Full:
            self.lost += 1

    def close(self, seconds: float = 5.0) -> None:
        """Sends what still waits, for so long; what is then left is lost."""
        self._closing.set()
        self._thread.join(seconds)
        self._hurry.set()
        self._thread.join(1.0)

    def _work(self) -> None:
        while not self._hurry.is_set():
            try:
                notice = self._queue.get(timeout=0.05)
            except Empty:
                if self._closing.is_set():
                    return
            else:
                self._deliver(notice)
        self.lost += self._queue.qsize()

    def _deliver(self, notice: T) -> None:
        wait = self.tries.first
        for attempt in range(self.tries.times):
            try:
                self._send(notice)
            except (TryLater, OSError) as error:
                last = attempt + 1 == self.tries.times
                asked = max(wait, getattr(error, "after", 0.0))
                if last or self._hurry.wait(min(asked, self.tries.longest)):
                    self._give_up(error)
                    return
                wait *= 2
            except Exception as error:  # noqa: BLE001 the thread has to live
                self._give_up(error)
                return
            else:
                self.sent += 1
                return

    def _give_up(self, error: Exception) -> None:
        self.lost += 1
        _log.warning("a notice was not delivered: %s: %s", type(error).__name__, error)
