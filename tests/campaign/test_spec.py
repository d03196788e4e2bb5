import pytest
import yaml

from foretaste.campaign.spec import Campaign, read_campaign, starter
from foretaste.errors import BadInput

LEAST = {
    "schema": 1,
    "name": "least",
    "target": {"data": "rows.csv", "recipe": "linear_text"},
    "attacks": ["label_flip"],
}


def written(folder, said):
    path = folder / "campaign.yaml"
    path.write_text(said if isinstance(said, str) else yaml.safe_dump(said))
    return path


def test_the_least_that_can_be_said_is_filled_in(tmp_path):
    campaign = read_campaign(written(tmp_path, LEAST))
    assert [one.title for one in campaign.defences] == ["scan"]
    assert campaign.seeds == (0,)
    assert campaign.attacks[0].name == "label_flip"


def test_the_file_to_begin_with_is_a_campaign():
    campaign = Campaign.model_validate(yaml.safe_load(starter()))
    assert [one.title for one in campaign.defences] == ["scan", "scan, all findings"]


def test_a_recipe_may_be_a_function_or_a_command(tmp_path):
    for said, name in (("mine:train", "own_function"), ({"command": "./train"}, "own_command")):
        target = {**LEAST["target"], "recipe": said}
        campaign = read_campaign(written(tmp_path, {**LEAST, "target": target}))
        assert campaign.target.recipe.name == name


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"atacks": []}, "atacks"),
        ({"schema": 2}, "schema"),
        ({"attacks": [{"name": "x", "rate": 1.5}]}, "attacks.0.rate"),
        ({"attacks": [{"name": "x", "count": 0}]}, "attacks.0.count"),
        ({"attacks": []}, "attacks"),
        ({"seeds": []}, "seeds"),
        ({"budget": {"jobs": 0}}, "budget.jobs"),
        ({"target": {"data": "x"}}, "target.recipe"),
        ({"thresholds": {"recall": 2}}, "thresholds.recall"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, change, named):
    with pytest.raises(BadInput, match=named):
        read_campaign(written(tmp_path, {**LEAST, **change}))


@pytest.mark.parametrize("text", ["{", "!!python/object:os.system {}", "a: &a [*a]", "\x00", ""])
def test_what_is_no_campaign_is_refused(tmp_path, text):
    with pytest.raises(BadInput):
        read_campaign(written(tmp_path, text))


def test_a_file_of_a_megabyte_is_not_read(tmp_path):
    with pytest.raises(BadInput, match="bytes"):
        read_campaign(written(tmp_path, "#" * (1 << 21)))


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        read_campaign(tmp_path / "none.yaml")
