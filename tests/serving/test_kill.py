"""A server that is killed at once, again and again: what it acknowledged is there afterwards."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import httpx
import pytest

from tests.serving.houses import free_port, row

ROUNDS = 3


def started(folder, trusted, port):
    """The command `foretaste serve` in a process of its own."""
    gate = {"trusted": str(trusted), "store": str(folder / "gate"), "window": 50, "alpha": 0.001}
    gate["checks"] = ["contract", "joint_outlier"]
    config = folder / "server.yaml"
    config.write_text(json.dumps({"gates": {"main": gate}, "port": port}))
    command = [sys.executable, "-m", "foretaste", "serve", "--config", str(config)]
    server = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
    for _ in range(600):
        try:
            httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=1)
            return server
        except httpx.TransportError:
            assert server.poll() is None
            time.sleep(0.2)
    server.kill()
    raise AssertionError("the server did not start")


def sending(port, first, told):
    """Sends one record after the other until the server is gone; notes what it acknowledged."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        for i in range(first, first + 10_000):
            try:
                answer = client.post("/v1/gates/main/records", json=row(i, id=f"key {i}"))
            except httpx.TransportError:
                return
            if answer.status_code == 200:
                told[i] = answer.json()["decisions"][0]


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_or_decided_twice_however_the_server_dies(tmp_path, trusted):
    told, chance = {}, random.Random(0)
    for turn in range(ROUNDS):
        port = free_port()
        server = started(tmp_path, trusted, port)
        senders = [
            threading.Thread(target=sending, args=(port, (turn * 4 + one) * 10_000, told))
            for one in range(4)
        ]
        for sender in senders:
            sender.start()
        time.sleep(1 + chance.random())
        server.send_signal(signal.SIGKILL)
        server.wait()
        for sender in senders:
            sender.join()
    port = free_port()
    server = started(tmp_path, trusted, port)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            for i, decision in told.items():
                again = client.post("/v1/gates/main/records", json=row(i, id=f"key {i}"))
                assert again.json()["decisions"] == [decision]
    finally:
        server.terminate()
        server.wait()
    assert len(told) > 4 * ROUNDS
    assert len({decision["sequence"] for decision in told.values()}) == len(told)
