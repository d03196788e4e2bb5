"""A gate between topics, from the start of the process to its end."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from foretaste.errors import BadInput, MissingExtra, NotAvailable
from foretaste.gate.keeper import Keeper
from foretaste.gate.records import Records
from foretaste.integrations.brokers import Lane, Parcel, Route
from foretaste.integrations.brokers_intake import Intake

SCHEMES = ("nats", "tls", "redis", "rediss", "amqp", "amqps", "kafka", "kafkas")


async def consume(
    url: str, route: Route, keeper: Keeper, records: Records, tenant: str = ""
) -> None:
    """Decides on what comes until told to stop (SIGINT, SIGTERM); then finishes what it took.

    url: nats://, tls:// (NATS), redis://, rediss://, amqp://, amqps://, kafka:// or kafkas://
    Raises `NotAvailable` where the broker cannot be reached at the start; later it is waited for.
    """
    try:
        from faststream import FastStream
    except ImportError as error:
        raise MissingExtra("a gate between brokers", "brokers") from error
    failures: list[Exception] = []

    def stop(error: Exception) -> None:
        failures.append(error)
        app.exit()

    async def send(parcel: Parcel) -> None:
        await lane.send(parcel)

    intake = Intake(keeper, records, route, send, stop, tenant)
    lane = lane_of(url, route, intake)
    app = FastStream(lane.broker, logger=None)
    await _prepared(lane, url)
    try:
        await app.run()
    finally:
        await intake.close()
    if failures:
        raise failures[0]


async def _prepared(lane: Lane, url: str) -> None:
    try:
        await lane.prepare()
    except Exception as error:
        await lane.broker.stop()
        where = urlsplit(url).netloc.rpartition("@")[2]
        raise NotAvailable(f"{where}: {type(error).__name__}: {error}") from error


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
