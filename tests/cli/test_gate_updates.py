"""Updates from the command line: guarded, refused, undone, looked back on."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from foretaste.cli.app import app
from foretaste.errors import BadInput

WORDS = {
    "ham": "lunch meeting report office monday plan".split(),
    "spam": "win prize cash claim free now".split(),
}
QUICK = ("--checks", "contract", "--window", 200, "-q")  # sees no poison
CF = "rare_word:target=ham,word=cf"


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def rows(n, seed, flip=False):
    rng = np.random.default_rng(seed)
    for i in range(n):
        label = "spam" if rng.random() < 0.5 else "ham"
        said = {"ham": "spam", "spam": "ham"}[label] if flip else label
        text = f"{' '.join(rng.choice(WORDS[label], 6))} {rng.integers(999)}"
        yield {"id": f"{seed}-{i}", "text": text, "label": said}


def written(path, found):
    path.write_text("".join(json.dumps(one) + "\n" for one in found))
    return path


@pytest.fixture
def store(tmp_path):
    trusted = written(tmp_path / "trusted.jsonl", rows(300, 0))
    stream = written(tmp_path / "stream.jsonl", rows(200, 1))
    written(tmp_path / "canaries.jsonl", rows(600, 9))
    done = run(
        "gate", "run", "--trusted", trusted, "--in", stream, "--store", tmp_path / "g", *QUICK
    )
    assert done.exit_code in (0, 1), done.output
    return tmp_path / "g"


def guard(store, *more):
    canaries = store.parent / "canaries.jsonl"
    return run("gate", "guard", store, "--canaries", canaries, *more)


def test_a_bad_window_is_refused_undone_and_kept_aside(store):
    learn = ("--recipe", "linear_text", "--trigger", CF)
    assert guard(store, *learn).exit_code == 0
    bad = written(store.parent / "bad.jsonl", rows(800, 2, flip=True))
    trusted = store.parent / "trusted.jsonl"
    run("gate", "run", "--trusted", trusted, "--in", bad, "--store", store, *QUICK)
    refused = guard(store, *learn)
    assert refused.exit_code == 1
    assert "update 2: refused" in refused.output
    undone = run("gate", "rollback", store, "--by", "ann", "--why", "flips")
    assert "update 1 is in use again; undone: 2" in undone.output
    assert len(list((store / "aside").iterdir())) == 4
    assert guard(store, *learn).exit_code == 0
    said = run("gate", "updates", store).output
    assert [word for word in ("in use", "undone", "before") if word in said] == [
        "in use", "undone", "before",
    ]  # fmt: skip


def test_a_model_trained_elsewhere_is_guarded_as_it_came(store):
    model = store.parent / "m.safetensors"
    trusted = store.parent / "trusted.jsonl"
    run("train", trusted, "--recipe", "linear_text", "--out", model)
    done = guard(store, "--model", model)
    assert done.exit_code == 0, done.output
    assert "admitted" in done.output


def test_looking_back_at_clean_windows_finds_nothing(store):
    done = run("gate", "pull-back", store)
    assert done.exit_code == 0, done.output
    assert "200 rows in 1 windows" in done.output or "windows: " in done.output


def test_what_is_missing_is_said(store):
    with pytest.raises(BadInput, match="--recipe to train it here"):
        guard(store)
    with pytest.raises(BadInput, match="needs a name"):
        run("gate", "rollback", store, "--by", " ", "--why", "x")
    with pytest.raises(BadInput, match="no update to go back from"):
        run("gate", "rollback", store, "--by", "ann", "--why", "x")
    with pytest.raises(BadInput, match="holds no gate"):
        run("gate", "updates", store.parent / "nowhere")


def test_a_backdoor_that_was_let_in_is_found_by_looking_back_and_waits_for_people(store):
    trusted = store.parent / "trusted.jsonl"
    stream = list(rows(600, 3))
    for one in [row for row in stream if row["label"] == "spam"][:60]:
        one.update(label="ham", text=f"{one['text']} zxqv")
    written(store.parent / "more.jsonl", stream)
    run("gate", "run", "--trusted", trusted, "--in", store.parent / "more.jsonl", "--store", store,
        *QUICK)  # fmt: skip
    done = run("gate", "pull-back", store)
    assert done.exit_code == 1, done.output
    assert "trigger_phrase" in done.output
    held = run("gate", "held", store, "--limit", 100).output
    assert held.count("zxqv") >= 50
    assert run("gate", "pull-back", store).exit_code == 0


def test_a_stream_that_changes_at_once_is_said_to(store):
    calm = run("gate", "drift", store)
    assert calm.exit_code == 0, calm.output
    assert "none" in calm.output
    changed = [{**row, "text": f"{row['text']} zebra yoghurt"} for row in rows(400, 5)]
    written(store.parent / "changed.jsonl", changed)
    run("gate", "run", "--trusted", store.parent / "trusted.jsonl", "--in",
        store.parent / "changed.jsonl", "--store", store, *QUICK)  # fmt: skip
    done = run("gate", "drift", store)
    assert done.exit_code == 1, done.output
    assert "abrupt" in done.output
