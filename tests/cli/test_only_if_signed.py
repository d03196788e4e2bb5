"""Commands do nothing with data or models that are not what somebody signed."""

import json

import pytest
from typer.testing import CliRunner

pytest.importorskip("cryptography")
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from foretaste import training
from foretaste.artefacts import ContentDiffers, Private, sign
from foretaste.artefacts.refusals import ContentMoves
from foretaste.cli.app import app
from foretaste.errors import BadInput

ROWS = [("ham", f"see you at noon {i}") for i in range(40)]
ROWS += [("spam", f"win a prize now {i}") for i in range(40)]


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def place(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    spki = PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "key.pub").write_bytes(key.public_key().public_bytes(Encoding.PEM, spki))
    lines = "".join(f"{label},{text}\n" for label, text in ROWS)
    (tmp_path / "rows.csv").write_text("label,text\n" + lines)
    sign(tmp_path / "rows.csv", Private.read(tmp_path / "key.pem"))
    return tmp_path


def train(place, *more):
    how = ("--recipe", "linear_text", "--out", place / "m.safetensors", "--setting", "longest=1")
    return run("train", place / "rows.csv", *how, *more)


@pytest.fixture
def trained(place):
    assert train(place).exit_code == 0
    sign(place / "m.safetensors", Private.read(place / "key.pem"))
    return place


def change(path):
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)


def test_signed_rows_are_trained_on(place):
    done = train(place, "--key", place / "key.pub")
    assert done.exit_code == 0, done.output
    assert "signed by" in done.stdout
    assert (place / "m.safetensors").exists()


def test_changed_rows_are_not_trained_on(place):
    change(place / "rows.csv")
    done = train(place, "--key", place / "key.pub", "--signature", place / "rows.csv.sig")
    assert isinstance(done.exception, ContentDiffers)
    assert not (place / "m.safetensors").exists()


def test_a_signature_without_a_key_is_no_wish(place):
    done = train(place, "--signature", place / "rows.csv.sig")
    assert isinstance(done.exception, BadInput)
    assert not (place / "m.safetensors").exists()


def test_rows_that_change_during_training_leave_no_model(place, monkeypatch):
    whole = training.whole

    def meddled(source, **how):
        rows = whole(source, **how)
        change(place / "rows.csv")
        return rows

    monkeypatch.setattr(training, "whole", meddled)
    done = train(place, "--key", place / "key.pub")
    assert isinstance(done.exception, ContentMoves)
    assert not (place / "m.safetensors").exists()


def trace(place, *more):
    model, rows = place / "m.safetensors", place / "rows.csv"
    out = ("--out", place / "trace.json")
    return run("trace", model, rows, "--query", 50, "--top", 3, *out, *more)


def test_a_signed_model_and_signed_rows_are_traced(trained):
    pub = trained / "key.pub"
    done = trace(trained, "--key", pub, "--data-key", pub)
    assert done.exit_code == 0, done.output
    assert json.loads((trained / "trace.json").read_text())["answers"]


@pytest.mark.parametrize("what", ["m.safetensors", "rows.csv"])
def test_neither_a_changed_model_nor_changed_rows_are_traced(trained, what):
    change(trained / what)
    pub = trained / "key.pub"
    done = trace(trained, "--key", pub, "--data-key", pub)
    assert isinstance(done.exception, ContentDiffers)
    assert not (trained / "trace.json").exists()


@pytest.mark.parametrize("what", ["m.safetensors", "rows.csv"])
def test_neither_a_changed_model_nor_changed_rows_mend(trained, what):
    change(trained / what)
    keys = ("--key", trained / "key.pub", "--data-key", trained / "key.pub")
    out = trained / "mended.safetensors"
    done = run("mend", trained / "m.safetensors", trained / "rows.csv", "--out", out, *keys)
    assert isinstance(done.exception, ContentDiffers)
    assert not out.exists()


def inspect(place, *more):
    out = ("--out", place / "inspection", "-q")
    return run("inspect", place / "m.safetensors", *out, *more)


def test_a_signed_model_is_inspected(trained):
    done = inspect(trained, "--key", trained / "key.pub", "--fail-on", "never")
    assert done.exit_code == 0, done.output
    assert (trained / "inspection").exists()


def test_a_changed_model_is_not_inspected(trained):
    change(trained / "m.safetensors")
    signature = ("--signature", trained / "m.safetensors.sig")
    done = inspect(trained, "--key", trained / "key.pub", *signature)
    assert isinstance(done.exception, ContentDiffers)
    assert not (trained / "inspection").exists()
