"""The commands do what the help says, and the shell is told the truth."""

import json
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from foretaste.cli.app import app
from foretaste.cli.scan import FailOn, exit_code
from foretaste.errors import BadInput
from foretaste.record import Verdict

ROWS = [("ham", f"see you at noon {i}") for i in range(40)]
ROWS += [("spam", f"win a prize now {i}") for i in range(40)]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    lines = [f"{label},{text}\n" for label, text in [*ROWS, ROWS[0], ROWS[0]]]
    (folder / "rows.csv").write_text("label,text\n" + "".join(lines))
    return folder


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=True)


@pytest.fixture(scope="module")
def scanned(place):
    out = place / "out"
    done = run("scan", place / "rows.csv", "--out", out, "--power", "off", "--quiet", "--profile")
    return done, out


def test_a_dirty_data_set_exits_with_one_and_says_why(scanned):
    done, out = scanned
    assert done.exit_code == 1
    assert "DIRTY" in done.stdout
    assert "same content" in done.stdout
    assert "total" in done.stdout
    assert json.loads((out / "record.json").read_text())["verdict"] == "dirty"


@pytest.mark.parametrize(
    ("verdict", "fail_on", "code"),
    [
        (Verdict.CLEAN, FailOn.DIRTY, 0),
        (Verdict.DIRTY, FailOn.DIRTY, 1),
        (Verdict.DIRTY, FailOn.POISONED, 0),
        (Verdict.POISONED, FailOn.POISONED, 1),
        (Verdict.POISONED, FailOn.NEVER, 0),
    ],
)
def test_the_exit_code_follows_the_verdict_and_what_the_user_minds(scanned, verdict, fail_on, code):
    from foretaste.report.files import read_record

    record = read_record(scanned[1]).model_copy(update={"verdict": verdict})
    assert exit_code(record, fail_on) == code


def test_a_failed_detector_exits_with_three(scanned):
    from foretaste.report.files import read_record

    record = read_record(scanned[1])
    broken = record.detectors[0].model_copy(update={"status": "failed"})
    record = record.model_copy(update={"verdict": Verdict.CLEAN, "detectors": (broken,)})
    assert exit_code(record, FailOn.DIRTY) == 3


def test_clean_splits_the_data_set_in_its_own_format(place, scanned):
    cleaned = place / "cleaned"
    done = run(
        "clean", place / "rows.csv", "--record", scanned[1], "--out", cleaned, "--what", "all"
    )
    assert done.exit_code == 0, done.output
    kept = (cleaned / "kept/rows.csv").read_text().splitlines()
    gone = (cleaned / "quarantined/rows.csv").read_text().splitlines()
    assert kept[0] == gone[0] == "label,text"
    together = sorted([*kept[1:], *gone[1:]])
    assert together == sorted((place / "rows.csv").read_text().splitlines()[1:])
    assert len(gone) > 1


def test_diff_of_a_scan_with_itself_finds_nothing_new(scanned):
    done = run("diff", scanned[1], scanned[1])
    assert done.exit_code == 0
    assert "findings new: 0" in done.stdout


def test_plan_shows_roles_and_detectors_and_scans_nothing(place):
    out = place / "not-made"
    done = run("scan", place / "rows.csv", "--plan", "--out", out)
    assert done.exit_code == 0
    assert "label" in done.stdout
    assert "trigger_phrase" in done.stdout
    assert not out.exists()


def test_every_detector_is_listed_with_what_it_is_blind_to():
    from foretaste import registry

    done = run("detectors")
    assert done.exit_code == 0
    squeezed = "".join(c for c in done.stdout if c.isalnum() or c == "_")
    assert all(name in squeezed for name in registry.names("detectors"))


def test_settings_come_from_a_file_and_flags_win(place, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "foretaste.toml").write_text(
        '[scan]\nalpha = 0.2\npower = "off"\ndetectors = ["duplicate"]\n[scan.roles]\nsource = ""\n'
    )
    done = run("scan", place / "rows.csv", "--quiet", "--alpha", "0.05", "--out", "o")
    record = json.loads((tmp_path / "o/record.json").read_text())
    assert done.exit_code == 1
    assert record["alpha"] == 0.05
    assert [run["name"] for run in record["detectors"]] == ["duplicate"]


@pytest.mark.parametrize(
    "text", ["[scan]\nalhpa = 1\n", "[scan]\nalpha = 7\n", "[scan", "[scan]\npower = 3\n"]
)
def test_a_settings_file_with_a_mistake_is_an_error_that_names_it(place, tmp_path, text):
    (tmp_path / "my.toml").write_text(text)
    done = run("scan", place / "rows.csv", "--config", tmp_path / "my.toml")
    assert isinstance(done.exception, BadInput)
    assert "my.toml" in str(done.exception)


def test_unreadable_input_exits_with_two_and_one_message(tmp_path):
    said = subprocess.run(
        [sys.executable, "-m", "foretaste", "scan", str(tmp_path / "nowhere.csv")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 2
    assert "nowhere.csv" in said.stderr
    assert "Traceback" not in said.stderr


def test_findings_of_the_command_line_are_the_contract(scanned):
    table = pq.read_table(scanned[1] / "findings.parquet")
    assert table.schema.names[0] == "index"
    assert set(table["kind"].to_pylist()) == {"hygiene"}


def test_every_command_is_there_without_any_extra():
    extras = (
        "torch", "safetensors", "cryptography", "flwr", "ray", "opacus", "captum", "transformers",
        "accelerate", "onnx", "gguf", "h5py", "modelaudit_picklescan", "sqlalchemy", "alembic",
        "fastapi", "starlette", "uvicorn", "msgspec", "river", "prometheus_client", "httpx",
        "opentelemetry", "faststream", "psycopg", "datafusion",
    )  # fmt: skip
    code = f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {extras!r}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
from foretaste.cli.app import app
sys.argv = ["foretaste", "--help"]
app()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "federate" in done.stdout
    assert "monitor" in done.stdout
