"""From a stream of records to those that may be learned from, and those that may not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import pyarrow as pa

from foretaste.data import Batch
from foretaste.errors import KeyReused, MissingExtra
from foretaste.gate.decision import Decision, Reason, WindowRecord
from foretaste.gate.gate import Gate
from foretaste.gate.keeper import Keeper
from foretaste.gate.records import Parsed, rekeyed
from foretaste.scanning.watch import Progress, silent
from foretaste.streaming import Ruling

try:
    import msgspec
except ImportError as error:
    raise MissingExtra("a gate for streams", "gate") from error


class Judge(Protocol):
    """Decides on records; with memory on disk or without."""

    def decide(self, batch: Batch, said: Sequence[str]) -> Sequence[Decision]:
        """One decision a record, in order."""

    def over(self) -> Sequence[WindowRecord]:
        """The windows that were over since this was asked last, oldest first."""

    def close(self) -> None:
        """Ends the open window."""


class Passing:
    """A gate that remembers nothing but what it knows."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self._over: list[WindowRecord] = []

    def decide(self, batch: Batch, said: Sequence[str]) -> Sequence[Decision]:
        ruled = self.gate(batch)
        self._over += [window.record for window in ruled.windows]
        return list(ruled.decisions())

    def over(self) -> Sequence[WindowRecord]:
        found, self._over = self._over, []
        return found

    def close(self) -> None:
        window = self.gate.close()
        self._over += [] if window is None else [window.record]


class Keeping:
    """A gate whose decisions are on disk before anybody hears of them.

    name: where the records come from. Those without a key are called by it and their place, so
        that the same stream given again is not decided again; nothing: they stay without
    """

    def __init__(self, keeper: Keeper, name: str = "", tenant: str = "") -> None:
        self.keeper, self.name, self.tenant = keeper, name, tenant
        self._place, self._told = 0, keeper.gate.standing.window - 1

    def decide(self, batch: Batch, said: Sequence[str]) -> Sequence[Decision]:
        batch = self._called(batch)
        try:
            decisions = self.keeper.submit(batch, self.tenant, said)
        except KeyReused as error:
            decisions = self.keeper.submit(rekeyed(batch, error.keys), self.tenant, said)
        self._told = min([self._told, *(one.window - 1 for one in decisions)])
        return decisions

    def over(self) -> Sequence[WindowRecord]:
        found = [kept.record for kept in self.keeper.windows(after=self._told)]
        self._told = max([self._told, *(one.window for one in found)])
        return found

    def close(self) -> None:
        self.keeper.close_window("foretaste gate run", "the stream ended")

    def _called(self, batch: Batch) -> Batch:
        if not self.name:
            return batch
        keys = batch.arrow("key").to_pylist()
        made = [
            f"{self.name}:{place}:{one}"
            for place, one in enumerate(batch.ids.tolist(), self._place)
        ]
        self._place += len(batch)
        called = [key or own for key, own in zip(keys, made, strict=True)]
        return batch.having(key=pa.array(called, pa.large_string()))


@dataclass(frozen=True)
class Sinks:
    """Where records are written, as JSON lines; None: nowhere.

    admitted: the records that stand when their window is over, as they came
    held, rejected: {"decision", "reasons", "record"} each; held are also those let in at the door
        and pulled when their window was over
    """

    admitted: Path | None = None
    held: Path | None = None
    rejected: Path | None = None


@dataclass
class Sifted:
    """What became of a stream."""

    records: int = 0
    admitted: int = 0
    held: int = 0
    rejected: int = 0
    pulled: int = 0
    windows: int = 0
    open: int = 0  # let in, and waiting for the end of their window
    checks: Counter[str] = field(default_factory=Counter)  # that had something against a record
    failures: dict[str, None] = field(default_factory=dict)


def sift(
    stream: Iterable[Parsed],
    records: Callable[[Parsed], Batch],
    judge: Judge,
    sinks: Sinks,
    *,
    close: bool = True,
    progress: Progress = silent,
) -> Sifted:
    """Sends a stream through a gate and sorts it.

    records: makes a batch of what was read, as `Records` does
    close:   the window still open at the end is ended, so that all its records are written
    """
    with ExitStack() as files:
        sorting = _Sorting(*(files.enter_context(_opened(path)) for path in _paths(sinks)))
        for parsed in stream:
            batch = records(parsed)
            lines = [encoded(row, parsed.raws.get(at)) for at, row in enumerate(parsed.rows)]
            decisions = judge.decide(batch, [line.decode() for line in lines])
            sorting.sort(decisions, lines)
            for window in judge.over():
                sorting.end(window)
            progress("gate", sorting.sifted.records, 0)
        if close:
            judge.close()
        for window in judge.over():
            sorting.end(window)
    return sorting.sifted


def dated(records: Callable[[Parsed], Batch]) -> Callable[[Parsed], Batch]:
    """As if each record came when it says it did (role `time`): for streams that were recorded.

    A record that says no time came with the one before it.
    """

    def read(parsed: Parsed) -> Batch:
        batch = records(parsed)
        if "time" not in batch:
            return batch
        said = np.asarray(batch["time"], np.float64)
        return batch.having(arrived=np.where(np.isfinite(said), said, 0.0))

    return read


def encoded(row: dict[str, Any], raw: bytes | None = None) -> bytes:
    """A record as one line of JSON, made of what was judged; one that was not read, as a text.

    >>> encoded({"a": 1.0}), encoded({}, b"{broken")
    (b'{"a":1.0}', b'"{broken"')
    """
    said: Any = row if raw is None else raw.decode("utf-8", "replace")
    try:
        return msgspec.json.encode(said, enc_hook=_plain)
    except (TypeError, ValueError, RecursionError, OverflowError):
        return msgspec.json.encode(ascii(said)[:1_000])


class _Sorting:
    """Writes records as soon as it is known what becomes of them."""

    def __init__(
        self, admitted: BinaryIO | None, held: BinaryIO | None, rejected: BinaryIO | None
    ) -> None:
        self.admitted, self.held, self.rejected = admitted, held, rejected
        self.sifted = Sifted()
        self._open: dict[int, dict[str, tuple[Decision, bytes]]] = {}
        self._over: dict[int, WindowRecord] = {}  # of a stream given again, ahead of its records

    def sort(self, decisions: Sequence[Decision], lines: Sequence[bytes]) -> None:
        said = self.sifted
        said.records += len(decisions)
        for decision, line in zip(decisions, lines, strict=True):
            if decision.ruling is Ruling.ADMIT:
                waiting = self._open.setdefault(decision.window, {})
                said.open += decision.id not in waiting
                waiting[decision.id] = (decision, line)
                continue
            stopped = decision.ruling is Ruling.HOLD
            said.held += stopped
            said.rejected += not stopped
            said.checks.update({reason.check for reason in decision.reasons})
            _write(self.held if stopped else self.rejected, decision, decision.reasons, line)
        first = min((one.window for one in decisions), default=0)
        for number in sorted(self._over):
            if number in self._open:
                self._end(self._over[number])
            elif number < first:
                del self._over[number]

    def end(self, window: WindowRecord) -> None:
        self.sifted.windows += 1
        self.sifted.failures.update(dict.fromkeys(window.failures))
        self._over[window.window] = window
        self._end(window)

    def _end(self, window: WindowRecord) -> None:
        said, waiting = self.sifted, self._open.pop(window.window, {})
        said.open -= len(waiting)
        for pulled in window.pulled:
            if pulled.id in waiting:
                decision, line = waiting.pop(pulled.id)
                said.pulled += 1
                said.checks.update({reason.check for reason in pulled.reasons})
                _write(self.held, decision, pulled.reasons, line)
        said.admitted += len(waiting)
        if self.admitted is not None:
            self.admitted.writelines(line + b"\n" for _, line in waiting.values())
            self.admitted.flush()


def _write(
    out: BinaryIO | None, decision: Decision, reasons: Sequence[Reason], line: bytes
) -> None:
    if out is None:
        return
    said = {
        "decision": decision.id,
        "key": decision.key,
        "window": decision.window,
        "scores": decision.scores,
        "reasons": [reason.model_dump() for reason in reasons],
        "record": msgspec.Raw(line),
    }
    out.write(msgspec.json.encode(said) + b"\n")


def _paths(sinks: Sinks) -> tuple[Path | None, ...]:
    return sinks.admitted, sinks.held, sinks.rejected


@contextmanager
def _opened(path: Path | None) -> Iterator[BinaryIO | None]:
    if path is None:
        yield None
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as out:
        yield out


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return str(value)
