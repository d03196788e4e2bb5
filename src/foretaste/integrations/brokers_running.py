"""A gate between topics, from the start of the process to its end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from foretaste.errors import BadInput, MissingExtra, NotAvailable
from foretaste.gate.keeper import Keeper
from foretaste.gate.records import Records
from foretaste.integrations.brokers import Lane, Parcel, Route
from foretaste.integrations.brokers_intake import Intake

_SHORTEST = 5.0  # seconds that a try may take at least
_log = logging.getLogger("foretaste.brokers")
SCHEMES = ("nats", "tls", "redis", "rediss", "amqp", "amqps", "kafka", "kafkas")


async def consume(
    url: str, route: Route, keeper: Keeper, records: Records, patience: float = 60.0
) -> None:
    """Decides on what comes until told to stop (SIGINT, SIGTERM); then finishes what it took.

    url: nats://, tls:// (NATS), redis://, rediss://, amqp://, amqps://, kafka:// or kafkas://
    patience: seconds that the broker is waited for at the start; later it is waited for always
    Raises `NotAvailable` where it is not there then.
    """
    try:
        from faststream import FastStream
    except ImportError as error:
        raise MissingExtra("a gate between brokers", "brokers") from error
    failures: list[Exception] = []

    def stop(error: Exception) -> None:
        failures.append(error)
        app.exit()

    async def send(parcels: Sequence[Parcel]) -> Sequence[Any]:
        return await lane.send(parcels)

    intake = Intake(keeper, records, route, send, stop)
    lane = await _prepared(url, route, intake, patience)
    intake.largest = lane.largest
    app = FastStream(lane.broker, logger=None)
    try:
        await app.run()
    finally:
        await intake.close()
    if failures:
        raise failures[0]


async def _prepared(url: str, route: Route, intake: Intake, patience: float) -> Lane:
    until = time.monotonic() + patience
    while True:
        lane, left = lane_of(url, route, intake), until - time.monotonic()
        try:
            await asyncio.wait_for(lane.prepare(), max(left, _SHORTEST))
            return lane
        except Exception as error:
            await lane.broker.stop()
            told = f"{urlsplit(url).netloc.rpartition('@')[2]}: {type(error).__name__}: {error}"
            if left <= 0:
                raise NotAvailable(told) from error
            _log.warning("%s; trying again for %.0f s", told, left)
            await asyncio.sleep(1.0)


def lane_of(url: str, route: Route, intake: Any) -> Lane:
    """The kind of broker that an address speaks of.

    >>> lane_of("http://127.0.0.1", Route("a", "b", "c", "d"), None)
    Traceback (most recent call last):
    foretaste.errors.BadInput: no broker is reached by 'http'; try nats, tls, redis, ...
    """
    scheme = urlsplit(url).scheme
    if scheme in ("nats", "tls"):
        from foretaste.integrations.brokers_nats import Nats

        return Nats(url, route, intake)
    if scheme in ("redis", "rediss"):
        from foretaste.integrations.brokers_redis import Redis

        return Redis(url, route, intake)
    if scheme in ("amqp", "amqps"):
        from foretaste.integrations.brokers_rabbit import Rabbit

        return Rabbit(url, route, intake)
    if scheme in ("kafka", "kafkas"):
        from foretaste.integrations.brokers_kafka import Kafka

        return Kafka(url, route, intake)
    raise BadInput(f"no broker is reached by {scheme!r}; try {', '.join(SCHEMES)}")
