"""Campaigns from the command line: the file, the plan, the run, the exit code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from foretaste.campaign.outcome import CONTROLS
from foretaste.campaign.scorecard import Failure, Line, Mean, Score, Scorecard
from foretaste.campaign.spec import read_campaign
from foretaste.cli.app import app
from foretaste.cli.redteam import exit_code, show
from foretaste.errors import BadInput

CAMPAIGN = """
schema: 1
name: tiny
target: {data: rows.csv, test: 0.3, recipe: {name: linear_text, settings: {steps: 8}}}
attacks:
  - {name: rare_word, count: 25, target: ham}
  - {name: label_flip, count: 5}
defences: ["guards:let_all_pass"]
thresholds: {attack_success: 0.05}
"""
GUARDS = """
import numpy as np
def let_all_pass(rows):
    return np.zeros(len(rows), bool)
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    rows = [f"ham,see you at noon near place {i}\nspam,win prize {i} now\n" for i in range(60)]
    (tmp_path / "rows.csv").write_text("label,text\n" + "".join(rows))
    (tmp_path / "guards.py").write_text(GUARDS)
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def run(*words):
    return CliRunner().invoke(app, ["redteam", *map(str, words)], catch_exceptions=True)


def test_init_writes_a_file_that_is_a_campaign_and_overwrites_none(tmp_path):
    path = tmp_path / "mine.yaml"
    assert run("--init", path).exit_code == 0
    assert read_campaign(path).attacks
    assert isinstance(run("--init", path).exception, BadInput)


def test_the_plan_names_every_cell_and_runs_none(place):
    done = run("campaign.yaml", "--plan")
    assert done.exit_code == 0
    for said in ("no attack, seed 0", "rare_word, 25 rows → ham, seed 0", "label_flip, 5 rows"):
        assert said in done.stdout
    assert not (place / "redteam-out").exists()


def test_a_broken_threshold_is_exit_code_1_and_what_has_run_does_not_run_again(place):
    first = run("campaign.yaml", "--out", "out", "-q")
    assert first.exit_code == 1, first.output
    assert "broken" in first.stdout
    assert {"scorecard.json", "scorecard.html"} <= {one.name for one in (place / "out").iterdir()}
    cells = sorted((place / "out" / "cells").glob("*.json"))
    assert len(cells) == 3
    when = [one.stat().st_mtime_ns for one in cells]
    assert run("campaign.yaml", "--out", "out", "-q").exit_code == 1
    assert [one.stat().st_mtime_ns for one in cells] == when
    assert json.loads((place / "out" / "scorecard.json").read_text())["passed"] is False


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("name: rare_word", "name: rare_wrod", "rare_wrod"),
        ("attack_success: 0.05", "atack_success: 0.05", "thresholds.atack_success"),
        ("test: 0.3", "test: 7", "target.test"),
        ("steps: 8", "stepps: 8", "stepps"),
        ("rows.csv", "absent.csv", "absent.csv"),
    ],
)
def test_a_wrong_entry_is_named(place, before, after, named):
    (place / "campaign.yaml").write_text(CAMPAIGN.replace(before, after))
    done = run("campaign.yaml")
    assert done.exit_code != 0
    assert named in str(done.exception)
    assert not (place / "redteam-out" / "scorecard.json").exists()


def test_a_bad_file_is_exit_code_2(place):
    (place / "campaign.yaml").write_text(CAMPAIGN.replace("schema: 1", "schema: 9"))
    command = [sys.executable, "-m", "foretaste", "redteam", "campaign.yaml"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "schema" in done.stderr


def line(title, success, **more):
    measures = {"success": Mean(mean=success), "quality_lost": Mean(mean=0.02)}
    scores = tuple(Score(defence=name, measures=measures) for name in (*CONTROLS, "my [/] scan"))
    said = {"attack": "badnets", "title": title, "seeds": (0,), "rows": 9, "poisoned": 1}
    return Line(**said | {"probes": 9, "scores": scores} | more)


def card(*lines, failures=()):
    return Scorecard(
        name="a [/] name", target={}, measure="accuracy", defences=(*CONTROLS, "my [/] scan"),
        lines=lines, failures=failures, gaps=(), thresholds={}, passed=False, fingerprint="f",
        version="1", finished="now",
    )  # fmt: skip


def test_the_exit_code_tells_broken_from_missing():
    missing = (Failure(title="a", seed=0, status="stopped"),)
    assert exit_code(card(line("a", 0.1))) == 0
    assert exit_code(card(line("a", 0.1), failures=missing)) == 3
    assert exit_code(card(line("a", 0.1, broken=("scan: no",)), failures=missing)) == 1


def test_the_table_has_a_line_an_attack_and_fits_a_terminal(capsys):
    lines = (line("badnets, 30 rows → 7", 0.987), line("label_flip, 30 rows", 0.0, probes=0))
    show(card(*lines), Path("out"))
    said = capsys.readouterr().out.splitlines()
    assert max(map(len, said)) <= 80
    assert [one.split()[-4:] for one in said if one.startswith("badnets")] == [["98.7%"] * 4]
    assert [one.split()[-4:] for one in said if one.startswith("label_flip")] == [["0.020"] * 4]
    assert "my [/]" in " ".join(said)
