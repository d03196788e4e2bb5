"""Every example runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from foretaste import registry
from foretaste.campaign.cells import cells_of
from foretaste.campaign.spec import read_campaign
from foretaste.campaign.target import built_recipe
from foretaste.planting.naming import settable

HOME = Path(__file__).parent.parent
EXAMPLES = sorted((HOME / "examples").glob("*.py"))
CAMPAIGNS = sorted((HOME / "examples").glob("*.yaml"))
MATRIX = sorted((HOME / "benchmarks/campaigns").glob("*.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_runs(script, tmp_path):
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", [*CAMPAIGNS, *MATRIX], ids=lambda path: path.stem)
def test_a_campaign_names_only_what_there_is(path):
    campaign = read_campaign(path)
    recipe = built_recipe(campaign.target.recipe)
    assert recipe.measure
    assert len(cells_of(campaign, 5_000)) > len(campaign.seeds)
    for attack in campaign.attacks:
        assert set(attack.settings) <= set(settable(attack.name)), attack.name
    for defence in campaign.defences:
        assert (
            defence.name == "scan"
            or ":" in defence.name
            or registry.component("repairs", defence.name)
        )


@pytest.mark.slow
def test_a_campaign_runs_from_the_command_line(tmp_path):
    path = HOME / "examples/campaign_text.yaml"
    command = [sys.executable, "-m", "foretaste", "redteam", str(path), "--out", str(tmp_path)]
    done = subprocess.run(
        [*command, "--only", "rare_word", "-q"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rare_word" in done.stdout
    assert (tmp_path / "scorecard.html").stat().st_size > 10_000
