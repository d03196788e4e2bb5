"""The demo finds what it plants, in real data, and accuses nobody else."""

import pytest
from typer.testing import CliRunner

from foretaste.api import Options, scan
from foretaste.cli.app import app
from foretaste.cli.planted import digits, messages, score
from foretaste.errors import NotAvailable


@pytest.mark.slow
@pytest.mark.parametrize("plant", [messages, digits])
def test_planted_triggers_are_found_and_untouched_rows_are_not_accused(plant, tmp_path):
    try:
        case = plant(tmp_path)
    except NotAvailable as reason:
        pytest.skip(str(reason))
    scan(str(case.path), tmp_path / "out", Options(power="off"))
    found = score(case, tmp_path / "out")
    trigger = found.tallies[0]
    assert trigger.as_attack >= 0.98 * trigger.planted
    assert found.false_attacks <= 1


@pytest.mark.slow
def test_the_command_says_where_the_reports_are(tmp_path):
    done = CliRunner().invoke(app, ["demo", "--out", str(tmp_path / "demo"), "--quiet"])
    if isinstance(done.exception, NotAvailable):
        pytest.skip(str(done.exception))
    assert done.exit_code == 0, done.output
    assert "against the truth" in done.output
    assert (tmp_path / "demo/sms/report.html").exists()
    assert (tmp_path / "demo/digits/report.html").exists()
