"""The live view says what the gate did, and senders cannot steer the terminal."""

import io
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from foretaste.cli.app import app
from foretaste.cli.monitor import frame
from foretaste.data import Batch, concat
from foretaste.errors import BadInput, NotAvailable
from foretaste.gate import Terms
from foretaste.gate.keeper import Keeper
from foretaste.telemetry.opening import Settings, Telemetry
from foretaste.telemetry.sights import Sight, of_metrics

EVIL = "eve\x1b[2J\n\u202e" + "x" * 300


def rows(n, seed, at=0.0, source="ann"):
    rng = np.random.default_rng(seed)
    columns = {"features": rng.normal(at, 1, (n, 3)), "source": [source] * n}
    return Batch([f"{seed} {i}" for i in range(n)], columns)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store, and the metrics of the process that wrote it."""
    place = tmp_path_factory.mktemp("store") / "mail"
    terms = Terms(checks=("joint_outlier",), window=100)
    with (
        Telemetry(Settings(logs="none")) as telemetry,
        Keeper.open(place, rows(500, 0), terms) as keeper,
    ):
        telemetry.follow(keeper)
        keeper.submit(concat([rows(200, 1), rows(30, 2, 9.0, EVIL)]))
        shown = telemetry.metrics.exposition()
    return place, shown


def look(*words):
    done = CliRunner(env={"COLUMNS": "120"}).invoke(app, ["monitor", *map(str, words), "--once"])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout


def test_a_store_is_shown_with_rulings_reasons_sources_and_windows(store):
    shown = look(store[0])
    assert "mail" in shown
    assert "records 230" in shown
    assert "open window 30" in shown
    assert "joint_outlier" in shown
    assert "30 of 30" in shown
    assert "windows 2" in shown


def test_senders_cannot_steer_the_terminal(store):
    shown = look(store[0])
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "x" * 40 not in shown


class Server:
    def __init__(self, body, code=200, token=None):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                right = token is None or self.headers.get("authorization") == f"Bearer {token}"
                self.send_response(code if right else 401)
                self.end_headers()
                self.wfile.write(body if right else b"")

            def log_message(self, *_):
                return

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/metrics"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self.url

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def test_a_server_is_shown_by_its_metrics(store, monkeypatch):
    monkeypatch.setenv("FORETASTE_TOKEN", "hush")
    with Server(store[1], token="hush") as url:
        shown = look(url)
    assert "records 230" in shown
    assert "waiting" in shown
    assert "joint_outlier" in shown
    assert "ms" in shown


def test_no_metrics_no_server_no_store_are_said(tmp_path):
    with Server(b"<html>{") as url, pytest.raises(NotAvailable, match="no metrics"):
        of_metrics(url)
    with Server(b"", code=500) as url, pytest.raises(NotAvailable, match="500"):
        of_metrics(url)
    with pytest.raises(NotAvailable, match="127"):
        of_metrics("http://127.0.0.1:1/metrics")
    with pytest.raises(BadInput, match="holds no gate"):
        look(tmp_path)


def test_a_server_without_gates_is_said():
    with Server(b"") as url:
        assert "no gate has decided" in look(url)


def test_rates_are_those_between_two_looks():
    past = [Sight(at=0.0, name="m"), Sight(10.0, "m", 1000), Sight(20.0, "m", 6000)]
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(frame(past[-1], past))
    shown = console.export_text()
    assert "500/s" in shown
    assert "▂█" in shown
