"""`foretaste origin` as providers, owners of lists and readers of lists use it."""

import json

import pytest
from typer.testing import CliRunner

from foretaste.cli.app import app
from foretaste.errors import BadInput


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def place(tmp_path):
    """A provider with a key, registered by an owner who has one, and some rows."""
    for name in ("acme", "owner"):
        done = run("origin", "keygen", name, "--out", tmp_path / f"{name}.key")
        assert done.exit_code == 0, done.output
        (tmp_path / f"{name}.pub").write_text(done.stdout)
    done = run(
        "origin", "register", "acme", "--key", tmp_path / "acme.pub", "--registry",
        tmp_path / "providers.json", "--source", "acme-eu", "--owner", tmp_path / "owner.key",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    (tmp_path / "rows.csv").write_text("text,label\nhello,ham\nwin,spam\n")
    return tmp_path


def checked(place, *more):
    return run(
        "origin", "check", place / "rows.csv", "--providers", place / "providers.json",
        "--seen", place / "seen.json", "--owner", place / "owner.pub", *more,
    )  # fmt: skip


def test_a_key_is_never_written_over(place):
    assert isinstance(
        run("origin", "keygen", "acme", "--out", place / "acme.key").exception, BadInput
    )


def test_a_signed_file_is_taken_once(place):
    done = run("origin", "sign", place / "rows.csv", "--key", place / "acme.key")
    assert done.exit_code == 0
    assert "2 records from number 0" in done.stdout
    done = checked(place)
    assert done.exit_code == 0
    assert "SIGNED" in done.stdout
    assert "not that it is clean" in done.stdout
    done = checked(place)
    assert done.exit_code == 1
    assert "Replayed" in done.stdout


def test_numbers_go_on_and_gaps_are_told(place):
    run("origin", "sign", place / "rows.csv", "--key", place / "acme.key")
    checked(place)
    done = run("origin", "sign", place / "rows.csv", "--key", place / "acme.key", "--sequence", 7)
    assert "from number 7" in done.stdout
    assert "5 numbers before it never came" in checked(place).stdout
    again = run("origin", "sign", place / "rows.csv", "--key", place / "acme.key")
    assert "from number 9" in again.stdout


@pytest.mark.parametrize(
    ("what", "error"), [("altered", "AlteredContent"), ("revoked", "KeyRevoked")]
)
def test_what_was_altered_and_whose_key_was_revoked_is_refused(place, what, error):
    run("origin", "sign", place / "rows.csv", "--key", place / "acme.key")
    if what == "altered":
        (place / "rows.csv").write_text("text,label\nhello,spam\n")
    else:
        run(
            "origin", "register", "acme", "--key", place / "acme.pub", "--registry",
            place / "providers.json", "--revoke", "--owner", place / "owner.key",
        )  # fmt: skip
        told = json.loads((place / "providers.json").read_text())["providers"]
        assert [one["sources"] for one in told] == [["acme-eu"]]
    done = checked(place)
    assert done.exit_code == 1
    assert error in done.stdout


def test_a_file_that_nobody_signed_is_refused(place):
    done = checked(place)
    assert done.exit_code == 1
    assert "no signature" in done.stdout


def test_a_list_of_providers_that_its_owner_did_not_sign_cannot_be_used(place):
    run("origin", "sign", place / "rows.csv", "--key", place / "acme.key")
    (place / "providers.json").write_text((place / "providers.json").read_text() + " ")
    assert isinstance(checked(place).exception, BadInput)


def test_records_are_signed_one_by_one(place):
    lines = place / "rows.jsonl"
    lines.write_text('{"id": "a", "text": "hello"}\n{"id": "b", "text": "you"}\n')
    out = place / "signed.jsonl"
    done = run("origin", "sign", lines, "--key", place / "acme.key", "--records", out)
    assert done.exit_code == 0, done.output
    said = [json.loads(line)["signature"].split()[1] for line in out.read_text().splitlines()]
    assert said == ["0", "1"]


def test_keys_stand_in_the_ledger(place):
    book = place / "book"
    assert run("ledger", "init", book, "--origin", "example.com/log").exit_code == 0
    done = run(
        "origin", "register", "acme", "--key", place / "acme.pub", "--registry",
        place / "providers.json", "--ledger", book,
    )  # fmt: skip
    assert "entry 0" in done.stdout
    from foretaste.gate.settings import settings_of

    said = {"registry": place / "providers.json", "ledger": book}
    assert settings_of({"providers": said}).credentials.registry.registered == {"acme"}
    other = run("origin", "keygen", "evil", "--out", place / "evil.key").stdout.strip()
    run("origin", "register", "evil", "--key", other, "--registry", place / "providers.json")
    with pytest.raises(BadInput, match="evil"):
        _ = settings_of({"providers": said}).credentials


@pytest.fixture
def listed(tmp_path):
    """A list of files of this machine."""
    for i in range(5):
        (tmp_path / f"{i}.png").write_bytes(b"image %d" % i)
    path = tmp_path / "list.csv"
    rows = [f"file://{tmp_path}/{i}.png,{i}" for i in range(5)]
    path.write_text("\n".join(["url,n", *rows]) + "\n")
    return path


def indexed(listed, out, *more):
    return run(
        "origin", "index", listed, "--out", listed.parent / out, "--allow-private", "-q", *more
    )


def looked(listed, *more):
    return run(
        "origin", "check", listed, "--digests", listed.parent / "d.parquet", "--allow-private",
        "-q", *more,
    )  # fmt: skip


def test_a_list_is_indexed_and_what_is_other_later_is_left_out(listed):
    folder = listed.parent
    assert "root" in indexed(listed, "d.parquet").stdout
    assert looked(listed).exit_code == 0
    (folder / "2.png").write_bytes(b"poison")
    done = looked(
        listed,
        "--out",
        folder / "kept",
        "--findings",
        folder / "f.jsonl",
        "--save",
        folder / "saved",
    )
    assert done.exit_code == 1
    assert "changed 1: list.csv:4" in done.stdout
    kept = (folder / "kept/list.csv").read_text().splitlines()
    assert [row[-1] for row in kept[1:]] == ["0", "1", "3", "4"]
    assert json.loads((folder / "f.jsonl").read_text())["kind"] == "changed"
    assert sorted(one.read_bytes()[-1:] for one in (folder / "saved").iterdir()) == [
        b"0", b"1", b"3", b"4"
    ]  # fmt: skip


def test_two_snapshots_are_compared_without_fetching(listed):
    folder = listed.parent
    indexed(listed, "early.parquet")
    (folder / "3.png").write_bytes(b"poison, for a minute")
    indexed(listed, "d.parquet")
    (folder / "3.png").unlink()
    done = looked(listed, "--against", folder / "early.parquet")
    assert done.exit_code == 1
    assert "changed 1: list.csv:5" in done.stdout


def test_without_leave_no_file_of_this_machine_is_asked(listed):
    done = run("origin", "index", listed, "--out", listed.parent / "d.parquet", "-q")
    assert "5 addresses, 5 lead to nothing" in done.stdout


def test_digests_of_which_the_ledger_does_not_know_cannot_be_used(listed):
    book = listed.parent / "book"
    run("ledger", "init", book, "--origin", "example.com/log")
    indexed(listed, "d.parquet")
    assert isinstance(looked(listed, "--ledger", book).exception, BadInput)
    assert "entry 0" in indexed(listed, "d.parquet", "--ledger", book).stdout
    assert looked(listed, "--ledger", book).exit_code == 0


def test_one_thing_is_asked_at_a_time(listed):
    assert isinstance(run("origin", "check", listed).exception, BadInput)
