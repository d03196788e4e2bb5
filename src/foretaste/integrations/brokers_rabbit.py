"""A gate between queues of RabbitMQ."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from foretaste.errors import MissingExtra
from foretaste.integrations.brokers import LARGEST, Arrived, Parcel, Route, each, unread, whole

_TIMEOUT = 10.0  # seconds


class Rabbit:
    """Consumes a durable queue; sends persistent messages with the server's confirmation.

    Queues that are not there are made, durable. RabbitMQ has no name of its own for a message: a
    record without a key, in a message without `message_id`, is decided anew when it comes again.
    """

    def __init__(
        self, url: str, route: Route, intake: Callable[[Sequence[Arrived]], Awaitable[None]]
    ) -> None:
        try:
            from faststream.rabbit import Channel, RabbitBroker
        except ImportError as error:
            raise MissingExtra("a gate between brokers", "brokers") from error
        self._route, self._intake = route, intake
        self.largest = LARGEST
        self.broker = RabbitBroker(
            url,
            default_channel=Channel(on_return_raises=True),
            reconnect_interval=0.5,
            graceful_timeout=15.0,
            apply_types=False,
            logger=None,
        )

    async def prepare(self) -> None:
        """Connects, makes queues, subscribes."""
        from faststream.middlewares import AckPolicy
        from faststream.rabbit import Channel, RabbitQueue

        await self.broker.connect()
        for name in self._route.outgoing:
            await self.broker.declare_queue(RabbitQueue(name, durable=True))
        subscriber = self.broker.subscriber(
            RabbitQueue(self._route.records, durable=True),
            channel=Channel(prefetch_count=self._route.at_once),
            ack_policy=AckPolicy.MANUAL,
            parser=unread,
            decoder=whole,
        )
        subscriber(self._take)

    async def send(self, parcels: Sequence[Parcel]) -> Sequence[Any]:
        """Returns when the queue has them."""
        return await each(self._sent, parcels)

    async def _sent(self, parcel: Parcel) -> None:
        await self.broker.publish(
            parcel.body,
            queue=parcel.to,
            headers=parcel.headers,
            message_id=parcel.name,
            persist=True,
            mandatory=True,
            timeout=_TIMEOUT,
        )

    async def _take(self, message: Any) -> None:
        raw = message.raw_message
        place = f"rabbit {self._route.records} {raw.message_id}" if raw.message_id else ""
        await self._intake([Arrived(raw.body, place)])
        await raw.ack()
