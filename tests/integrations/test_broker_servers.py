"""Real brokers, real clients, a gate in a process of its own: what is killed, comes back.

Kafka is played by the mock cluster inside librdkafka: groups, offsets and receipts are those of the
protocol, but it cannot be restarted, so there only the gate is killed.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from foretaste.gate.journal import Journal
from tests.integrations.ends import (
    KafkaEnds,
    NatsEnds,
    RabbitEnds,
    RedisEnds,
    read_until,
    said,
    send_all,
)
from tests.integrations.servers import NatsServer, RabbitServer, RedisServer

pytestmark = pytest.mark.slow
RESTARTS = {"kafka": 0, "rabbit": 1}  # RabbitMQ takes half a minute to start
PILLS = [b"", b"no json", b"\xff\xfe\x00", b"[" * 3000, b'{"x": "one"}']
LONG = b"z" * ((1 << 20) - 200)  # nearly all that NATS and Kafka take, headers included


class Mock:
    """A cluster of one Kafka broker inside librdkafka."""

    def __init__(self, _):
        self.kafka = pytest.importorskip(
            "confluent_kafka", reason="the mock cluster comes with confluent-kafka"
        )

    def __enter__(self):
        said = {"bootstrap.servers": "", "test.mock.num.brokers": 1}
        self.client = self.kafka.Producer(said)
        (broker,) = self.client.list_topics(timeout=10).brokers.values()
        self.url = f"kafka://{broker.host}:{broker.port}"
        return self

    def __exit__(self, *_):
        del self.client


BROKERS = {
    "nats": (NatsServer, NatsEnds),
    "redis": (RedisServer, RedisEnds),
    "rabbit": (RabbitServer, RabbitEnds),
    "kafka": (Mock, KafkaEnds),
}


def rows(n, seed, at=0.0):
    values = np.random.default_rng(seed).normal(at, 1, (n, 2)).round(4).tolist()
    return [{"id": f"{seed}-{i}", "x": x, "y": y} for i, (x, y) in enumerate(values)]


@pytest.fixture
def place(tmp_path):
    table = pa.Table.from_pylist(rows(400, seed=0))
    pyarrow.csv.write_csv(table, tmp_path / "trusted.csv")
    (tmp_path / "gate.toml").write_text(
        '[gate]\ntrusted = "trusted.csv"\nstore = "store"\nwindow = 100\n'
        'checks = ["contract", "joint_outlier"]\n[telemetry]\nlogs = "batches"\n'
    )
    return tmp_path


class GateProcess:
    """`foretaste gate consume`, which may be killed and started again."""

    def __init__(self, place, url):
        self.place, self.url, self.process = place, url, None

    def start(self):
        words = "--in records --admitted admitted --held held --rejected rejected"
        command = [sys.executable, "-m", "foretaste", "gate", "consume", *words.split()]
        command += ["--windows", "windows", "--config", "gate.toml", "--at-once", "50"]
        self.process = subprocess.Popen(
            command,
            cwd=self.place,
            stderr=(self.place / "gate.log").open("ab"),
            env={**os.environ, "FORETASTE_BROKER": self.url, "OMP_NUM_THREADS": "1"},
        )
        return self

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()


def checked(found, bodies, pills, place):
    """Each record once or more, always with the same decision; the journal has each once."""
    seen = defaultdict(set)
    for name, some in found.items():
        for body, headers in some:
            seen[body].add((name, headers.get("foretaste-decision")))
    log = (place / "gate.log").read_text()[-3000:]
    assert set(seen) == {*bodies, *pills}, log
    assert {len(seen[body]) for body in bodies} == {1}
    assert all(name == "rejected" for body in pills for name, _ in seen[body])
    with Journal.open(place / "store").transaction() as told:
        gate = Journal.open(place / "store").gate(told)
    decided = {one for body in bodies for _, one in seen[body]}
    assert len(decided) == len(bodies)
    return gate.records


@pytest.mark.parametrize("kind", BROKERS)
def test_a_stream_goes_through_and_a_gate_that_is_stopped_finishes_what_it_took(kind, place):
    server, kind_of_ends = BROKERS[kind]
    good, odd = [said(one) for one in rows(240, seed=1)], [said(one) for one in rows(5, 2, 9.0)]
    bodies = [*good, *odd]

    async def run(url):
        ends = kind_of_ends(url)
        await ends.open()
        await send_all(ends, [*bodies[:100], *PILLS, LONG, *bodies[100:]])
        found = await read_until(ends, len(bodies) + len(PILLS) + 1, 60)
        found["windows"] = await ends.read("windows")
        await ends.close()
        return found

    with server(place / "server") as one, GateProcess(place, one.url) as gate:
        found = asyncio.run(run(one.url))
        assert gate.stop() == 0
    windows = [json.loads(body)["window"] for body, _ in found.pop("windows")]
    assert windows == [0, 1]
    (long,) = [one for one in found["rejected"] if one[0][:9] == LONG[:9]]
    found["rejected"].remove(long)
    assert LONG.startswith(long[0])
    assert checked(found, bodies, PILLS, place) == len(bodies) + len(PILLS) + 1
    assert len(found["admitted"]) >= 230
    assert {body for body, _ in found["held"]}.issuperset(odd)


@pytest.mark.parametrize("kind", BROKERS)
def test_kills_of_gate_and_broker_lose_nothing_and_decide_nothing_twice(kind, place):
    server, kind_of_ends = BROKERS[kind]
    bodies = [said(one) for one in rows(500, seed=3)]

    async def run(one, gate):
        ends = kind_of_ends(one.url)
        await ends.open()
        sending = asyncio.create_task(send_all(ends, [*bodies, *PILLS], pause=0.01))
        await first_decision(gate)
        for turn in range(2):
            await asyncio.sleep(1.0)
            gate.kill()
            gate.start()
            await asyncio.sleep(1.0)
            if turn < RESTARTS.get(kind, 2):
                await asyncio.to_thread(one.stop, turn == 1)
                await asyncio.to_thread(one.start)
        await sending
        found = await read_until(ends, len(bodies) + len(PILLS), 100)
        await ends.close()
        return found

    with server(place / "server") as one, GateProcess(place, one.url) as gate:
        found = asyncio.run(run(one, gate))
    checked(found, bodies, PILLS, place)


async def first_decision(gate):
    until = time.monotonic() + 60
    log = gate.place / "gate.log"
    while b'"ruled"' not in (log.read_bytes() if log.exists() else b""):
        assert gate.process.poll() is None, log.read_text()
        assert time.monotonic() < until, "no record was decided within a minute"
        await asyncio.sleep(0.2)
