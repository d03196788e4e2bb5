"""Training and tracing from the command line."""

import json

import pytest
from typer.testing import CliRunner

from foretaste.cli.app import app

ROWS = [("ham", f"see you at noon {i}") for i in range(40)]
ROWS += [("spam", f"win a prize now {i}") for i in range(40)]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "rows.csv"
    path.write_text("label,text\n" + "".join(f"{label},{text}\n" for label, text in ROWS))
    return path


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def test_a_model_is_trained_and_then_asked_why(data, tmp_path):
    model = tmp_path / "m.safetensors"
    done = run("train", data, "--recipe", "linear_text", "--out", model, "--setting", "longest=1")
    assert done.exit_code == 0
    assert "accuracy on these rows  1.0000" in done.stdout
    out = tmp_path / "trace.json"
    done = run("trace", model, data, "--query", 50, "--top", 3, "--out", out)
    assert done.exit_code == 0
    assert "is said to be spam" in done.stdout
    [answer] = json.loads(out.read_text())["answers"]
    assert [cause["label"] for cause in answer["causes"]] == ["spam"] * 3


def test_privacy_is_said_with_epsilon_and_delta(data, tmp_path):
    words = ("--recipe", "text_network", "--dp", "8", "--delta", "0.001", "--seed", "1")
    small = ("--setting", "epochs=1", "--setting", "buckets=64")
    done = run("train", data, *words, *small, "--out", tmp_path / "m.safetensors")
    assert done.exit_code == 0
    assert "-differential privacy for one row" in done.stdout
    assert "whoever knows the seed" in done.stdout
