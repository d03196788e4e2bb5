"""Real brokers, each on a free port of this machine with its data in a folder of its own."""

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import closing, suppress

import pytest


def port():
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def found(name):
    """The program, or a test that says what is missing is skipped."""
    places = f"/usr/lib/rabbitmq/bin:{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin"
    path = shutil.which(name, path=places)
    if path is None:
        pytest.skip(f"{name} is not installed: `make services` installs it")
    return path


class Server:
    """A program that listens on `port`; may be ended and started again with the same data."""

    seconds = 20.0

    def __init__(self, folder):
        self.folder, self.port = folder, port()
        self.process = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self):
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            self.command(), stdout=log, stderr=log, env={**os.environ, **self.environment()},
            cwd=self.folder, start_new_session=True,
        )  # fmt: skip
        self.wait()
        return self

    def wait(self):
        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError((self.folder / "log").read_text()[-2000:])

    def stop(self, kill=False):
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL if kill else signal.SIGTERM)
            self.process.wait(30)
            self.process = None

    def environment(self):
        return {}

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop(kill=True)


class NatsServer(Server):
    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    def command(self):
        store = self.folder / "store"
        return [found("nats-server"), "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", store]


class RedisServer(Server):
    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def command(self):
        said = f"--bind 127.0.0.1 --port {self.port} --appendonly yes --appendfsync always --save"
        return [found("redis-server"), *said.split(), "", "--dir", self.folder]


class RabbitServer(Server):
    seconds = 90.0

    def __init__(self, folder):
        super().__init__(folder)
        self.distribution, self.names = port(), port()

    @property
    def url(self):
        return f"amqp://guest:guest@127.0.0.1:{self.port}"

    def command(self):
        (self.folder / "rabbit.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{self.port}\n")
        (self.folder / "plugins").write_text("[].")
        return [found("rabbitmq-server")]

    def environment(self):
        return {
            "RABBITMQ_NODENAME": f"foretaste{self.port}@localhost",
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "logs"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbit.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_DIST_PORT": str(self.distribution),
            "ERL_EPMD_PORT": str(self.names),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_RELAXED_COMMAND_CHECK": "1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1",
            "HOME": str(self.folder),
        }

    def __exit__(self, *_):
        self.stop(kill=True)
        subprocess.run(["epmd", "-port", str(self.names), "-kill"], capture_output=True)
