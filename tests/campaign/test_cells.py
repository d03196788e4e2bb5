import pytest

from foretaste.campaign.cells import CLEAN, Cell, cells_of
from foretaste.campaign.spec import Campaign
from foretaste.errors import BadInput


def campaign(*attacks, seeds=(0,)):
    return Campaign.model_validate(
        {
            "schema": 1,
            "name": "x",
            "target": {"data": "x", "recipe": "linear_text"},
            "attacks": list(attacks),
            "seeds": list(seeds),
        }
    )


def test_every_combination_is_a_cell_and_each_seed_has_a_clean_one():
    grid = {
        "name": "rare_word", "count": [5, 10], "target": ["ham", "spam"],
        "settings": {"word": ["cf", "mn"]},
    }  # fmt: skip
    cells = cells_of(campaign(grid, seeds=(0, 1)), 1_000)
    assert len(cells) == 2 * (1 + 8)
    assert sum(cell.attack == CLEAN for cell in cells) == 2


def test_a_rate_is_of_the_training_rows_and_one_per_cent_where_none_is_said():
    cells = cells_of(campaign({"name": "label_flip", "rate": 0.05}, "rare_word"), 1_000)
    assert [cell.count for cell in cells] == [0, 50, 10]


def test_what_is_said_twice_runs_once():
    assert len(cells_of(campaign("label_flip", "label_flip"), 1_000)) == 2


def test_a_key_changes_with_all_that_a_result_depends_on():
    cell = Cell("badnets", 5, "7", {"size": 2}, 0)
    others = (
        Cell("badnets", 6, "7", {"size": 2}, 0),
        Cell("badnets", 5, "8", {"size": 2}, 0),
        Cell("badnets", 5, "7", {"size": 3}, 0),
        Cell("badnets", 5, "7", {"size": 2}, 1),
    )
    keys = {cell.key("rows"), cell.key("other rows"), *(one.key("rows") for one in others)}
    assert len(keys) == 6
    assert cell.key("rows") == Cell("badnets", 5, "7", {"size": 2}, 0).key("rows")


def test_attacks_not_on_rows_have_no_count():
    cells = cells_of(campaign({"name": "weight_tampering", "settings": {"flips": [1, 9]}}), 1_000)
    assert [cell.title for cell in cells[1:]] == [
        "weight_tampering, flips=1", "weight_tampering, flips=9"
    ]  # fmt: skip
    with pytest.raises(BadInput, match="poisons no rows"):
        cells_of(campaign({"name": "weight_tampering", "count": 3}), 1_000)
