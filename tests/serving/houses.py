"""A real server on a free port of this machine, with two gates and tokens of two tenants."""

import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import numpy as np

from foretaste.serving.running import address, server_for
from foretaste.serving.settings import server_of
from foretaste.serving.tokens import Tokens

LINE = {"age": 30.5, "fee": 2.25, "town": "Oslo", "label": "a"}


def row(i, **more):
    rng = np.random.default_rng(i)
    said = {
        "age": rng.normal(40, 9),
        "fee": rng.normal(5, 1),
        "town": ["Oslo", "Lima", "Hue"][i % 3],
    }
    return {**said, "label": "ab"[i % 2], **more}


@dataclass
class Running:
    url: str
    tokens: Tokens
    said: dict
    server: object
    settings: object

    def client(self, name=None, **more):
        headers = {"Authorization": f"Bearer {self.said[name]}"} if name else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, **more)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def serving(folder, trusted, *, tokens=True, tls=None, limits=None, gates=("main",), tenants=()):
    names = dict(zip(gates, [*tenants, *[()] * len(gates)], strict=False))
    said = {
        "gates": {
            name: {
                "trusted": str(trusted), "store": str(folder / name), "window": 50, "alpha": 0.001,
                "checks": ("contract", "joint_outlier"), "tenants": own,
            }
            for name, own in names.items()
        },
        "port": free_port(),
        "limits": limits or {"rate": 1e9},  # as quick as tests are, none waits
    }  # fmt: skip
    kept = Tokens(folder / "tokens.json")
    if tokens:
        said["tokens"] = str(kept.path)
    if tls:
        said["tls"] = tls
    settings = server_of(said)
    server = server_for(settings)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield Running(address(settings), kept, {}, server, settings)
    finally:
        server.should_exit = True
        thread.join(20)
