"""One gate of a server: one thread decides, in the order in which records came."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from foretaste.errors import ForetasteError, KeyReused
from foretaste.gate.decision import Decision
from foretaste.gate.keeper import Keeper
from foretaste.gate.records import Parsed, Records, parse, rekeyed
from foretaste.gating import encoded

T = TypeVar("T")


class LaneBusy(Exception):
    """So much waits that no more can."""


class LaneShut(Exception):
    """The gate is going down, or never came up."""


class NoRecords(Exception):
    """A body that does not hold records."""


class TooMany(Exception):
    """More records than are decided on at once."""


@dataclass(frozen=True)
class Bounds:
    """What a lane takes.

    batch:   records decided on at once; waiting: requests, bytes: of all that wait
    """

    batch: int = 5_000
    waiting: int = 1_000
    bytes: int = 64 << 20


@dataclass
class Submission:
    """Records that one request sent.

    until: when nobody waits for the answer any more, by the monotonic clock
    """

    body: bytes
    lines: bool  # NDJSON; else one JSON object, or an array of them
    tenant: str
    until: float
    future: Future[bytes] = field(default_factory=Future)

    @property
    def most(self) -> int:
        """How many records there may be in it, before anybody has read it.

        >>> Submission(b'[{"a": 1} , {}]', False, "", 0.0).most
        2
        """
        return 1 + self.body.count(b"\n") if self.lines else max(1, self.body.count(b"{"))


@dataclass
class Errand(Generic[T]):
    """Anything else that has to be done between two submissions."""

    do: Callable[[Keeper], T]
    until: float
    future: Future[T] = field(default_factory=Future)
    body: bytes = b""


class Lane:
    """Records wait in order; those that wait together are decided on together.

    A submission nobody waits for any more when its turn comes is not decided on. Whatever fails
    is told to those concerned as an error: none of their records was let in.
    """

    def __init__(self, name: str, keeper: Keeper, records: Records, bounds: Bounds) -> None:
        self.name, self.keeper, self.records, self.bounds = name, keeper, records, bounds
        self._waiting: deque[Submission | Errand[Any]] = deque()
        self._bytes, self._over = 0, False
        self._change = threading.Condition()
        self._thread = threading.Thread(target=self._work, name=f"gate {name}", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it decides."""
        return self._thread.is_alive() and not self._over

    def put(self, work: Submission | Errand[Any]) -> None:
        """Queues something; raises `LaneBusy` or `LaneShut`."""
        with self._change:
            if not self.alive:
                raise LaneShut(self.name)
            size = self._bytes + len(work.body)
            if len(self._waiting) >= self.bounds.waiting or size > self.bounds.bytes:
                raise LaneBusy(self.name)
            self._waiting.append(work)
            self._bytes = size
            self._change.notify()

    def shut(self) -> None:
        """Ends what is being decided on, turns away what waits, and closes the store."""
        with self._change:
            self._over = True
            self._change.notify()
        self._thread.join()
        self.keeper.shut()

    def _work(self) -> None:
        while some := self._next():
            if isinstance(some[0], Errand):
                _done(some[0], some[0].do, self.keeper)
                continue
            told = [one for one in some if isinstance(one, Submission)]
            parts = [(one, parsed) for one in told if (parsed := self._read(one)) is not None]
            if parts:
                self._decide(parts)
        for work in self._waiting:
            _fail(work, LaneShut(self.name))

    def _next(self) -> list[Submission | Errand[Any]]:
        """What is to be done now: an errand, or submissions of one tenant; nothing at the end."""
        some: list[Submission | Errand[Any]] = []
        with self._change:
            while not some:
                while not self._waiting and not self._over:
                    self._change.wait()
                if self._over:
                    return []
                now, size = time.monotonic(), 0
                while self._waiting and size < self.bounds.batch:
                    if some and not _together(some[0], self._waiting[0]):
                        break
                    work = self._waiting.popleft()
                    self._bytes -= len(work.body)
                    if now < work.until and work.future.set_running_or_notify_cancel():
                        some.append(work)
                        size += work.most if isinstance(work, Submission) else 1
        return some

    def _decide(self, parts: Sequence[tuple[Submission, Parsed]]) -> None:
        whole, sizes = _joined([one for _, one in parts]), [len(one.rows) for _, one in parts]
        try:
            decisions = self._decided(whole, parts[0][0].tenant)
        except Exception as error:  # noqa: BLE001 whatever it is, nothing is let in by it
            if len(parts) > 1 and not isinstance(error, ForetasteError):
                for one in parts:  # one of them may be at fault: the others shall not suffer
                    self._decide([one])
                return
            self.keeper.observers.on_failure(self.name, f"{type(error).__name__}: {error}")
            for submission, _ in parts:
                _fail(submission, error)
            return
        at = 0
        for (submission, _), size in zip(parts, sizes, strict=True):
            submission.future.set_result(answer(decisions[at : at + size]))
            at += size

    def _read(self, submission: Submission) -> Parsed | None:
        """Its records; None where there are none, which the sender has been told."""
        try:
            return read(submission, self.bounds.batch, self.records.form.largest)
        except Exception as error:  # noqa: BLE001 whatever a body does, the gate goes on
            _fail(submission, error)
            return None

    def _decided(self, parsed: Parsed, tenant: str) -> Sequence[Decision]:
        batch = self.records(parsed)
        said = [encoded(row, parsed.raws.get(at)).decode() for at, row in enumerate(parsed.rows)]
        try:
            return self.keeper.submit(batch, tenant, said)
        except KeyReused as error:
            return self.keeper.submit(rekeyed(batch, error.keys), tenant, said)


def answer(decisions: Sequence[Decision]) -> bytes:
    """What a sender is told."""
    told = ",".join(one.model_dump_json(by_alias=True) for one in decisions)
    return b'{"decisions":[' + told.encode() + b"]}"


def read(submission: Submission, batch: int, largest: int) -> Parsed:
    """Its records; raises `NoRecords` or `TooMany`.

    batch: records, at most; largest: bytes of one of them
    """
    body = submission.body
    if submission.lines:
        if body.count(b"\n") > batch:
            raise TooMany(f"more than {batch:,} lines")
        parsed = parse(body.split(b"\n"), largest)
    else:
        parsed = _json(body, batch, largest)
    if not parsed.rows:
        raise NoRecords("there is no record in it")
    return parsed


def _json(body: bytes, batch: int, largest: int) -> Parsed:
    lines = [body]
    if body.lstrip()[:1] == b"[":
        try:
            lines = [bytes(raw) for raw in msgspec.json.decode(body, type=list[msgspec.Raw])]
        except (ValueError, RecursionError) as error:
            raise NoRecords(f"broken JSON: {error}") from error
        if len(lines) > batch:
            raise TooMany(f"{len(lines):,} records, where {batch:,} are allowed")
    parsed = parse(lines, largest)
    if parsed.faults:
        at, why = next(iter(parsed.faults.items()))
        raise NoRecords(f"record {at}: {why}" if len(lines) > 1 else why)
    return parsed


def _joined(parts: Sequence[Parsed]) -> Parsed:
    if len(parts) == 1:
        return parts[0]
    whole = Parsed()
    for part in parts:
        start = len(whole.rows)
        whole.rows += part.rows
        whole.faults.update({start + row: why for row, why in part.faults.items()})
        whole.raws.update({start + row: raw for row, raw in part.raws.items()})
    return whole


def _together(first: Submission | Errand[Any], other: Submission | Errand[Any]) -> bool:
    if isinstance(first, Errand) or isinstance(other, Errand):
        return False
    return first.tenant == other.tenant


def _done(errand: Errand[T], do: Callable[[Keeper], T], keeper: Keeper) -> None:
    try:
        errand.future.set_result(do(keeper))
    except Exception as error:  # noqa: BLE001 told to whoever asked
        errand.future.set_exception(error)


def _fail(work: Submission | Errand[Any], error: Exception) -> None:
    if not work.future.done():
        work.future.set_exception(error)
