"""Messages through a gate: none lost, none decided twice differently, none that blocks."""

import asyncio
import json
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from foretaste.cli.app import app
from foretaste.errors import BadInput, JournalTaken, NotAvailable, NotDurable
from foretaste.gate.keeper import Keeper
from foretaste.gate.observing import Observer, Observers
from foretaste.gate.settings import GateSettings, Opening
from foretaste.integrations.brokers import Arrived, Route
from foretaste.integrations.brokers_intake import Intake
from foretaste.integrations.brokers_running import consume, lane_of
from tests.telemetry.made import window

ROUTE = Route("records", "admitted", "held", "rejected")


def rows(n, seed=0, at=0.0):
    rng = np.random.default_rng(seed)
    values = rng.normal(at, 1, (n, 2)).round(4).tolist()
    return [{"id": f"{seed}-{i}", "x": x, "y": y} for i, (x, y) in enumerate(values)]


@pytest.fixture(scope="module")
def opening():
    table = pa.Table.from_pylist(rows(400))
    said = GateSettings(trusted="(in memory)", window=100, checks=("contract", "joint_outlier"))
    return Opening(said, table)


@pytest.fixture
def keeper(opening, tmp_path):
    with Keeper.open(tmp_path / "store", opening.rows, opening.settings.terms) as made:
        yield made


class Sent:
    """A broker that keeps what it is sent, and may be down."""

    def __init__(self):
        self.parcels, self.down = [], 0

    async def __call__(self, parcels):
        await asyncio.sleep(0)
        return [self.take(parcel) for parcel in parcels]

    def take(self, parcel):
        if self.down:
            self.down -= 1
            return ConnectionError("down")
        self.parcels.append(parcel)
        return None

    def to(self, name):
        return [one for one in self.parcels if one.to == name]


def messages(some, start=0):
    return [Arrived(json.dumps(row).encode(), f"test {start + i}") for i, row in enumerate(some)]


def through(keeper, opening, sent, *batches, route=ROUTE, stop=lambda _: None):
    async def run():
        intake = Intake(keeper, opening.records, route, sent, stop)
        await asyncio.gather(*(intake(batch) for batch in batches))
        await intake.close()

    asyncio.run(run())


def test_records_go_where_their_ruling_says_as_they_came(keeper, opening):
    sent = Sent()
    odd = messages(rows(3, seed=2, at=6.0), 100)
    through(
        keeper, opening, sent, messages(rows(50, seed=1)), odd, [Arrived(b"no json", "test 999")]
    )
    admitted, held, rejected = (sent.to(name) for name in ("admitted", "held", "rejected"))
    assert len(admitted) >= 48
    assert [one.body for one in held][-3:] == [one.body for one in odd]
    assert [one.body for one in rejected] == [b"no json"]
    assert "joint_outlier" in held[-1].headers["foretaste-reasons"]
    assert len({one.headers["foretaste-decision"] for one in sent.parcels}) == 54


def test_what_is_no_record_is_rejected_and_costs_no_other(keeper, opening):
    bad = [b"", b" \n", b"null", b"[1]", b"\xff\xfe", b"{" * 5000, b'{"x": 1e999}', b'{"x": "a"}']
    bad += [b'{"x": 1, "y": 2, "z": 3}', b'"' + b"x" * 2_000_000 + b'"', b'{"id": {"a": []}}']
    good = messages(rows(5, seed=1))
    sent = Sent()
    through(keeper, opening, sent, [Arrived(body, f"bad {i}") for i, body in enumerate(bad)], good)
    assert [one.body for one in sent.to("rejected")] == bad
    assert len(sent.to("admitted")) + len(sent.to("held")) == 5
    assert all(one.headers["foretaste-reasons"].isascii() for one in sent.to("rejected"))


def test_what_comes_again_gets_the_decision_it_got(keeper, opening):
    with_key, without = rows(5, seed=1), [{"x": 0.1, "y": 0.2}] * 3
    batch = messages([*with_key, *without])
    sent = Sent()
    through(keeper, opening, sent, batch)
    through(keeper, opening, sent, batch[::-1])
    first, again = sent.parcels[:8], sent.parcels[8:]
    assert {(p.name, p.to) for p in first} == {(p.name, p.to) for p in again}
    assert len({p.name for p in sent.parcels}) == 8
    assert keeper.gate.standing.sequence == 8


def test_a_key_that_comes_with_another_record_is_rejected_alone(keeper, opening):
    first = {"id": "a", "x": 0.1, "y": 0.1}
    sent = Sent()
    through(keeper, opening, sent, messages([first, {**first, "x": 0.2}, *rows(3, seed=1)]))
    (rejected,) = sent.to("rejected")
    assert json.loads(rejected.body)["x"] == 0.2
    assert "came before" in rejected.headers["foretaste-reasons"]
    assert len(sent.parcels) == 5
    assert keeper.gate.standing.sequence == 4


def test_no_sender_can_take_the_place_of_a_message_without_a_key(keeper, opening):
    thief = {"id": "test 1", "x": 0.1, "y": 0.1}
    sent = Sent()
    through(keeper, opening, sent, messages([thief, {"x": 0.3, "y": 0.4}]))
    assert not sent.to("rejected")


def test_nothing_is_done_before_it_is_sent_and_a_broker_that_is_down_is_tried_again(
    keeper, opening, monkeypatch
):
    monkeypatch.setattr("foretaste.integrations.brokers_intake._FIRST", 0.001)
    sent = Sent()
    sent.down = 25
    through(keeper, opening, sent, messages(rows(10, seed=1)))
    assert len(sent.parcels) == len({one.name for one in sent.parcels}) == 10
    assert keeper.gate.standing.sequence == 10


def test_a_full_disk_is_waited_for_and_told(keeper, opening, monkeypatch):
    monkeypatch.setattr("foretaste.integrations.brokers_intake._FIRST", 0.001)
    failures = iter([NotDurable("disk full"), NotDurable("disk full"), None])
    submit = keeper.submit

    def full(*said):
        if error := next(failures):
            raise error
        return submit(*said)

    heard = []

    class Ear(Observer):
        def on_failure(self, gate, error):
            heard.append(error)

    monkeypatch.setattr(keeper, "submit", full)
    keeper.observers = Observers(Ear())
    sent = Sent()
    through(keeper, opening, sent, messages(rows(10, seed=1)))
    assert len(sent.parcels) == 10
    assert len(heard) == 2
    assert "disk full" in heard[0]


def test_a_journal_that_another_process_took_ends_it(keeper, opening, monkeypatch):
    def taken(*_):
        raise JournalTaken("another process took over this journal")

    monkeypatch.setattr(keeper, "submit", taken)
    stopped, sent = [], Sent()
    with pytest.raises(asyncio.CancelledError):
        through(keeper, opening, sent, messages(rows(3)), stop=stopped.append)
    assert isinstance(stopped[0], JournalTaken)
    assert not sent.parcels


def test_messages_that_wait_are_decided_together_but_not_more_than_allowed(
    keeper, opening, monkeypatch
):
    sizes, submit = [], keeper.submit

    def counted(batch, *said):
        sizes.append(len(batch))
        return submit(batch, *said)

    monkeypatch.setattr(keeper, "submit", counted)
    route = Route("records", "admitted", "held", "rejected", at_once=10)
    one_each = [[one] for one in messages(rows(35, seed=1))]
    through(keeper, opening, Sent(), *one_each, route=route)
    assert sizes == [10, 10, 10, 5]


def test_windows_that_are_over_are_told_and_once_more_after_a_start(keeper, opening):
    route = Route("records", "admitted", "held", "rejected", windows="windows", at_once=150)
    sent = Sent()
    through(keeper, opening, sent, messages(rows(150, seed=1)), route=route)
    (window,) = sent.to("windows")
    assert json.loads(window.body)["window"] == 0
    through(keeper, opening, sent, messages(rows(5, seed=2)), route=route)
    assert [one.name for one in sent.to("windows")] == [window.name] * 2


def test_messages_without_key_and_place_are_decided_each_time(keeper, opening):
    sent = Sent()
    for body in (b'{"x": 0.1, "y": 0.2}', b'{"id": "a", "x": 0.1, "y": 0.2}', b"no json"):
        through(keeper, opening, sent, [Arrived(body)], [Arrived(body)])
    assert len(sent.parcels) == 6
    assert keeper.gate.standing.sequence == 5


def test_what_is_too_long_for_the_broker_is_rejected_and_cut(keeper, opening):
    long = b'{"x": 0.1, "y": 0.2}' + b" " * 5_000
    sent = Sent()

    async def run():
        intake = Intake(keeper, opening.records, ROUTE, sent)
        intake.largest = 1_000
        await intake([Arrived(long, "test 1"), *messages(rows(3, seed=1), 2)])

    asyncio.run(run())
    (rejected,) = sent.to("rejected")
    assert len(rejected.body) == 1_000
    assert rejected.headers["foretaste-cut"] == f"{len(long)} bytes"
    assert len(sent.parcels) == 4


def test_a_window_with_many_pulled_records_is_told_in_parts(keeper, opening, monkeypatch):
    monkeypatch.setattr("foretaste.integrations.brokers_intake._IDS", 2)
    route = Route("records", "admitted", "held", "rejected", windows="windows")
    pulled = window(pulled=5).record
    monkeypatch.setattr(keeper, "windows", lambda: [SimpleNamespace(record=pulled)])
    sent = Sent()
    through(keeper, opening, sent, messages(rows(1, seed=1)), route=route)
    told = [json.loads(one.body) for one in sent.to("windows")]
    assert [one for part in told for one in part["pulled"]] == ["d0", "d1", "d2", "d3", "d4"]
    assert [(one["part"], one["parts"]) for one in told] == [(0, 3), (1, 3), (2, 3)]


def test_a_gate_without_a_contract_is_refused(opening, tmp_path):
    said = opening.settings.model_copy(update={"checks": ("joint_outlier",)})
    with (
        Keeper.open(tmp_path / "bare", opening.rows, said.terms) as keeper,
        pytest.raises(BadInput, match="contract"),
    ):
        Intake(keeper, opening.records, ROUTE, Sent())


def test_routes_that_lead_in_circles_are_refused():
    with pytest.raises(BadInput, match="where others come from"):
        Route("records", "admitted", "records", "rejected")
    with pytest.raises(BadInput, match="at least one"):
        Route("records", "a", "b", "c", at_once=0)


def test_addresses_without_a_broker_are_refused():
    with pytest.raises(BadInput, match="no broker"):
        lane_of("http://127.0.0.1", ROUTE, None)
    with pytest.raises(BadInput, match="TLS"):
        lane_of("kafka://eve:pass@127.0.0.1:9092", ROUTE, None)
    with pytest.raises(BadInput, match="kafka://host"):
        lane_of("kafka://", ROUTE, None)


def test_a_broker_that_is_not_there_is_said_without_its_password(keeper, opening):
    address = "redis://:hunter2@127.0.0.1:1"
    with pytest.raises(NotAvailable, match=r"127\.0\.0\.1:1") as told:
        asyncio.run(consume(address, ROUTE, keeper, opening.records, patience=0.0))
    assert "hunter2" not in str(told.value)


def test_the_command_says_what_it_needs():
    words = "--in a --admitted b --held c --rejected d --broker nats://127.0.0.1:1 --trusted x.csv"
    done = CliRunner().invoke(app, ["gate", "consume", *words.split()])
    assert isinstance(done.exception, BadInput)
    assert "--store" in str(done.exception)
