"""Messages of a broker through a gate: decided, written down, sent on, and only then done with."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from foretaste.data import Batch
from foretaste.errors import BadInput, JournalTaken, KeyReused
from foretaste.gate.decision import Decision, WindowRecord
from foretaste.gate.keeper import Keeper
from foretaste.gate.observing import Observer, Observers
from foretaste.gate.records import Records, parse
from foretaste.gate.ruled import Window
from foretaste.integrations.brokers import LARGEST, Arrived, Parcel, Route
from foretaste.streaming import Ruling

_log = logging.getLogger("foretaste.brokers")
_REASONS = 2_000  # characters of reasons that travel with a record
_IDS = 5_000  # of pulled records in one message
_FIRST, _LONGEST = 0.2, 10.0  # seconds between tries


class Intake:
    """Decides on messages and sends them on; returns when both have been done.

    send: see `Lane.send`; largest: see `Lane.largest`
    stop: called when the gate can go on no longer, such as when another process took its journal

    While the journal or the broker cannot be written to it keeps trying, and nothing more is taken
    than `Route.at_once` messages: neither is anything lost, nor does it pile up.
    """

    def __init__(
        self,
        keeper: Keeper,
        records: Records,
        route: Route,
        send: Callable[[Sequence[Parcel]], Awaitable[Sequence[Any]]],
        stop: Callable[[Exception], None] = lambda _: None,
        tenant: str = "",
    ) -> None:
        if "contract" not in keeper.gate.checks:
            raise BadInput(
                "a gate between brokers needs the check `contract`: messages may be no JSON"
            )
        self.route, self._keeper, self._records = route, keeper, records
        self.largest = LARGEST
        self._send, self._stop, self._tenant = send, stop, tenant
        self._closed = _Closed()
        keeper.observers = Observers(*keeper.observers.observers, self._closed)
        again = route.at_once // keeper.gate.terms.window + 1
        self._told: list[WindowRecord] = [one.record for one in keeper.windows()[-again:]]
        self._waiting: list[tuple[Sequence[Arrived], asyncio.Future[None]]] = []
        self._work: asyncio.Task[None] | None = None

    async def __call__(self, messages: Sequence[Arrived]) -> None:
        """Messages that came together; others that wait are decided with them."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((messages, done))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._working())
        await done

    async def close(self) -> None:
        """Gives up on what is still being tried; the broker will give it again."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        for _, done in self._waiting:
            done.cancel()

    async def _working(self) -> None:
        while self._waiting:
            taken = self._taken()
            try:
                await self._through([one for messages, _ in taken for one in messages])
            except (Exception, asyncio.CancelledError) as error:
                for _, done in taken:
                    done.cancel()
                if isinstance(error, Exception):
                    self._stop(error)
                raise
            for _, done in taken:
                if not done.done():
                    done.set_result(None)

    def _taken(self) -> list[tuple[Sequence[Arrived], asyncio.Future[None]]]:
        """What waits, up to as many messages as are taken at once; at least one's worth."""
        taken = [self._waiting.pop(0)]
        size = len(taken[0][0])
        while self._waiting and size + len(self._waiting[0][0]) <= self.route.at_once:
            taken.append(self._waiting.pop(0))
            size += len(taken[-1][0])
        return taken

    async def _through(self, messages: Sequence[Arrived]) -> None:
        parcels = await self._patient("judged", lambda: asyncio.to_thread(self._judged, messages))
        left = [*parcels, *self._windows()]

        async def send() -> None:
            nonlocal left
            tried = await self._send(left)
            failed = [one for one in tried if isinstance(one, BaseException)]
            left = [p for p, one in zip(left, tried, strict=True) if isinstance(one, BaseException)]
            if failed:
                raise failed[0]

        await self._patient("sent on", send)

    async def _patient(self, what: str, do: Callable[[], Awaitable[Any]]) -> Any:
        """Tries until it works; only a journal that another process took is final."""
        wait = _FIRST
        while True:
            try:
                return await do()
            except JournalTaken:
                raise
            except Exception as error:  # noqa: BLE001 whatever it is, nothing may be acknowledged
                told = f"brokers: messages cannot be {what}: {type(error).__name__}: {error}"
                _log.warning("%s; trying again in %.1f s", told, wait)
                self._keeper.observers.on_failure(self._keeper.name, told)
                await asyncio.sleep(wait)
                wait = min(2 * wait, _LONGEST)

    def _judged(self, messages: Sequence[Arrived]) -> list[Parcel]:
        bodies = [one.body if one.body.strip() else b"null" for one in messages]
        batch = self._records(parse(bodies, min(self._records.form.largest, self.largest)))
        batch = batch.having(key=pa.array(_keys(batch, messages), pa.large_string()))
        said = [body.decode("utf-8", "replace") for body in bodies]
        found = self._decided(batch, said)
        return [self._parcel(one, found[row]) for row, one in enumerate(messages)]

    def _decided(self, batch: Batch, said: Sequence[str]) -> list[Decision | str]:
        """A decision a row, or why there can be none."""
        try:
            return list(self._keeper.submit(batch, self._tenant, said))
        except KeyReused as error:
            if len(batch) == 1:
                return [str(error)]
            reused = np.isin(batch["key"], error.keys)
        found: dict[int, Decision | str] = {}
        for rows in (np.flatnonzero(~reused), *np.flatnonzero(reused)[:, None]):
            if len(rows):
                some = self._decided(batch.take(rows), [said[row] for row in rows])
                found.update(zip(rows.tolist(), some, strict=True))
        return [found[row] for row in range(len(batch))]

    def _parcel(self, message: Arrived, decision: Decision | str) -> Parcel:
        if isinstance(decision, str):
            digest = hashlib.sha256(message.place.encode() + message.body).hexdigest()
            headers = {"foretaste-ruling": Ruling.REJECT.value}
            headers["foretaste-reasons"] = json.dumps([decision])[:_REASONS]
            return self._packed(self.route.rejected, digest[:32], message, headers)
        headers = {
            "foretaste-decision": decision.id,
            "foretaste-ruling": decision.ruling.value,
            "foretaste-window": str(decision.window),
        }
        if decision.reasons:
            headers["foretaste-reasons"] = _why(decision)
        return self._packed(self.route.to(decision.ruling), decision.id, message, headers)

    def _packed(self, to: str, name: str, message: Arrived, headers: dict[str, str]) -> Parcel:
        """What is too long for the broker, and so was rejected, is cut."""
        if len(message.body) > self.largest:
            headers["foretaste-cut"] = f"{len(message.body)} bytes"
        return Parcel(to, name, message.body[: self.largest], headers, message.key)

    def _windows(self) -> Iterator[Parcel]:
        """Windows that are over and were not told yet; after a start the last ones, once more."""
        told, self._told = [*self._told, *self._closed.taken()], []
        for record in told if self.route.windows else ():
            rest = record.model_dump(mode="json", by_alias=True, exclude={"pulled"})
            ids = [one.id for one in record.pulled]
            parts = range(0, max(len(ids), 1), _IDS)
            for part, at in enumerate(parts):
                said = {**rest, "pulled": ids[at : at + _IDS], "part": part, "parts": len(parts)}
                name = f"{record.id}-{part}"
                yield Parcel(self.route.windows, name, json.dumps(said).encode(), key=b"window")


class _Closed(Observer):
    """Keeps the records of windows that are over until they are asked for."""

    def __init__(self) -> None:
        self._records: list[WindowRecord] = []

    def on_window(self, gate: str, window: Window) -> None:
        self._records.append(window.record)

    def taken(self) -> list[WindowRecord]:
        records, self._records = self._records, []
        return records


def _keys(batch: Batch, messages: Sequence[Arrived]) -> list[str | None]:
    """The senders' keys; where there is none, the place with a digest that no sender can take."""
    keys: list[str | None] = batch["key"].tolist()
    for row, one in enumerate(messages):
        if not keys[row] and one.place:
            keys[row] = f"{one.place} {hashlib.sha256(one.body).hexdigest()[:32]}"
    return keys


def _why(decision: Decision) -> str:
    """Reasons as ASCII, none cut in the middle."""
    told: list[dict[str, Any]] = []
    for why in decision.reasons:
        more = [*told, {"check": why.check, "surprise": why.surprise, "text": why.text[:400]}]
        if len(json.dumps(more)) > _REASONS:
            break
        told = more
    return json.dumps(told)
