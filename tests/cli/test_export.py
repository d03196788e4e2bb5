"""`foretaste export` as people use it: with a scan's record alone, and with a ledger."""

import json

import pytest
from typer.testing import CliRunner

from foretaste.cli.app import app
from foretaste.errors import BadInput, BadRecord
from foretaste.ledger.book import Book

ROWS = [("ham", f"see you at noon {i}") for i in range(40)]
ROWS += [("spam", f"win a prize now {i}") for i in range(40)]


def run(*words):
    answer = CliRunner().invoke(app, [str(word) for word in words])
    if answer.exception and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [f"{label},{text}\n" for label, text in [*ROWS, ROWS[0], ROWS[0]]]
    (tmp_path / "rows.csv").write_text("label,text\n" + "".join(lines))
    return tmp_path


def test_a_scan_s_record_is_enough(place):
    run("scan", "rows.csv", "--power", "off", "-q")
    run("export", "rows.csv", "--format", "cyclonedx", "--out", "bom.json")
    run("export", "rows.csv", "--format", "openlineage", "--out", "events.jsonl")
    bill = json.loads((place / "bom.json").read_text())
    assert "dirty" in json.dumps(bill["declarations"])
    events = [json.loads(line) for line in (place / "events.jsonl").read_text().splitlines()]
    assert {event["eventType"] for event in events} == {"START", "COMPLETE"}


def test_a_data_set_is_described_beside_itself_and_read_by_its_description(place):
    run("scan", "rows.csv", "--power", "off", "-q")
    asked = ("--creator", "ada", "--license", "https://example.com/l", "--description", "messages")
    run("export", "rows.csv", "--format", "croissant", *asked)
    assert json.loads((place / "croissant.json").read_text())["name"] == "rows.csv"
    run("scan", "croissant.json", "--out", "again", "--power", "off", "-q")
    one, other = (json.loads((place / p / "record.json").read_text()) for p in
                  ("foretaste-out", "again"))  # fmt: skip
    assert one["counts"]["read"] == other["counts"]["read"] == 82
    (place / "rows.csv").write_text("label,text\nham,hi\n")
    with pytest.raises(BadInput, match=r"rows\.csv"):
        run("scan", "croissant.json", "--out", "third", "-q")


def test_a_ledger_knows_more_than_one_scan(place):
    book = Book.create(place / "ledger", "example.com/data", "ada")
    to = ("--ledger", "ledger")
    run("scan", "rows.csv", "--power", "off", "-q", *to)
    run("train", "rows.csv", "--recipe", "linear_text", "--out", "m.safetensors", *to)
    run("export", "rows.csv", "--format", "cyclonedx", "--out", "bom.json", *to)
    kinds = {one["type"] for one in json.loads((place / "bom.json").read_text())["components"]}
    assert kinds == {"data", "machine-learning-model"}
    assert book.checkpoint().size == 3


def test_without_a_scan_and_without_a_ledger_there_is_nothing_to_tell(place):
    with pytest.raises(BadRecord):
        run("export", "rows.csv", "--format", "cyclonedx")
