"""A running gate tells its ledger of windows, and never waits for it."""

import json
import shutil
import time

import numpy as np
import pytest

from foretaste.bookkeeping import following
from foretaste.bookkeeping.following import Following
from foretaste.gate.records import parse
from foretaste.gate.settings import Opening, settings_of
from foretaste.gate.stores import begun
from foretaste.ledger.book import Book
from foretaste.serving.house import House
from foretaste.serving.settings import ServerSettings


def numbers(n, seed):
    rng = np.random.default_rng(seed)
    return [
        {"age": float(rng.normal(40, 9)), "fee": float(rng.normal(5, 1)), "label": "ab"[i % 2]}
        for i in range(n)
    ]


def lines(some):
    return [json.dumps(one) for one in some]


@pytest.fixture
def ledger(tmp_path):
    return Book.create(tmp_path / "ledger", "example.com/data", "alice")


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "trusted.jsonl"
    path.write_text("\n".join(lines(numbers(300, 0))) + "\n")
    return settings_of(
        {"trusted": str(path), "store": str(tmp_path / "g"), "window": 50, "checks": ("contract",)}
    )


def submitted(stored, keeper, seed):
    said = lines(numbers(100, seed))
    batch = stored.records(parse([one.encode() for one in said]))
    keeper.submit(batch, "", said)


def kinds(book):
    return [event.kind for _, event in book.events()]


def test_windows_are_told_while_the_gate_runs(ledger, settings):
    stored, keeper = begun(Opening(settings))
    with keeper, Following(ledger, keeper, stored):
        submitted(stored, keeper, 1)
        until = time.monotonic() + 30
        while len(kinds(ledger)) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        assert kinds(ledger) == ["gate_window", "gate_window"]


def test_what_was_not_told_before_the_end_is_told_at_the_next_start(ledger, settings):
    stored, keeper = begun(Opening(settings))
    with keeper:
        submitted(stored, keeper, 1)
    assert kinds(ledger) == []
    stored, keeper = begun(Opening(settings))
    with keeper, Following(ledger, keeper, stored):
        submitted(stored, keeper, 2)
    assert [event.facts["number"] for _, event in ledger.events()] == [0, 1, 2, 3]


def test_a_ledger_that_cannot_be_written_stops_no_gate(ledger, settings, monkeypatch):
    monkeypatch.setattr(following, "PAUSE", 0.05)
    keys = ledger.folder / "keys"
    shutil.move(keys, ledger.folder / "away")
    stored, keeper = begun(Opening(settings))
    with keeper, Following(ledger, keeper, stored) as told:
        submitted(stored, keeper, 1)
        until = time.monotonic() + 30
        while not told.failures and time.monotonic() < until:
            time.sleep(0.05)
        assert told.failures
        shutil.move(ledger.folder / "away", keys)
    assert kinds(ledger) == ["gate_window", "gate_window"]


def test_a_server_tells_the_ledger_of_its_settings(ledger, settings):
    house = House(ServerSettings(gates={"main": settings}, ledger=ledger.folder))
    try:
        lane = house.lanes["main"]
        said = lines(numbers(50, 3))
        lane.keeper.submit(lane.records(parse([one.encode() for one in said])), "", said)
    finally:
        house.shut()
    assert [event.made[0].name for _, event in ledger.events()] == ["main#0"]
