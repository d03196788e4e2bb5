"""Signed records through a gate: in files, in messages, on disk and decided again."""

import asyncio
import csv
import json
import time
from contextlib import contextmanager

import numpy as np
import pytest
from typer.testing import CliRunner

from foretaste.cli.app import app
from foretaste.errors import BadInput
from foretaste.gate.gate import Gate
from foretaste.gate.journal import Journal
from foretaste.gate.records import of_rows, parse
from foretaste.gate.replay import replay
from foretaste.gate.settings import Opening, read_settings, settings_of
from foretaste.gate.stores import Stored, begun
from foretaste.integrations.brokers import Arrived, Route
from foretaste.integrations.brokers_intake import Intake
from foretaste.ledger.keys import LOG, SigningKey
from foretaste.origin.batches import sign
from foretaste.origin.providers import Entry, write
from foretaste.origin.records import signed
from foretaste.origin.refusals import AlteredContent
from foretaste.serving.lane import Bounds, Lane, Submission

KEY = SigningKey("acme", LOG, bytes(range(32)))
CHECKS = ("contract", "origin_signature")


def rows(n, source="acme", seed=0):
    rng = np.random.default_rng(seed)
    return [
        {
            "id": f"{seed}-{i}",
            "age": round(float(rng.normal(40, 9)), 3),
            "fee": round(float(rng.normal(5, 1)), 3),
            "label": "ab"[i % 2],
            "source": source if i % 2 else "someone",
        }
        for i in range(n)
    ]


def all_signed(some, first=0):
    return [
        signed(row, KEY, first + i) if row["source"] == "acme" else row
        for i, row in enumerate(some)
    ]


@pytest.fixture
def place(tmp_path):
    write(tmp_path / "providers.json", [Entry(name="acme", key=KEY.verifier.text)])
    with (tmp_path / "clean.csv").open("w", newline="") as file:
        out = csv.DictWriter(file, rows(1)[0])
        out.writeheader()
        out.writerows(rows(300, seed=9))
    return tmp_path


@pytest.fixture
def said(place):
    return {
        "trusted": str(place / "clean.csv"),
        "checks": CHECKS,
        "window": 50,
        "providers": {"registry": place / "providers.json"},
    }


def held(gate, opening, some):
    return gate(opening.records(of_rows(some))).held.tolist()


def test_a_spoofed_name_is_held_and_a_signed_record_passes(said):
    opening = Opening(settings_of(said))
    gate = Gate(opening.rows, opening.settings.terms)
    honest = all_signed(rows(20))
    assert not any(held(gate, opening, honest))
    spoofed = [{**row, "id": f"x{i}"} for i, row in enumerate(rows(20))]
    assert held(gate, opening, spoofed) == [row["source"] == "acme" for row in spoofed]


def test_what_was_altered_or_sent_again_is_held(said):
    opening = Opening(settings_of(said))
    gate = Gate(opening.rows, opening.settings.terms)
    one = all_signed(rows(2))[1]
    ruled = gate(opening.records(of_rows([{**one, "label": "a"}, one, one])))
    assert ruled.held.tolist() == [True, False, True]
    assert "does not fit" in ruled.reasons[0][0].text
    assert "came before" in ruled.reasons[2][0].text


def test_without_providers_a_signature_is_a_field_nobody_agreed_on(said):
    opening = Opening(settings_of({**said, "providers": None, "checks": ("contract",)}))
    batch = opening.records(of_rows(all_signed(rows(2))))
    assert "credential" not in batch
    assert batch["breach"].tolist()[1] == "unknown field 'signature'"


def test_all_sources_may_have_to_sign(said):
    required = {**said["providers"], "required": True}
    opening = Opening(settings_of({**said, "providers": required}))
    gate = Gate(opening.rows, opening.settings.terms)
    assert held(gate, opening, all_signed(rows(2))) == [True, False]


@contextmanager
def journal_of(place):
    journal = Journal.open(str(place / "gate"))
    try:
        yield journal
    finally:
        journal.shut()


def test_decisions_come_out_the_same_when_the_journal_is_replayed(said, place):
    opening = Opening(settings_of({**said, "store": str(place / "gate")}))
    kept, keeper = begun(opening)
    stream = all_signed(rows(120, seed=1))
    stream[7] = {**stream[7], "fee": 1.0}
    stream += [{**stream[3], "id": None}]
    lines = [json.dumps(row).encode() for row in stream]
    with keeper:
        first = keeper.submit(kept.records(parse(lines[:60])))
        again = keeper.submit(kept.records(parse(lines[:60])))
        assert [one.id for one in again] == [one.id for one in first]
    kept, keeper = begun(opening)
    with keeper:
        rest = keeper.submit(kept.records(parse(lines[60:])))
    assert [one.sequence for one in (*first, *rest) if one.ruling == "hold"] == [7, 120]
    stored = Stored(str(place / "gate"))
    with journal_of(place) as journal:
        found = replay(journal, stored.trusted, stored.settings.terms)
    assert found.same
    assert found.records == 121


def test_who_is_believed_is_part_of_what_was_decided(said, place):
    kept, keeper = begun(Opening(settings_of({**said, "store": str(place / "gate")})))
    stream = of_rows(all_signed(rows(10)))
    with keeper:
        keeper.submit(kept.records(stream))
    write(place / "providers.json", [Entry(name="acme", key=KEY.verifier.text, revoked=True)])
    stored = Stored(str(place / "gate"))
    with journal_of(place) as journal:
        feed = [stored.records(stream)]
        found = replay(journal, stored.trusted, stored.settings.terms, feed)
    assert found.difference.what == "id"


def test_a_revoked_key_counts_no_more_when_the_gate_is_opened_again(said, place):
    opening = Opening(settings_of({**said, "store": str(place / "gate")}))
    kept, keeper = begun(opening)
    one, two = all_signed(rows(4))[1::2]
    with keeper:
        assert keeper.submit(kept.records(of_rows([one])))[0].ruling == "admit"
    write(place / "providers.json", [Entry(name="acme", key=KEY.verifier.text, revoked=True)])
    kept, keeper = begun(opening)
    with keeper:
        decision = keeper.submit(kept.records(of_rows([two])))[0]
    assert decision.ruling == "hold"
    assert "revoked" in decision.reasons[0].text


def test_a_gate_that_was_begun_without_providers_gets_none_later(said, place):
    plain = {**said, "providers": None, "checks": ("contract",), "store": str(place / "gate")}
    begun(Opening(settings_of(plain)))[1].shut()
    with pytest.raises(BadInput, match="without providers"):
        begun(Opening(settings_of({**plain, "providers": said["providers"]})))


def test_a_settings_file_names_the_list_from_where_it_stands(place):
    (place / "gate.toml").write_text(
        '[gate]\ntrusted = "clean.csv"\n[gate.providers]\nregistry = "providers.json"\n'
        "[gate.settings.origin_signature]\nfresh = 60\n"
    )
    settings = read_settings(place / "gate.toml")
    assert settings.credentials.registry.registered == {"acme"}


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_stream_of_signed_records_goes_through_the_command_line(place, kind):
    stream = all_signed(rows(40))
    stream[5] = {**stream[5], "fee": 5.5}
    path = place / f"stream.{kind}"
    if kind == "csv":  # all cells are texts there, so texts are signed
        told = all_signed([{k: str(v) for k, v in row.items()} for row in rows(40)])
        told[5] = {**told[5], "fee": "5.5"}
        with path.open("w", newline="") as file:
            out = csv.DictWriter(file, told[1])
            out.writeheader()
            out.writerows(told)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in stream))
    done = run(
        "gate", "run", "--trusted", place / "clean.csv", "--in", path, "--held", place / "held",
        "--checks", ",".join(CHECKS), "--providers", place / "providers.json", "-q",
    )  # fmt: skip
    assert done.exit_code == 1, done.output
    (one,) = [json.loads(line) for line in (place / "held").read_text().splitlines()]
    assert one["record"]["id"] == "0-5"
    assert one["reasons"][0]["check"] == "origin_signature"


def test_a_file_that_was_signed_as_a_whole_needs_no_signature_in_its_records(place):
    path, fine = place / "stream.jsonl", [row for row in rows(40) if row["source"] == "acme"]
    path.write_text("".join(json.dumps(row) + "\n" for row in fine))
    words = (
        "gate", "run", "--trusted", place / "clean.csv", "--in", path, "--held", place / "held",
        "--checks", ",".join(CHECKS), "--providers", place / "providers.json", "-q",
        "--store", place / "gate",
    )  # fmt: skip
    sign(path, KEY, 100, len(fine))
    assert run(*words).exit_code == 0
    assert run(*words).exit_code == 0  # known keys get the decisions they got
    path.write_text(path.read_text().replace('"b"', '"a"', 1))
    done = run(*(place / "third" if word == place / "gate" else word for word in words))
    assert isinstance(done.exception, AlteredContent)


def test_records_that_come_over_http_are_asked_who_signed_them(said, place):
    kept, keeper = begun(Opening(settings_of({**said, "store": str(place / "gate")})))
    lane = Lane("main", keeper, kept.records, Bounds())
    try:
        stream = all_signed(rows(4))
        stream[3] = {name: v for name, v in stream[3].items() if name != "signature"}
        body = "\n".join(json.dumps(row) for row in stream).encode()
        work = Submission(body, True, "", time.monotonic() + 60)
        lane.put(work)
        told = json.loads(work.future.result(60))["decisions"]
    finally:
        lane.shut()
    assert [one["ruling"] for one in told] == ["admit", "admit", "admit", "hold"]
    assert told[3]["reasons"][0]["check"] == "origin_signature"


def test_messages_of_brokers_are_asked_who_signed_them(said, place):
    kept, keeper = begun(Opening(settings_of({**said, "store": str(place / "gate")})))
    stream, parcels = all_signed(rows(4)), []
    stream[1] = {**stream[1], "label": "a"}

    async def send(some):
        parcels.extend(some)
        return [None] * len(some)

    async def run():
        route = Route("records", "admitted", "held", "rejected")
        intake = Intake(keeper, kept.records, route, send, lambda _: None)
        arrived = [Arrived(json.dumps(row).encode(), f"at {i}") for i, row in enumerate(stream)]
        await intake(arrived)
        await intake.close()

    with keeper:
        asyncio.run(run())
    assert ["0-1" in str(one.body) for one in parcels if one.to == "held"] == [True]
