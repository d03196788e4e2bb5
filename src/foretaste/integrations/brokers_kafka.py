"""A gate between topics of Kafka."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from foretaste.errors import BadInput, MissingExtra
from foretaste.integrations.brokers import HEADERS, Arrived, Parcel, Route, each, unread, whole

_REQUEST = 1 << 20  # bytes of a message, as servers allow unless told otherwise
_KEY = 1_024  # bytes of a key that is kept


class Kafka:
    """Consumes a topic as a group; sends with the receipt of all replicas.

    url: kafka://HOST:PORT,HOST:PORT, or kafkas:// for TLS; a user and password mean SASL
        SCRAM-SHA-512, which needs TLS

    Offsets are committed when everything before them was decided and sent on. Messages keep their
    keys, so those of a key stay in one partition.
    """

    def __init__(
        self, url: str, route: Route, intake: Callable[[Sequence[Arrived]], Awaitable[None]]
    ) -> None:
        try:
            from faststream.kafka import KafkaBroker
        except ImportError as error:
            raise MissingExtra("a gate between brokers", "brokers") from error
        self._route, self._intake = route, intake
        self.largest = _REQUEST - HEADERS
        self._subscriber: Any = None
        self.broker = KafkaBroker(
            _hosts(url),
            acks="all",
            max_request_size=_REQUEST,
            enable_idempotence=True,
            security=_security(url),
            graceful_timeout=15.0,
            apply_types=False,
            logger=None,
        )

    async def prepare(self) -> None:
        """Connects and subscribes; topics are made by the server, if it may."""
        from faststream.middlewares import AckPolicy

        await self.broker.connect()
        subscriber = self.broker.subscriber(
            self._route.records,
            batch=True,
            group_id=self._route.group,
            auto_offset_reset="earliest",
            max_records=self._route.at_once,
            batch_timeout_ms=200,
            ack_policy=AckPolicy.MANUAL,
            parser=unread,
            decoder=whole,
        )
        self._subscriber = subscriber
        subscriber(self._take)

    async def send(self, parcels: Sequence[Parcel]) -> Sequence[Any]:
        """Returns when all replicas have them."""
        return await each(self._sent, parcels)

    async def _sent(self, parcel: Parcel) -> None:
        await self.broker.publish(parcel.body, parcel.to, key=parcel.key, headers=parcel.headers)

    async def _take(self, message: Any) -> None:
        await self._intake([_arrived(one) for one in message.raw_message])
        await self._subscriber.consumer.commit()


def _arrived(one: Any) -> Arrived:
    place = f"kafka {one.topic} {one.partition} {one.offset}"
    key = one.key if len(one.key or b"") <= _KEY else None
    return Arrived(one.value or b"", place, key)


def _hosts(url: str) -> list[str]:
    """HOST:PORT, each of them."""
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2].split(",")
    if not all(hosts):
        raise BadInput(f"Kafka has an address such as kafka://host:9092, not {url!r}")
    return hosts


def _security(url: str) -> Any:
    """TLS, and a password over nothing else."""
    from faststream.security import BaseSecurity, SASLScram512

    parts = urlsplit(url)
    tls = ssl.create_default_context() if parts.scheme == "kafkas" else None
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    if not user:
        return BaseSecurity(ssl_context=tls) if tls else None
    if tls is None:
        raise BadInput("a password for Kafka needs TLS: use kafkas://")
    return SASLScram512(unquote(user), unquote(password), ssl_context=tls)
