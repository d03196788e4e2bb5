"""A gate between subjects of NATS JetStream."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from foretaste.errors import MissingExtra
from foretaste.integrations.brokers import HEADERS, Arrived, Parcel, Route, each, unread, whole

_WAIT = 30.0  # seconds until the server gives a message again
_TIMEOUT = 5.0


class Nats:
    """Pulls from a stream by a durable consumer; sends with the server's receipt.

    Streams that no subject belongs to yet are made, on disk, named like the subject. Messages that
    are sent carry `Nats-Msg-Id`, so the server drops one that is sent twice.
    """

    def __init__(
        self, url: str, route: Route, intake: Callable[[Sequence[Arrived]], Awaitable[None]]
    ) -> None:
        try:
            from faststream.nats import NatsBroker
        except ImportError as error:
            raise MissingExtra("a gate between brokers", "brokers") from error
        self._route, self._intake = route, intake
        self.largest = 0
        self._streams: dict[str, str] = {}
        self.broker = NatsBroker(
            url,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.5,
            graceful_timeout=15.0,
            apply_types=False,
            logger=None,
        )

    async def prepare(self) -> None:
        """Connects, makes streams, subscribes."""
        from faststream.middlewares import AckPolicy
        from faststream.nats import JStream, PullSub
        from nats.js.api import ConsumerConfig

        link = await self.broker.connect()
        self.largest = link.max_payload - HEADERS
        for subject in (self._route.records, *self._route.outgoing):
            self._streams[subject] = await _stream(link.jetstream(), subject)
        subscriber = self.broker.subscriber(
            self._route.records,
            stream=JStream(self._streams[self._route.records], declare=False),
            durable=self._route.group,
            config=ConsumerConfig(ack_wait=_WAIT, max_ack_pending=self._route.at_once),
            pull_sub=PullSub(batch_size=self._route.at_once, timeout=1.0),
            ack_policy=AckPolicy.MANUAL,
            parser=unread,
            decoder=whole,
        )
        subscriber(self._take)

    async def send(self, parcels: Sequence[Parcel]) -> Sequence[Any]:
        """Returns when the stream has them."""
        return await each(self._sent, parcels)

    async def _sent(self, parcel: Parcel) -> None:
        await self.broker.publish(
            parcel.body,
            parcel.to,
            headers={**parcel.headers, "Nats-Msg-Id": parcel.name},
            stream=self._streams[parcel.to],
            timeout=_TIMEOUT,
        )

    async def _take(self, message: Any) -> None:
        raw = message.raw_message
        place = f"nats {raw.metadata.stream} {raw.metadata.sequence.stream}"
        await self._intake([Arrived(raw.data, place)])
        await raw.ack()


async def _stream(jetstream: Any, subject: str) -> str:
    """The stream a subject belongs to, made if there is none."""
    from nats.js.errors import NotFoundError

    with suppress(NotFoundError):
        return str(await jetstream.find_stream_name_by_subject(subject))
    name = re.sub(r"[^A-Za-z0-9_-]", "_", subject)
    await jetstream.add_stream(name=name, subjects=[subject])
    return name
