"""The two ends of a gate between topics: who sends records, and who reads what comes of them.

Written with the brokers' own clients, so that nothing of the gate's code judges itself.
"""

import asyncio
import json
import time
from contextlib import suppress

NAMES = ("admitted", "held", "rejected", "windows")


class NatsEnds:
    def __init__(self, url):
        self.url = url

    async def open(self):
        import nats

        self.link = await nats.connect(self.url, max_reconnect_attempts=-1, reconnect_time_wait=0.2)
        self.js = self.link.jetstream(timeout=2)
        with suppress(Exception):
            await self.js.add_stream(name="records", subjects=["records"])

    async def send(self, body):
        await self.js.publish("records", body)

    async def read(self, name):
        found = []
        info = await self.js.stream_info(name)
        for place in range(info.state.first_seq, info.state.last_seq + 1):
            one = await self.js.get_msg(name, place)
            found.append((one.data or b"", one.headers or {}))
        return found

    async def close(self):
        await self.link.close()


class RedisEnds:
    def __init__(self, url):
        self.url = url

    async def open(self):
        from redis.asyncio import Redis

        self.link = Redis.from_url(self.url)

    async def send(self, body):
        await self.link.xadd("records", {"record": body})

    async def read(self, name):
        entries = await self.link.xrange(name)
        return [
            (
                fields.pop(b"record"),
                {f"foretaste-{k.decode()}": v.decode() for k, v in fields.items()},
            )
            for _, fields in entries
        ]

    async def close(self):
        await self.link.aclose()


class RabbitEnds:
    def __init__(self, url):
        self.url, self.seen = url, {name: [] for name in NAMES}

    async def open(self):
        import aio_pika

        self.pika = aio_pika
        self.link = await aio_pika.connect_robust(self.url, reconnect_interval=0.2)
        self.channel = await self.link.channel()
        await self.channel.declare_queue("records", durable=True)

    async def send(self, body):
        message = self.pika.Message(body, delivery_mode=2)
        await self.channel.default_exchange.publish(message, "records", timeout=2)

    async def read(self, name):
        """What is read is gone, so it is remembered."""
        queue = await self.channel.declare_queue(name, durable=True, timeout=5)
        while one := await queue.get(fail=False, timeout=5):
            self.seen[name].append((one.body, dict(one.headers)))
            await one.ack()
        return self.seen[name]

    async def close(self):
        await self.link.close()


class KafkaEnds:
    def __init__(self, url):
        self.host = url.partition("://")[2]

    async def open(self):
        from aiokafka import AIOKafkaProducer

        self.producer = AIOKafkaProducer(bootstrap_servers=self.host, acks="all")
        await self.producer.start()

    async def send(self, body):
        await self.producer.send_and_wait("records", body)

    async def read(self, name):
        from aiokafka import AIOKafkaConsumer, TopicPartition

        reader = AIOKafkaConsumer(bootstrap_servers=self.host, enable_auto_commit=False)
        await reader.start()
        try:
            await reader._client.force_metadata_update()
            parts = [TopicPartition(name, p) for p in reader.partitions_for_topic(name) or ()]
            if not parts:
                return []
            reader.assign(parts)
            ends = await reader.end_offsets(parts)
            await reader.seek_to_beginning(*parts)
            found, wanted = [], sum(ends.values())
            while len(found) < wanted:
                for some in (await reader.getmany(timeout_ms=500)).values():
                    found += [(m.value, {k: v.decode() for k, v in m.headers}) for m in some]
            return found
        finally:
            await reader.stop()

    async def close(self):
        await self.producer.stop()


async def send_all(ends, bodies, pause=0.0):
    """Each until it is taken, however often the broker goes away; perhaps twice."""
    for body in bodies:
        for _ in range(600):
            try:
                await asyncio.wait_for(ends.send(body), 5)
                break
            except Exception:  # noqa: BLE001 whatever a broker that goes away makes of it
                await asyncio.sleep(0.1)
        else:
            raise TimeoutError("the broker never came back")
        if pause:
            await asyncio.sleep(pause)


async def read_until(ends, wanted, seconds, names=NAMES[:3]):
    """name -> (body, headers), when there are so many different bodies, or too late."""
    until = time.monotonic() + seconds
    while True:
        found = {}
        for name in names:
            try:
                found[name] = await asyncio.wait_for(ends.read(name), 20)
            except Exception:  # noqa: BLE001 whatever a broker that goes away makes of it
                found[name] = []
        bodies = {body for some in found.values() for body, _ in some}
        if len(bodies) >= wanted or time.monotonic() > until:
            return found
        await asyncio.sleep(0.5)


def said(row):
    return json.dumps(row).encode()


async def follow_nats(url, name, arrived):
    import nats

    link = await nats.connect(url)

    async def heard(message):
        arrived.setdefault(message.data, time.perf_counter())

    await link.subscribe(name, cb=heard)
    try:
        await asyncio.sleep(3600)
    finally:
        await link.close()


async def follow_redis(url, name, arrived):
    from redis.asyncio import Redis

    link, last = Redis.from_url(url), b"0"
    while True:
        for _, entries in await link.xread({name: last}, block=1000, count=100):
            for _, fields in entries:
                arrived.setdefault(fields[b"record"], time.perf_counter())
            last = entries[-1][0]


async def follow_rabbit(url, name, arrived):
    import aio_pika

    link = await aio_pika.connect(url)
    queue = await (await link.channel()).get_queue(name)
    async with queue.iterator(no_ack=True) as messages:
        async for message in messages:
            arrived.setdefault(message.body, time.perf_counter())


async def follow_kafka(url, name, arrived):
    from aiokafka import AIOKafkaConsumer

    host = url.partition("://")[2]
    reader = AIOKafkaConsumer(name, bootstrap_servers=host, auto_offset_reset="earliest")
    await reader.start()
    try:
        async for message in reader:
            arrived.setdefault(message.value, time.perf_counter())
    finally:
        await reader.stop()


FOLLOW = {
    "nats": follow_nats,
    "redis": follow_redis,
    "rabbit": follow_rabbit,
    "kafka": follow_kafka,
}
