"""`foretaste ledger` as people use it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from foretaste.cli.app import app
from foretaste.errors import BadInput
from foretaste.ledger.refusals import LedgerRefused, RolledBack, WrongInclusion


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
