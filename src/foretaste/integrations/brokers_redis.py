"""A gate between streams of Redis."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from foretaste.errors import MissingExtra
from foretaste.integrations.brokers import LARGEST, Arrived, Parcel, Route, unread, whole

_CLAIM = 30_000  # milliseconds after which a message somebody left lying is taken up
_OURS = b"__data__"  # field of an entry that FastStream wrote


class Redis:
    """Reads a stream as a consumer group; adds entries to others.

    An entry with one field is a record in JSON; with several fields, they are the record. What is
    sent on has the field `record`, and the decision in fields beside it. What a gate took and
    never acknowledged, before it died, is taken up by the next one after half a minute.

    Redis keeps what it acknowledged only if it is told to: `appendonly yes`, and `appendfsync
    always` where nothing may be lost with the power.
    """

    def __init__(
        self, url: str, route: Route, intake: Callable[[Sequence[Arrived]], Awaitable[None]]
    ) -> None:
        try:
            from faststream.redis import RedisBroker
        except ImportError as error:
            raise MissingExtra("a gate between brokers", "brokers") from error
        self._route, self._intake = route, intake
        self.largest = LARGEST
        self._client: Any = None
        self.broker = RedisBroker(url, graceful_timeout=15.0, apply_types=False, logger=None)

    async def prepare(self) -> None:
        """Connects, makes the group, subscribes to what is new and to what was left lying."""
        from faststream.middlewares import AckPolicy
        from faststream.redis import StreamSub
        from redis.exceptions import ResponseError

        self._client = await self.broker.connect()
        name, group = self._route.records, self._route.group
        with suppress(ResponseError):  # the group is there
            await self._client.xgroup_create(name, group, id="0", mkstream=True)
        for idle in (None, _CLAIM):
            stream = StreamSub(
                name,
                group=group,
                consumer="gate",
                batch=True,
                max_records=self._route.at_once,
                min_idle_time=idle,
                polling_interval=1_000 if idle else 100,
            )
            subscriber = self.broker.subscriber(
                stream=stream, ack_policy=AckPolicy.MANUAL, parser=unread, decoder=whole
            )
            subscriber(self._take)

    async def send(self, parcels: Sequence[Parcel]) -> Sequence[Any]:
        """Returns when the streams have them."""
        pipe = self._client.pipeline(transaction=False)
        for parcel in parcels:
            told = {name.removeprefix("foretaste-"): one for name, one in parcel.headers.items()}
            pipe.xadd(parcel.to, {"record": parcel.body, **told})
        answers: Sequence[Any] = await pipe.execute(raise_on_error=False)
        return answers

    async def _take(self, message: Any) -> None:
        raw = message.raw_message
        names, entries = raw["message_ids"], raw["data"]
        place = f"redis {self._route.records}"
        await self._intake(
            [
                Arrived(body_of(entry), f"{place} {name.decode()}")
                for name, entry in zip(names, entries, strict=True)
            ]
        )
        await self._client.xack(self._route.records, self._route.group, *names)


def body_of(entry: Mapping[bytes, bytes]) -> bytes:
    """The record that an entry holds, as JSON.

    >>> body_of({b"record": b'{"a": 1}'}), body_of({b"a": b"1", b"b": b"x"})
    (b'{"a": 1}', b'{"a": "1", "b": "x"}')
    """
    if _OURS in entry:
        from faststream.redis.parser.binary import BinaryMessageFormatV1

        return bytes(BinaryMessageFormatV1.parse(entry[_OURS])[0])
    if len(entry) == 1:
        return next(iter(entry.values()))
    told = {
        name.decode("utf-8", "replace"): v.decode("utf-8", "replace") for name, v in entry.items()
    }
    return json.dumps(told).encode()
