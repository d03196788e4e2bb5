"""`foretaste inspect` from the shell."""

import json

import numpy as np
import pytest
import safetensors.numpy
from typer.testing import CliRunner

from foretaste import registry
from foretaste.attacks.malicious_pickle import MaliciousPickle
from foretaste.cli.app import app
from foretaste.errors import BadInput, UnknownComponent
from foretaste.inspecting import record


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=True)


@pytest.fixture
def weights(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "net.safetensors"
    safetensors.numpy.save_file({"a.weight": rng.standard_normal((8, 16)).astype("f4")}, path)
    return path


def test_a_clean_file_gives_exit_code_0_a_record_and_a_page(weights, tmp_path):
    done = run("inspect", weights, "--out", tmp_path / "out", "-q")
    assert done.exit_code == 0, done.output
    assert "CLEAN" in done.stdout
    found = record.read(tmp_path / "out")
    assert found.format == "safetensors"
    assert not found.suspicions
    skipped = {run.name: run.detail for run in found.inspectors if run.status == "skipped"}
    assert "--parent" in skipped["parent_difference"]
    page = (tmp_path / "out" / "inspection.html").read_text()
    assert "Nothing found" in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_malicious_file_gives_exit_code_1_and_nothing_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = MaliciousPickle(call="system").forge(tmp_path / "net.pkl", np.random.default_rng(0))
    done = run("inspect", path, "--out", tmp_path / "out", "-q")
    assert done.exit_code == 1, done.output
    assert "POISONED" in done.stdout
    assert "system" in done.stdout
    assert not (tmp_path / "foretaste-marker").exists()


def test_the_mildest_verdict_that_fails_can_be_chosen(tmp_path):
    path = tmp_path / "net.safetensors"
    path.write_bytes((1 << 62).to_bytes(8, "little") + b"{}")
    assert run("inspect", path, "--out", tmp_path / "o", "--fail-on", "never").exit_code in (0, 3)
    assert run("inspect", path, "--out", tmp_path / "o", "--fail-on", "poisoned").exit_code == 1


def test_what_is_not_there_is_said(tmp_path):
    done = run("inspect", tmp_path / "none.pt", "-q", "--out", tmp_path / "out")
    assert isinstance(done.exception, BadInput)
    assert run("inspect").exit_code == 2


def test_an_inspector_that_does_not_exist_is_said(weights, tmp_path):
    done = run("inspect", weights, "--inspectors", "no_such", "--out", tmp_path / "out")
    assert isinstance(done.exception, UnknownComponent)


@pytest.mark.parametrize("words", [("inspectors",), ("inspect", "--list")])
def test_every_inspector_is_listed_with_what_it_is_blind_to(words):
    done = run(*words)
    assert done.exit_code == 0
    for name in registry.names("inspectors"):
        assert name in done.stdout
    assert "blind to what well-formed tensors" in done.stdout


def test_names_in_a_hostile_file_are_escaped_on_the_page(tmp_path):
    text = json.dumps({"<script>alert(1)</script>": {"dtype": "F32", "shape": [1]}}).encode()
    path = tmp_path / "net.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    run("inspect", path, "--out", tmp_path / "out", "-q")
    page = (tmp_path / "out" / "inspection.html").read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
