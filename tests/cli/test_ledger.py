"""`foretaste ledger` as people use it."""

import json
import shutil
import time
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner

from foretaste.cli.app import app
from foretaste.errors import BadInput
from foretaste.interchange.receipt import check_receipt
from foretaste.interchange.scitt import check_statement
from foretaste.ledger.book import Book
from foretaste.ledger.keys import SigningKey, read_key
from foretaste.ledger.refusals import (
    LedgerRefused,
    RolledBack,
    TooFewWitnesses,
    UnknownSigner,
    WrongInclusion,
)
from foretaste.ledger.witness import Witness
from foretaste.serving.witness import WitnessSettings, witness_server


def run(*words):
    answer = CliRunner().invoke(app, ["ledger", *map(str, words)])
    if answer.exception and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A ledger `L` of three entries, named in foretaste.toml; the working folder is beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FORETASTE_LEDGER", raising=False)
    run("init", "L", "--origin", "example.com/data")
    Path("foretaste.toml").write_text('[ledger]\nfolder = "L"\n')
    Path("model.bin").write_bytes(b"weights")
    promote = ("--kind", "checkpoint_promoted", "--used", "model:model.bin")
    for to in ("staging", "production"):
        run("append", *promote, "--fact", f"to={to}")
    run("append", "--kind", "source_registered", "--made", f"source:vendor@sha256:{'7' * 64}")
    return tmp_path


def test_entries_are_numbered_shown_and_checked(place):
    assert "production" in run("show", 1).stdout
    lines = [json.loads(line) for line in run("log", "--json").stdout.splitlines()]
    assert [line["index"] for line in lines] == [0, 1, 2]
    assert lines[2]["made"][0]["name"] == "vendor"
    assert "source_registered" in run("log").stdout
    assert "3 entries, every one signed and in its place" in run("verify", "-q").stdout


def test_a_part_of_the_log_is_shown(place):
    for words, wanted in (
        (("--last", 1), [2]),
        (("--from", 1, "--to", 2), [1]),
        (("--kind", "checkpoint_promoted"), [0, 1]),
    ):
        lines = run("log", "--json", *words).stdout.splitlines()
        assert [json.loads(line)["index"] for line in lines] == wanted


def test_an_entry_is_proved_to_whoever_has_the_policy_and_no_ledger(place, monkeypatch):
    assert "entry 1 stands in example.com/data" in run("prove", 1, "--out", "given").stdout
    (place / "given" / "policy").write_bytes((place / "L" / "policy").read_bytes())
    monkeypatch.chdir(place / "given")
    words = ("verify", "--proof", "entry-1.tlog-proof", "--policy", "policy", "--entry")
    assert "is entry 1 of example.com/data" in run(*words, "entry-1.json").stdout
    Path("other.json").write_bytes(Path("entry-1.json").read_bytes().replace(b"a", b"b", 1))
    with pytest.raises(WrongInclusion):
        run(*words, "other.json")


def test_a_proof_without_its_entry_is_told_what_it_lacks(place):
    run("prove", 1)
    with pytest.raises(BadInput, match="--entry"):
        run("verify", "--proof", "entry-1.tlog-proof")


def test_a_checkpoint_that_was_kept_finds_a_ledger_that_was_put_back(place):
    kept = place / "kept"
    kept.write_bytes((place / "L" / "log" / "checkpoint").read_bytes())
    run("append", "--kind", "checkpoint_promoted", "--used", "model:model.bin")
    assert "it grew from 3 entries" in run("verify", "-q", "--against", kept).stdout
    newer = place / "newer"
    newer.write_bytes((place / "L" / "log" / "checkpoint").read_bytes())
    (place / "L" / "log" / "checkpoint").write_bytes(kept.read_bytes())
    with pytest.raises(RolledBack):
        run("verify", "-q", "--against", newer)


def test_a_changed_entry_is_found(place):
    bundle = place / "L" / "log" / "tile" / "entries" / "000.p" / "3"
    bundle.write_bytes(bundle.read_bytes().replace(b"a", b"b", 1))
    with pytest.raises(LedgerRefused):
        run("verify", "-q")


@pytest.mark.parametrize(
    "words",
    [
        ("append",),
        ("append", "x.json", "--kind", "rollback"),
        ("append", "--kind", "rollback", "--used", "model:nowhere.bin"),
        ("append", "--kind", "miracle", "--used", "model:model.bin"),
        ("append", "--kind", "rollback", "--used", "ghost:model.bin"),
        ("append", "--kind", "rollback", "--used", "model:m@sha256:abc"),
        ("append", "--kind", "rollback"),
        ("append", "nowhere.json"),
        ("show", "9"),
        ("prove", "9"),
        ("init", "L", "--origin", "example.com/data"),
        ("init", "M", "--origin", "two words"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_added(place, words):
    with pytest.raises(BadInput):
        run(*words)
    assert "3 entries" in run("verify", "-q").stdout


def test_without_a_ledger_it_is_said_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FORETASTE_LEDGER", raising=False)
    with pytest.raises(BadInput, match="ledger init"):
        run("log")


def test_the_shell_names_the_ledger_too(place, monkeypatch):
    (place / "foretaste.toml").unlink()
    monkeypatch.setenv("FORETASTE_LEDGER", str(place / "L"))
    assert "3 entries" in run("verify", "-q").stdout


def test_an_outsider_with_a_copy_checks_all_without_any_private_key(place, tmp_path):
    copy = place / "copy"
    copy.mkdir()
    for name in ("ledger.toml", "policy", "authors"):
        (copy / name).write_bytes((place / "L" / name).read_bytes())
    (copy / "log").symlink_to(place / "L" / "log")
    assert "3 entries" in run("verify", "-q", "--ledger", copy).stdout
    with pytest.raises(BadInput):
        run("append", "--kind", "rollback", "--used", "model:model.bin", "--ledger", copy)


@pytest.fixture
def witnessed(place):
    """The ledger with a witness `north` that runs; what it is asked at, and its folder."""
    key = run("witness", "new", "w", "--name", "north.example").stdout.strip()
    run("witness", "trust", "w", "L/policy")
    keys = [read_key(path) for path in Path("w").glob("*.key")]
    settings = WitnessSettings(port=0)
    server = witness_server(Witness(Path("w/witness.db"), keys), settings)
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    run("witness", "add", "north", key, "--url", f"http://127.0.0.1:{port}")
    yield place
    server.should_exit = True
    thread.join()


def test_a_witness_signs_and_only_then_is_the_policy_content(witnessed):
    with pytest.raises(TooFewWitnesses):
        run("verify", "-q")
    assert "1 signatures of witnesses under 3 entries" in run("witness", "ask").stdout
    assert "3 entries" in run("verify", "-q").stdout
    run("append", "--kind", "checkpoint_promoted", "--used", "model:model.bin")
    with pytest.raises(TooFewWitnesses):
        run("verify", "-q")
    assert "under 4 entries" in run("witness", "ask").stdout
    assert "4 entries" in run("verify", "-q").stdout


def test_a_ledger_that_was_put_back_as_a_whole_is_found_by_its_witness(witnessed):
    shutil.copytree("L", "old")
    run("append", "--kind", "checkpoint_promoted", "--used", "model:model.bin")
    run("witness", "ask")
    shutil.rmtree("L")
    shutil.copytree("old", "L")
    assert run("witness", "evidence", "w").exit_code == 0
    with pytest.raises(LedgerRefused, match="4"):
        run("witness", "ask")
    run("append", "--kind", "checkpoint_promoted", "--used", "model:model.bin", "--fact", "to=x")
    with pytest.raises(LedgerRefused):
        run("witness", "ask")
    told = run("witness", "evidence", "w")
    assert told.exit_code == 1
    assert told.stdout.count("example.com/data") >= 2


def test_a_witness_s_folder_and_numbers_are_checked(place):
    key = run("witness", "new", "w", "--name", "n.example", "--ml-dsa").stdout.splitlines()
    assert len(key) == 2
    for words in (
        ("witness", "new", "w", "--name", "n.example"),
        ("witness", "trust", "nowhere", "L/policy"),
        ("witness", "add", "n", key[0], "--url", "http://localhost:1", "--quorum", "2"),
        ("witness", "add", "n", key[0], "--url", "http://localhost:1", "--quorum", "some"),
    ):
        with pytest.raises(BadInput):
            run(*words)
    run("witness", "add", "n", key[1], "--url", "http://localhost:1", "--quorum", "none")
    assert "3 entries" in run("verify", "-q").stdout


def test_what_a_ledger_knows_is_written_for_other_programs(place):
    run("export", "--format", "cyclonedx", "--out", "bom.json")
    run("export", "--format", "openlineage", "--out", "events.jsonl")
    run("export", "--format", "receipt", "--index", 1, "--out", "receipt.cose")
    assert json.loads(Path("bom.json").read_text())["specVersion"] == "1.7"
    assert len(Path("events.jsonl").read_text().splitlines()) == 6
    book = Book.open(Path("L"))
    keys = [log.key for log in book.policy.logs]
    told = check_receipt(Path("receipt.cose").read_bytes(), book.entry(1), keys)
    assert told.index == 1
    run("export", "--format", "scitt", "--index", 1, "--out", "statement.cose")
    said = check_statement(Path("statement.cose").read_bytes(), book.authors)
    assert said == book.event(1)
    with pytest.raises(BadInput, match="--index"):
        run("export", "--format", "receipt")


ROWS = [("ham", f"see you at noon {i}") for i in range(40)]


@pytest.fixture
def scanned(place):
    """`rows.csv`, scanned into the ledger."""
    lines = "".join(f"{label},{text}\n" for label, text in ROWS)
    Path("rows.csv").write_text("label,text\n" + lines)
    CliRunner().invoke(app, ["scan", "rows.csv", "--power", "off", "-q"])
    return place


def test_a_row_is_proved_to_whoever_has_policy_and_authors(scanned, monkeypatch):
    assert "row 7 of 40 in rows.csv" in run("prove", "rows.csv#7", "--out", "given").stdout
    for name in ("policy", "authors"):
        shutil.copy(scanned / "L" / name, scanned / "given")
    monkeypatch.chdir(scanned / "given")
    Path("../foretaste.toml").unlink()
    trusted = ("--policy", "policy", "--authors", "authors")
    entry = ("--proof", "entry-3.tlog-proof", "--entry", "entry-3.json")
    shown = run("verify", *entry, *trusted, "--row", "row-3-7.json").stdout
    assert "dataset_version, signed by one of its authors" in shown
    assert "is row 7 of 40 in rows.csv" in shown
    said = json.loads(Path("row-3-7.json").read_text())
    for name, value in (("position", 8), ("digest", "0" * 64)):
        Path("other.json").write_text(json.dumps({**said, name: value}))
        with pytest.raises(WrongInclusion):
            run("verify", *entry, *trusted, "--row", "other.json")
    Path("strangers").write_text(f"{SigningKey.new('eve').verifier.text}\n")
    with pytest.raises(UnknownSigner):
        run("verify", *entry, "--policy", "policy", "--authors", "strangers")


def test_a_row_that_no_data_set_is_known_to_hold_is_not_proved(scanned):
    for words in (f"row:{'0' * 64}", "rows.csv#99", "rows.csv"):
        with pytest.raises(BadInput):
            run("prove", words)
    for path in (scanned / "L" / "rows").iterdir():
        path.unlink()
    with pytest.raises(BadInput, match="deleted"):
        run("prove", "rows.csv#7")
    assert "5 entries" in run("verify", "-q").stdout
