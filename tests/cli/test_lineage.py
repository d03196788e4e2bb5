"""Lineage from the command line: from a source to the models that ate a bad batch."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow.csv
import pytest
from typer.testing import CliRunner

from foretaste import datasets
from foretaste.cli.app import app
from foretaste.errors import BadInput, NotAvailable

WORDS = {
    "ham": "lunch meeting report office monday plan train home dinner soon".split(),
    "spam": "win prize cash claim free now call urgent offer reward".split(),
}


def run(*words, code=0):
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output


def refused(*words):
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert isinstance(done.exception, BadInput), done.output
    return str(done.exception)


def played(folder, poisoned):
    """A source, its data with and without poison, a scan, a cleaning, and models of both."""
    run("ledger", "init", "book", "--origin", "example.com/log")
    run("ledger", "append", "--kind", "source_registered", "--made", "source:sms.csv")
    run("attack", "rare_word", "sms.csv", "--out", "planted", "--count", poisoned,
        "--target", "ham", "-q")  # fmt: skip
    run("train", "sms.csv", "--recipe", "linear_text", "--out", "first.safetensors")
    run("ledger", "append", "--kind", "checkpoint_promoted", "--used", "model:first.safetensors",
        "--fact", "to=shop")  # fmt: skip
    bad = "planted/data/sms.csv"
    run("train", bad, "--recipe", "linear_text", "--out", "ate.safetensors")
    run("ledger", "append", "--kind", "checkpoint_promoted", "--used", "model:ate.safetensors",
        "--fact", "to=shop")  # fmt: skip
    run("scan", bad, "--out", "scan", "--power", "off", "-q", code=1)
    run("clean", bad, "--record", "scan", "--out", "cleaned", "-q")
    run("train", "cleaned/kept/sms.csv", "--recipe", "linear_text", "--out", "new.safetensors")
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lineage")
    rng = np.random.default_rng(0)
    lines = ["label,text"]
    for n in range(300):
        label = "spam" if rng.random() < 0.4 else "ham"
        lines.append(f"{label},{' '.join(rng.choice(WORDS[label], 7))} {n}")
    (folder / "sms.csv").write_text("\n".join(lines) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("FORETASTE_LEDGER", "book")
        played(folder, 24)
    return folder


@pytest.fixture(autouse=True)
def there(request, monkeypatch):
    if "place" in request.fixturenames:
        monkeypatch.chdir(request.getfixturevalue("place"))
    monkeypatch.setenv("FORETASTE_LEDGER", "book")


def asked(*words, code):
    return json.loads(run("lineage", *words, "--json", code=code))


def models(answer):
    return {answer["things"][one["thing"]]["name"]: one["how"] for one in answer["models"]}


def test_which_models_ate_this_bad_batch(place):
    answer = asked("planted/data/sms.csv", "--forward", code=1)
    assert models(answer) == {
        "ate.safetensors": "trained on it",
        "new.safetensors": "cleaned before",
    }
    todo = [(one["act"], one["to_name"]) for one in answer["todo"]]
    assert todo == [("roll back", "first.safetensors"), ("retrain", "cleaned/kept/sms.csv")]


def test_where_a_model_came_from_through_what_judged_how(place):
    answer = asked("ate.safetensors", "--back", code=1)
    assert {one["name"] for one in answer["things"]} >= {"planted/data/sms.csv", "sms.csv"}
    verdict = next(one for one in answer["events"] if one["kind"] == "scan_verdict")
    assert verdict["facts"]["verdict"] == "poisoned"
    assert "trigger_phrase" in {one["name"] for one in verdict["facts"]["detectors"]}
    assert verdict["facts"]["alpha"] == 0.01


def test_a_model_of_cleaned_data_and_one_of_data_before_the_poison_are_clean(place):
    assert asked("new.safetensors", code=0)["verdict"] == "clean"
    assert asked("first.safetensors", code=0)["verdict"] == "clean"


def test_a_planted_row_was_in_the_model_and_is_set_aside_now(place):
    row = (place / "planted/truth.csv").read_text().splitlines()[1].split(",")[0]
    answer = asked(f"planted/data/sms.csv#{row}", code=1)
    names = [answer["things"][one["thing"]]["name"] for one in answer["row"]["aside"]]
    assert names == ["cleaned/quarantined/sms.csv"]
    assert answer["row"]["accused"]
    assert models(answer)["new.safetensors"] == "cleaned before"
    assert "proof checked" in run("lineage", f"planted/data/sms.csv#{row}", code=1)


def test_a_batch_that_somebody_else_calls_bad_spoils_all_that_was_made_of_it(place):
    answer = asked("--bad", "sms.csv", code=1)
    assert set(models(answer).values()) == {"trained on it"}
    assert asked("first.safetensors", "--bad", "sms.csv", code=1)["verdict"] == "tainted"


def test_the_tree_tells_states_entries_models_and_what_to_do(place):
    said = run("lineage", "planted/data/sms.csv", code=1)
    assert said.startswith("TAINTED  planted/data/sms.csv\n")
    for words in ("came from", "was made into", "set aside", "entry 2", "trained on it",
                  "roll back ate.safetensors to first.safetensors"):  # fmt: skip
        assert words in said


def test_the_page_is_written_beside_the_tree(place, tmp_path):
    said = run("lineage", "planted/data/sms.csv", "--html", tmp_path / "page.html", code=1)
    assert "page.html" in said
    assert "foretaste ledger prove 2" in (tmp_path / "page.html").read_text()


def test_each_entry_that_is_named_can_be_proven(place, tmp_path):
    page = tmp_path / "page.html"
    run("lineage", "planted/data/sms.csv", "--html", page, code=1)
    index = re.search(r"foretaste ledger prove (\d+)", page.read_text()).group(1)
    run("ledger", "prove", index, "--out", tmp_path / "entry")


def test_the_same_question_has_the_same_answer(place):
    assert run("lineage", "sms.csv", "--json") == run("lineage", "sms.csv", "--json")


def test_what_the_ledger_does_not_know_is_refused(place, tmp_path):
    (tmp_path / "new.csv").write_text("label,text\nham,hello\n")
    assert "does not know" in refused("lineage", tmp_path / "new.csv")
    assert "nothing called" in refused("lineage", "nobody")


def test_without_a_thing_or_a_ledger_there_is_no_answer(place, monkeypatch, tmp_path):
    assert "of what?" in run("lineage", code=2)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FORETASTE_LEDGER")
    assert "which ledger?" in refused("lineage", "sms.csv")


@pytest.mark.slow
def test_the_models_that_ate_poisoned_messages_are_named(tmp_path, monkeypatch):
    try:
        sms = datasets.load("sms")
    except NotAvailable as missing:
        pytest.skip(str(missing))
    monkeypatch.chdir(tmp_path)
    pyarrow.csv.write_csv(sms.slice(0, 2_500), Path("sms.csv"))
    played(tmp_path, 100)
    answer = asked("planted/data/sms.csv", code=1)
    assert models(answer) == {
        "ate.safetensors": "trained on it",
        "new.safetensors": "cleaned before",
    }
    assert answer["against"]["size"] == 10
