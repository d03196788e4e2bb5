"""One attack from the shell, and the list of them."""

import csv
import json

import pytest
from typer.testing import CliRunner

from foretaste import registry
from foretaste.cli.app import app
from foretaste.errors import BadInput, ForetasteError


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=True)


@pytest.fixture
def rows(tmp_path):
    lines = [f"{('ham', 'spam')[i % 2]},see you at noon {i}\n" for i in range(60)]
    (tmp_path / "rows.csv").write_text("kind,text\n" + "".join(lines))
    return tmp_path / "rows.csv"


def test_an_attack_is_planted_with_the_truth_beside_it(rows, tmp_path):
    out = tmp_path / "out"
    done = run(
        "attack", "rare_word", rows, "--out", out, "--rate", 0.1, "--target", "ham",
        "--set", "word=mn", "--label", "kind", "--role", "text=text", "--seed", 4,
    )  # fmt: skip
    assert done.exit_code == 0, done.exception
    assert "6 changed" in done.stdout
    old = rows.read_text().splitlines()
    new = (out / "data" / "rows.csv").read_text().splitlines()
    with (out / "truth.csv").open(newline="") as file:
        truth = list(csv.DictReader(file))
    differ = [i for i, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
    assert [int(line["index"]) + 1 for line in truth] == differ
    assert all(new[i].startswith("ham,") and "mn" in new[i].split() for i in differ)
    assert {line["changed"] for line in truth} == {"text label"}
    note = json.loads((out / "attack.json").read_text())
    assert note["settings"] == {"count": 6, "target": 0, "word": "mn"}
    assert note["classes"] == ["ham", "spam"]
    assert {one["path"] for one in note["files"]} == {"data/rows.csv", "truth.csv"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("rare_word", "--target", "ham"), "a count of rows, or a rate"),
        (("rare_word", "--target", "ham", "--count", 3, "--rate", 0.1), "a count of rows, or"),
        (("rare_word", "--target", "ham", "--rate", 2), "at most 1"),
        (("rare_word", "--target", "ham", "--count", 31), "only 30 fit"),
        (("rare_word", "--target", "eggs", "--count", 3), "classes are ham, spam"),
        (("rare_word", "--count", 3, "--target", "ham", "--set", "words=a"), "no setting 'words'"),
        (("rare_word", "--count", 3, "--target", "ham", "--set", "word"), "SETTING=VALUE"),
        (("badnets", "--count", 3, "--target", "ham"), "needs pixels"),
        (("no_such", "--count", 3), "no attack called 'no_such'"),
        (("weight_tampering", "--count", 3), "attacks a trained model"),
        (("gradient_manipulation", "--count", 3), "attacks what happens in training"),
    ],
)
def test_what_cannot_be_planted_is_said_and_nothing_is_left(rows, tmp_path, words, message):
    name, *rest = words
    done = run("attack", name, rows, "--out", tmp_path / "out", *rest)
    assert isinstance(done.exception, ForetasteError)
    assert message in str(done.exception)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["rows.csv"]


def test_nothing_is_overwritten(rows, tmp_path):
    (tmp_path / "out").mkdir()
    done = run("attack", "rare_word", rows, "--out", tmp_path / "out", "--count", 3)
    assert isinstance(done.exception, BadInput)
    assert "exists already" in str(done.exception)


def test_every_attack_is_listed_with_what_it_poisons_and_what_counters_it():
    done = run("attacks")
    assert done.exit_code == 0
    for name in registry.names("attacks"):
        assert name in done.stdout
    assert "rows with pixels, label" in done.stdout
    assert "not to be planted in a data set" in done.stdout
    assert "countered by `trigger_patch`" in done.stdout


def test_one_attack_is_shown_with_its_settings():
    done = run("attacks", "badnets")
    assert done.exit_code == 0
    assert "place        Literal['corner', 'random']" in done.stdout
    assert "Gu, Dolan-Gavitt" in done.stdout
