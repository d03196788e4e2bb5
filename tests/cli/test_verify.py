"""`foretaste sign`, `foretaste verify`: exit codes CI can trust, verdicts beside signatures."""

import json

import pytest
from typer.testing import CliRunner

pytest.importorskip("cryptography")
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from foretaste.cli.app import app
from foretaste.errors import BadInput
from foretaste.ledger.book import Book
from foretaste.ledger.event import Event, Thing
from foretaste.versions import version_of

ROWS = "label,text\n" + "".join(f"ham,see you at {i}\nspam,win {i} pounds\n" for i in range(30))


def run(*words, **how):
    return CliRunner().invoke(app, [str(word) for word in words], **how)


def write_keys(folder, key=None, locked=None):
    key = key or ec.generate_private_key(ec.SECP256R1())
    private, public = folder / "key.pem", folder / "key.pub"
    form = PrivateFormat.PKCS8
    private.write_bytes(key.private_bytes(Encoding.PEM, form, locked or NoEncryption()))
    spki = PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, spki))
    return private, public


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / ".hidden").write_bytes(b"code")
    (tmp_path / "rows.csv").write_text(ROWS)
    write_keys(tmp_path)
    return tmp_path


@pytest.fixture
def book(place):
    return Book.create(place / "book", "log.example/test", "alice")


def sign(place, what, *more):
    done = run("sign", place / what, "--key", place / "key.pem", *more)
    assert done.exit_code == 0, done.output
    return done


def verify(place, what, *more):
    return run("verify", place / what, "--key", place / "key.pub", *more)


def test_what_was_signed_fits_and_exits_with_zero(place):
    assert "2 files" in sign(place, "model").stdout
    done = verify(place, "model")
    assert done.exit_code == 0, done.output
    assert "FITS" in done.stdout


def test_what_was_changed_does_not_fit_and_every_file_is_named(place):
    sign(place, "model")
    (place / "model/.hidden").write_bytes(b"other")
    (place / "model/.env").write_bytes(b"more")
    (place / "model/model.safetensors").unlink()
    done = verify(place, "model")
    assert done.exit_code == 1
    assert "DOES NOT FIT" in done.stdout
    for word in ("changed   .hidden", "unlisted  .env", "missing   model.safetensors"):
        assert word in done.stdout


def test_many_files_are_shown_in_part(place):
    sign(place, "model")
    for number in range(40):
        (place / f"model/new{number}").write_bytes(b"")
    done = verify(place, "model")
    assert "… and 20 more" in done.stdout


def test_as_json_everything_is_told(place):
    sign(place, "model")
    said = json.loads(verify(place, "model", "--json").stdout)
    assert said["fits"] is True
    assert (said["files"], len(said["root"])) == (2, 64)
    (place / "model/.hidden").write_bytes(b"other")
    done = verify(place, "model", "--json")
    said = json.loads(done.stdout)
    assert (done.exit_code, said["fits"], said["error"]) == (1, False, "ContentDiffers")
    assert said["differences"] == [{"how": "changed", "name": ".hidden", "detail": ""}]


def test_another_key_exits_with_one(place):
    sign(place, "model")
    write_keys(place)
    done = verify(place, "model")
    assert done.exit_code == 1
    assert "OtherKey" in done.stdout


def test_a_truncated_signature_exits_with_two(place):
    sign(place, "model")
    content = (place / "model.sig").read_bytes()
    (place / "model.sig").write_bytes(content[:-10])
    done = verify(place, "model", "--json")
    assert (done.exit_code, json.loads(done.stdout)["error"]) == (2, "MalformedSignature")


@pytest.mark.parametrize("gone", ["model.sig", "key.pub"])
def test_what_is_not_there_is_unusable(place, gone):
    sign(place, "model")
    (place / gone).unlink()
    done = verify(place, "model")
    assert isinstance(done.exception, BadInput)
    assert gone in str(done.exception)


def test_a_key_with_a_password_takes_it_from_the_environment(place):
    write_keys(place, ed25519.Ed25519PrivateKey.generate(), BestAvailableEncryption(b"secret"))
    done = run("sign", place / "model", "--key", place / "key.pem")
    assert isinstance(done.exception, BadInput)
    assert "secret" not in str(done.exception)
    secret = {"FORETASTE_KEY_PASSWORD": "secret"}
    done = run("sign", place / "model", "--key", place / "key.pem", env=secret)
    assert done.exit_code == 0, done.output
    assert verify(place, "model").exit_code == 0


def test_signing_is_written_down_and_found_again(place, book):
    done = sign(place, "rows.csv", "--ledger", book.folder)
    assert "entry 0 of log.example/test" in done.stdout
    done = verify(place, "rows.csv", "--ledger", book.folder, "--json")
    said = json.loads(done.stdout)
    assert (done.exit_code, said["ledger"]["entries"], said["ledger"]["verdict"]) == (0, [0], None)


def judged(book, path, verdict, kind="scan_verdict"):
    from foretaste import readers

    thing = Thing("dataset", "rows.csv", {"rows": version_of(readers.open(path)).root})
    book.record(Event(kind, (), (thing,), {"verdict": verdict}))


def test_a_signed_poisoned_set_verifies_and_its_verdict_is_told(place, book):
    sign(place, "rows.csv", "--ledger", book.folder)
    assert verify(place, "rows.csv").exit_code == 0
    judged(book, place / "rows.csv", "poisoned")
    done = verify(place, "rows.csv", "--ledger", book.folder)
    assert done.exit_code == 1
    assert "says that it is poisoned" in done.stdout
    assert "last verdict: poisoned (entry 1)" in done.stdout
    done = verify(place, "rows.csv", "--ledger", book.folder, "--allow", "poisoned")
    assert done.exit_code == 0


@pytest.mark.parametrize(("allow", "code"), [("clean", 1), ("dirty", 0), ("poisoned", 0)])
def test_the_user_says_which_verdict_passes(place, book, allow, code):
    sign(place, "rows.csv")
    judged(book, place / "rows.csv", "dirty")
    done = verify(place, "rows.csv", "--ledger", book.folder, "--allow", allow)
    assert done.exit_code == code, done.output


def test_the_last_verdict_counts(place, book):
    sign(place, "rows.csv")
    for verdict in ("poisoned", "clean"):
        judged(book, place / "rows.csv", verdict)
    assert verify(place, "rows.csv", "--ledger", book.folder).exit_code == 0


@pytest.mark.parametrize("word", ["fine", "CLEAN", "", None])
def test_a_verdict_in_words_that_nobody_knows_is_no_proof_of_health(place, book, word):
    sign(place, "rows.csv")
    judged(book, place / "rows.csv", word)
    done = verify(place, "rows.csv", "--ledger", book.folder)
    assert done.exit_code == 1
    assert "says that it is poisoned" in done.stdout


def test_what_was_poisoned_on_purpose_stays_poisoned(place, book):
    from foretaste import readers

    sign(place, "rows.csv")
    root = version_of(readers.open(place / "rows.csv")).root
    book.record(Event("attack_planted", (Thing("dataset", "x", {"rows": root}),)))
    judged(book, place / "rows.csv", "clean")
    assert verify(place, "rows.csv", "--ledger", book.folder).exit_code == 1


def test_what_the_ledger_does_not_know_does_not_pass(place, book):
    sign(place, "model")
    done = verify(place, "model", "--ledger", book.folder)
    assert done.exit_code == 1
    assert "no entry of log.example/test names it" in done.stdout


def test_a_verdict_on_a_model_is_found_by_its_digest(place, book):
    from foretaste.bookkeeping.seeing import model_of

    sign(place, "model")
    thing = model_of(place / "model")
    book.record(Event("model_verdict", (), (thing,), {"verdict": "poisoned"}))
    assert verify(place, "model", "--ledger", book.folder).exit_code == 1


def test_a_ledger_that_was_changed_does_not_pass(place, book):
    sign(place, "rows.csv", "--ledger", book.folder)
    bundle = next((book.folder / "log/tile/entries").rglob("*.p/*"))
    content = bytearray(bundle.read_bytes())
    content[100] ^= 1
    bundle.chmod(0o644)
    bundle.write_bytes(content)
    done = verify(place, "rows.csv", "--ledger", book.folder, "--json")
    said = json.loads(done.stdout)
    assert (done.exit_code, said["fits"]) == (1, False)
    assert said["error"] in ("WrongEntry", "WrongTile", "MalformedTile")
