"""Commands told to write into a ledger write what they did, and nothing that was in a row."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from foretaste import readers
from foretaste.cli.app import app
from foretaste.errors import BadInput
from foretaste.ledger.book import Book
from foretaste.versions import Rows, row_digests, version_of

WORDS = {
    "ham": "lunch meeting report office monday plan train team".split(),
    "spam": "win prize cash claim free now call urgent".split(),
}


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def rows(n, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(n) < 0.5, "spam", "ham")
    return [(one, f"{' '.join(rng.choice(WORDS[one], 6))} {rng.integers(9999)}") for one in labels]


def written(path, some):
    path.write_text("label,text\n" + "".join(f"{label},{text}\n" for label, text in some))
    return path


@pytest.fixture
def ledger(tmp_path):
    return Book.create(tmp_path / "ledger", "example.com/data", "alice")


@pytest.fixture
def data(tmp_path):
    return written(tmp_path / "rows.csv", rows(300))


def told(book):
    return [event for _, event in book.events()]


def root(path, **roles):
    return version_of(readers.open(str(path), roles)).root


def test_the_story_of_a_poisoned_set_is_told_from_plant_to_model(ledger, data, tmp_path):
    to = ("--ledger", ledger.folder)
    poisoned, out, kept = tmp_path / "bad", tmp_path / "scan", tmp_path / "cleaned"
    assert run("attack", "rare_word", data, "--count", 20, "--target", "ham", "--out", poisoned,
               "-q", *to).exit_code == 0  # fmt: skip
    bad = poisoned / "data" / "rows.csv"
    run("scan", bad, "--out", out, "--power", "off", "-q", *to)
    assert run("clean", bad, "--record", out, "--out", kept, "-q", *to).exit_code == 0
    good = kept / "kept" / "rows.csv"
    model = tmp_path / "m.safetensors"
    assert run("train", good, "--recipe", "linear_text", "--out", model, *to).exit_code == 0
    events = told(ledger)
    assert [event.kind for event in events] == [
        "dataset_version",
        "attack_planted",
        "scan_verdict",
        "cleaning_decision",
        "model_trained",
    ]
    plant, scan, clean, train = events[1:]
    assert plant.used[0].digest == events[0].made[0].digest
    assert plant.made[0].digest["rows"] == scan.used[0].digest["rows"] == root(bad)
    assert scan.facts["verdict"] == "poisoned"
    assert scan.facts["detectors"][0]["settings"] is not None
    assert clean.used[1].digest == scan.made[0].digest
    assert train.used[0].digest == clean.made[0].digest
    assert train.facts["recipe"] == "linear_text"
    quarantined = Rows.open(ledger.rows / clean.facts["sidecars"]["quarantined"])
    accused = Rows.open(ledger.rows / f"{scan.facts['accused'].removeprefix('rows:')}.rows")
    assert len(accused) >= 18
    assert {bytes(one) for one in accused.digests} <= {bytes(one) for one in quarantined.digests}
    ledger.verify()


def test_kept_and_quarantined_rows_have_the_digests_that_they_had_before(ledger, data, tmp_path):
    to = ("--ledger", ledger.folder)
    poisoned, out, kept = tmp_path / "bad", tmp_path / "scan", tmp_path / "cleaned"
    run("attack", "rare_word", data, "--count", 20, "--target", "ham", "--out", poisoned, "-q")
    bad = poisoned / "data" / "rows.csv"
    run("scan", bad, "--out", out, "--power", "off", "-q", *to)
    run("clean", bad, "--record", out, "--out", kept, "-q", *to)
    parts = [Rows.open(path).digests for path in ledger.rows.glob("*.rows")]
    whole = Rows.open(ledger.rows / f"{root(bad)}.rows").digests
    clean = next(event for event in told(ledger) if event.kind == "cleaning_decision")
    sides = [Rows.open(ledger.rows / name).digests for name in clean.facts["sidecars"].values()]
    assert sorted(map(bytes, np.concatenate(sides))) == sorted(map(bytes, whole))
    assert len(parts) >= 3


def test_no_text_of_a_row_is_in_the_ledger(ledger, data, tmp_path):
    run("scan", data, "--out", tmp_path / "o", "--power", "off", "-q", "--ledger", ledger.folder)
    content = b"".join(ledger.entry(i) for i in range(ledger.checkpoint().size))
    files = b"".join(path.read_bytes() for path in ledger.folder.rglob("*") if path.is_file())
    for _, text in rows(300)[:50]:
        assert text.encode() not in content + files


def test_a_version_that_is_known_is_not_told_again(ledger, data, tmp_path):
    for name in ("one", "two"):
        run("scan", data, "--out", tmp_path / name, "--power", "off", "-q",
            "--ledger", ledger.folder)  # fmt: skip
    assert [event.kind for event in told(ledger)] == [
        "dataset_version", "scan_verdict", "scan_verdict",
    ]  # fmt: skip


def test_a_verdict_is_never_told_of_a_data_set_that_changed_meanwhile(ledger, data, tmp_path):
    from foretaste.api import Options, scan
    from foretaste.bookkeeping.data import scanned

    result = scan(str(data), tmp_path / "o", Options(power="off"))
    written(data, rows(300, seed=1))
    with pytest.raises(BadInput, match="scan it again"):
        scanned(str(data), Options(), result, ledger.rows)


def test_a_model_is_never_told_to_come_from_a_file_that_changed_meanwhile(ledger, data, tmp_path):
    from foretaste.bookkeeping.models import trained
    from foretaste.bookkeeping.seeing import opened_and_seen
    from foretaste.training import Training, train

    on = opened_and_seen(str(data), {}, ledger.rows)
    how = Training("linear_text")
    done = train(str(data), tmp_path / "m.safetensors", how)
    written(data, rows(300, seed=1))
    with pytest.raises(BadInput, match="changed meanwhile"):
        trained(done, how, on)


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    label = np.arange(200) % 2
    images = (rng.random((200, 8, 8)) * 90 + 120 * label[:, None, None]).astype(np.uint8)
    np.savez(tmp_path / "pictures.npz", images=images, labels=label)
    return tmp_path / "pictures.npz"


def test_a_data_set_of_many_files_is_read_again_before_a_model_is_told_of_it(ledger, tmp_path):
    from foretaste.bookkeeping.seeing import opened_and_seen

    folder = tmp_path / "parts"
    folder.mkdir()
    for part in range(2):
        written(folder / f"{part}.csv", rows(50, seed=part))
    on = opened_and_seen(str(folder), {}, ledger.rows)
    on.same()
    written(folder / "1.csv", rows(50, seed=7))
    with pytest.raises(BadInput, match="changed meanwhile"):
        on.same()


def test_a_model_is_mended_and_inspected_with_both_told(ledger, pictures, tmp_path):
    to, model = ("--ledger", ledger.folder), tmp_path / "m.safetensors"
    run("train", pictures, "--recipe", "small_cnn", "--setting", "epochs=1", "--out", model, *to)
    mended = tmp_path / "mended.safetensors"
    run("mend", model, pictures, "--set", "epochs=1", "--rows", 50, "--out", mended, *to)
    run("inspect", mended, "--out", tmp_path / "i", "-q", *to)
    train, mend, verdict = (event for event in told(ledger) if event.kind.startswith("model"))
    assert mend.used[0].digest == train.made[0].digest
    assert verdict.used[0].digest == mend.made[0].digest
    assert mend.facts["repair"] == "adversarial_unlearning"
    assert verdict.facts["verdict"] in ("clean", "dirty", "poisoned")


def test_the_settings_file_names_the_ledger_and_the_command_line_counts_more(
    ledger, data, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "foretaste.toml").write_text('[ledger]\nfolder = "ledger"\n')
    run("train", data, "--recipe", "linear_text", "--out", "m.safetensors")
    assert [event.kind for event in told(ledger)] == ["dataset_version", "model_trained"]
    other = Book.create(tmp_path / "other", "example.com/other", "bob")
    run("train", data, "--recipe", "linear_text", "--out", "m.safetensors", "--ledger", "other")
    assert len(told(ledger)) == 2
    assert len(told(other)) == 2


def test_a_ledger_that_is_not_there_stops_a_command_before_any_work(data, tmp_path):
    with pytest.raises(BadInput, match="ledger init"):
        run("train", data, "--recipe", "linear_text", "--out", tmp_path / "m",
            "--ledger", tmp_path / "none")  # fmt: skip
    assert not (tmp_path / "m").exists()


def test_a_setting_that_a_ledger_does_not_have_is_told(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "foretaste.toml").write_text("[ledger]\nfolders = 3\n")
    with pytest.raises(BadInput, match="one setting, folder"):
        run("train", data, "--recipe", "linear_text")


def lines(path, some):
    said = [json.dumps({"text": text, "label": label}) for label, text in some]
    path.write_text("\n".join(said) + "\n")
    return path


@pytest.fixture
def store(ledger, tmp_path):
    trusted = lines(tmp_path / "trusted.jsonl", rows(300))
    stream = lines(tmp_path / "stream.jsonl", rows(200, seed=1))
    lines(tmp_path / "canaries.jsonl", rows(600, seed=9))
    quick = ("--checks", "contract", "--window", 100, "-q", "--ledger", ledger.folder)
    run("gate", "run", "--trusted", trusted, "--in", stream, "--store", tmp_path / "g", *quick)
    return tmp_path / "g"


def test_windows_updates_and_rollbacks_of_a_gate_are_told_once(ledger, store):
    to = ("--ledger", ledger.folder)
    assert [event.kind for event in told(ledger)] == ["gate_window", "gate_window"]
    learn = ("--canaries", store.parent / "canaries.jsonl", "--recipe", "linear_text")
    assert run("gate", "guard", store, *learn, *to).exit_code == 0
    run("gate", "pull-back", store, *to)
    run("gate", "rollback", store, "--by", "ann", "--why", "looks odd", *to)
    windows, update, use, look, back = (told(ledger)[:2], *told(ledger)[2:6])
    assert {one.digest["sha256"] for one in update.used} == {
        one.made[0].digest["sha256"] for one in windows
    }
    assert use.kind == "checkpoint_promoted"
    assert use.used == update.made
    assert look.kind == "scan_verdict"
    assert set(look.used) == set(update.used)
    assert look.made[0].kind == "record"
    assert back.kind == "rollback"
    assert back.facts["by"] == "ann"
    assert update.made[0] in back.used
    size = ledger.checkpoint().size
    run("gate", "close", store, *to)
    assert ledger.checkpoint().size == size


def numbers(n, seed, **more):
    rng = np.random.default_rng(seed)
    return [
        {"age": float(rng.normal(40, 9)), "fee": float(rng.normal(5, 1)), "label": "ab"[i % 2]}
        | more
        for i in range(n)
    ]


def test_a_row_that_came_through_a_gate_is_found_in_its_window_by_its_digest(ledger, store):
    source = readers.open(str(store.parent / "stream.jsonl"), {})
    digests = np.concatenate([row_digests(batch) for batch in source])
    windows = [event.made[0] for event in told(ledger)]
    sides = [Rows.open(ledger.rows / f"{one.digest['rows']}.rows") for one in windows]
    assert sides[1].find(digests[150].tobytes()) == (50,)
    assert sides[0].find(digests[150].tobytes()) == ()


def test_what_a_person_found_in_a_held_record_is_told(ledger, tmp_path):
    trusted, stream, store = (tmp_path / name for name in ("trusted.jsonl", "s.jsonl", "g"))
    for path, some in ((trusted, numbers(400, 0)), (stream, numbers(1, 1, age=900.0))):
        path.write_text("".join(json.dumps(one) + "\n" for one in some))
    run("gate", "run", "--trusted", trusted, "--in", stream, "--store", store, "--checks",
        "joint_outlier", "-q")  # fmt: skip
    shown = run("gate", "held", store, "--json").stdout
    one = json.loads(shown.splitlines()[0])["decision"]["id"]
    run("gate", "review", store, one, "--poison", "--by", "ann", "--why", "nobody is that old",
        "--ledger", ledger.folder)  # fmt: skip
    decided = [event for event in told(ledger) if event.kind == "human_decision"]
    assert [event.facts["verdict"] for event in decided] == ["poisoned"]
    assert decided[0].facts["by"] == "ann"


def test_a_gate_without_a_store_tells_of_the_files_it_wrote(ledger, tmp_path):
    trusted = lines(tmp_path / "trusted.jsonl", rows(300))
    stream = lines(tmp_path / "stream.jsonl", rows(100, seed=1))
    run("gate", "run", "--trusted", trusted, "--in", stream, "--out", tmp_path / "let-in.jsonl",
        "--checks", "contract", "-q", "--ledger", ledger.folder)  # fmt: skip
    [event] = told(ledger)
    assert event.kind == "cleaning_decision"
    assert event.made[0].name.endswith("let-in.jsonl")
    assert event.facts["kept"] == 100
