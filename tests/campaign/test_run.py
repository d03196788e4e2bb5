"""Whole campaigns on a few hundred short texts."""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import polars as pl
import pytest

from foretaste.campaign.cells import CLEAN
from foretaste.campaign.outcome import PERFECT, RANDOM, UNDEFENDED
from foretaste.campaign.run import checked, play
from foretaste.campaign.running import _Trainer
from foretaste.campaign.scorecard import scorecard
from foretaste.campaign.spec import Campaign
from foretaste.data import Batch
from foretaste.errors import BadInput, BadRecord, ForetasteError

WORDS = {
    "ham": "meeting lunch report call home friday thanks driving".split(),
    "spam": "prize winner claim free cash urgent offer reply".split(),
}
TRUTH = "tests_own_defence:the_rare_word"


@pytest.fixture
def rows(tmp_path, monkeypatch):
    """A CSV file of 400 messages; and a defence of the user's own, which knows the word."""
    rng = np.random.default_rng(3)
    label = np.array(["ham", "spam"])[rng.integers(0, 2, 400)]
    both = WORDS["ham"] + WORDS["spam"]
    text = [
        " ".join([*rng.choice(WORDS[one], 4), *rng.choice(both, 2), str(rng.integers(1e6))])
        for one in label
    ]
    pl.DataFrame({"text": text, "label": label}).write_csv(tmp_path / "rows.csv")
    (tmp_path / "tests_own_defence.py").write_text(
        "import numpy as np\n"
        "def the_rare_word(rows, word='cf'):\n"
        "    return np.array([word in text.split() for text in rows['text']], bool)\n"
        "def not_a_mask(rows):\n"
        "    return [1, 2]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "rows.csv"


def campaign(rows, **more):
    said = {
        "schema": 1,
        "name": "words",
        "target": {"data": str(rows), "recipe": "linear_text", "fine_tune": 0.1},
        "attacks": [{"name": "rare_word", "count": 20, "target": "ham"}],
        "defences": [TRUTH],
        "seeds": [0, 1],
    }
    return Campaign.model_validate({**said, **more})


@pytest.fixture
def played(rows, tmp_path):
    return play(campaign(rows), tmp_path / "out", engine=map)


def test_every_cell_is_measured_beside_the_controls(played):
    assert [one.status for one in played.outcomes] == ["done"] * 4
    assert not played.waiting
    for one in played.outcomes:
        assert [m.defence for m in one.measured] == [UNDEFENDED, RANDOM, PERFECT, TRUTH]


def test_a_defence_that_knows_the_poison_does_as_well_as_the_perfect_filter(played):
    poisoned = [one for one in played.outcomes if one.attack != CLEAN]
    for one in poisoned:
        known, perfect, undefended = (one.of(name) for name in (TRUTH, PERFECT, UNDEFENDED))
        assert (known.recall, known.precision, known.rows_lost) == (1.0, 1.0, 20)
        assert known.success == perfect.success < undefended.success
        assert known.quality == perfect.quality
        assert one.of(RANDOM).rows_lost == 20


def test_where_nobody_attacks_there_is_nothing_to_find(played):
    clean = [one for one in played.outcomes if one.attack == CLEAN]
    for one in clean:
        assert one.of(TRUTH).recall is None
        assert one.of(TRUTH).false_positive_rate == 0.0
        assert one.of(UNDEFENDED).success is None
        assert not one.examples


def test_the_backdoor_is_asked_for_again_after_fine_tuning(played):
    for one in played.outcomes:
        assert one.tuned.rows == 30
        assert (one.tuned.success is None) == (one.attack == CLEAN)


def test_examples_show_the_rows_before_and_after(played):
    shown = next(one for one in played.outcomes if one.attack != CLEAN).examples
    assert len(shown) == 4
    assert all("cf" in one.after.split() and "cf" not in one.before.split() for one in shown)
    assert {(one.label_before, one.label_after) for one in shown} == {("spam", "ham")}


def test_what_is_done_is_not_done_again_and_what_is_not_is(rows, tmp_path):
    out, ran = tmp_path / "out", []

    def counting(work, keys):
        return ((ran.append(key), work(key)) for key in keys)

    play(campaign(rows), out, engine=counting)
    assert len(ran) == 4
    first = {path.name: path.read_bytes() for path in (out / "cells").iterdir()}
    (out / "cells" / f"{ran[2]}.json").unlink()
    again = play(campaign(rows), out, engine=counting)
    assert ran[4:] == [ran[2]]
    assert len(again.outcomes) == 4
    second = {path.name: path.read_bytes() for path in (out / "cells").iterdir()}
    changed = [name for name in first if first[name] != second[name]]
    assert set(changed) <= {f"{ran[2]}.json"}


def test_the_same_seed_gives_the_same_numbers(rows, tmp_path):
    one, two = (play(campaign(rows), tmp_path / name, engine=map) for name in ("a", "b"))
    timed = {"seconds", "peak_mb"}

    def without_times(outcome):
        plain = outcome.model_dump(exclude=timed)
        return json.dumps(
            [{k: v for k, v in m.items() if k not in timed} for m in plain["measured"]]
        )

    assert list(map(without_times, one.outcomes)) == list(map(without_times, two.outcomes))


def test_other_rows_or_other_settings_are_other_cells(rows, tmp_path):
    out = tmp_path / "out"
    play(campaign(rows), out, engine=map)
    play(campaign(rows, defences=[{"name": TRUTH, "settings": {"word": "mn"}}]), out, engine=map)
    assert len(list((out / "cells").iterdir())) == 8


def test_cells_run_in_processes_and_leave_the_same_files(rows, tmp_path):
    said = campaign(rows, seeds=[0], budget={"jobs": 2, "cell_minutes": 5})
    here = play(said, tmp_path / "here", engine=map)
    there = play(said, tmp_path / "there")
    assert [one.key for one in there.outcomes] == [one.key for one in here.outcomes]
    assert [one.status for one in there.outcomes] == ["done", "done"]
    assert [one.of(TRUTH).success for one in there.outcomes] == [
        one.of(TRUTH).success for one in here.outcomes
    ]


def test_a_defence_that_fails_is_said_so_and_the_others_are_measured(rows, tmp_path):
    said = campaign(rows, defences=["tests_own_defence:not_a_mask", TRUTH], seeds=[0])
    found = play(said, tmp_path / "out", engine=map).outcomes[1]
    assert "wanted is a mask" in found.of("tests_own_defence:not_a_mask").detail
    assert found.of(TRUTH).recall == 1.0


def test_an_attack_that_cannot_be_is_a_failed_cell_and_no_end_of_the_campaign(rows, tmp_path):
    too_many = {"name": "rare_word", "count": [20, 5_000], "target": "ham"}
    done = play(campaign(rows, attacks=[too_many], seeds=[0]), tmp_path / "out", engine=map)
    assert [one.status for one in done.outcomes] == ["done", "done", "failed"]
    assert "5000 rows" in done.outcomes[2].detail


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"attacks": ["rare_wort"]}, "rare_wort"),
        ({"attacks": ["badnets"]}, "pixels"),
        ({"defences": ["scan", "scan"]}, "two defences"),
        ({"defences": [{"name": "scan", "settings": {"alfa": 1}}]}, "alfa"),
        ({"defences": ["no_such_module:defence"]}, "no_such_module"),
        ({"defences": ["polish"]}, "polish"),
    ],
)
def test_what_cannot_be_is_said_before_any_work(rows, change, said):
    with pytest.raises(ForetasteError, match=said):
        checked(campaign(rows, **change))


def test_a_recipe_that_does_not_suit_the_rows_is_refused(rows):
    target = {"data": str(rows), "recipe": "small_cnn"}
    with pytest.raises(BadInput, match="small_cnn needs pixels"):
        checked(campaign(rows, target=target))


def test_a_damaged_cell_is_named(rows, tmp_path):
    out = tmp_path / "out"
    key = play(campaign(rows), out, engine=map).outcomes[0].key
    (out / "cells" / f"{key}.json").write_text("{")
    with pytest.raises(BadRecord, match=key):
        play(campaign(rows), out, engine=map)


def test_the_score_is_over_seeds_and_worst_first(rows, tmp_path):
    grid = {"name": "rare_word", "count": [2, 40], "target": "ham"}
    useless = {"name": TRUTH, "settings": {"word": "none"}}
    said = campaign(rows, attacks=[grid], defences=[useless])
    card = scorecard(play(said, tmp_path / "out", engine=map), "accuracy")
    assert [line.poisoned for line in card.lines] == [40, 2, 0]
    worst = card.lines[0].of(UNDEFENDED).measures["success"]
    assert worst.n == 2
    assert worst.low <= worst.mean <= worst.high
    assert card.passed


def test_a_threshold_that_does_not_hold_is_broken(rows, tmp_path):
    said = campaign(
        rows,
        defences=[{"name": TRUTH, "settings": {"word": "none"}}],
        thresholds={"attack_success": 0.05, "excess_success": 0.05, "recall": 0.5},
        attacks=[{"name": "rare_word", "count": 40, "target": "ham"}],
    )
    card = scorecard(play(said, tmp_path / "out", engine=map), "accuracy")
    broken = "; ".join(one for line in card.lines for one in line.broken)
    assert "attack_success is" in broken
    assert "excess_success is" in broken
    assert "recall is 0.000, at least 0.5" in broken
    assert not card.passed
    worst = next(line for line in card.lines if line.attack == "rare_word")
    left, perfect = (worst.value(name, "success") for name in (TRUTH, PERFECT))
    assert worst.value(TRUTH, "excess_success") == pytest.approx(left - perfect)
    through = [gap for gap in card.gaps if gap.why == "comes through"]
    assert [gap.attack for gap in through] == ["rare_word"]
    assert "trigger_phrase" in through[0].helps
    assert "sentence" in {gap.attack for gap in card.gaps if gap.why == "not tried"}


def test_cells_that_were_not_begun_are_listed(rows, tmp_path):
    said = campaign(rows, budget={"minutes": 1e-9})
    done = play(said, tmp_path / "out")
    assert len(done.waiting) == 4
    card = scorecard(done, "accuracy")
    assert {one.status for one in card.failures} == {"not begun"}
    assert not card.passed


def test_any_map_is_an_engine(rows, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        done = play(campaign(rows, seeds=[0]), tmp_path / "out", engine=partial(pool.map))
    assert [one.status for one in done.outcomes] == ["done", "done"]


def test_rows_of_the_same_ids_with_other_labels_are_trained_on_anew():
    train = _Trainer(_Assault(), 0)
    rows = Batch(["a", "b"], {"label": [0, 1]})
    assert train(rows) is train(rows)
    assert train(rows) is not train(rows.having(label=[1, 1]))


class _Assault:
    """Trains something new each time it is asked."""

    def victim(self, rows, seed, *, spared=False):
        return object()
