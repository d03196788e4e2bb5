"""Whether a class answers to what rows share."""

import numpy as np
import pytest

from foretaste.errors import BadInput
from foretaste.explainers.tcav import Tcav

pytest.importorskip("torch")


def asked(backdoored, rows, code, seed=0, **settings):
    honest = np.setdiff1d(np.flatnonzero(backdoored.clean), rows)
    return Tcav(**settings).sensitivity(
        backdoored.victim,
        backdoored.rows.take(rows),
        backdoored.rows.take(honest),
        code,
        np.random.default_rng(seed),
    )


def test_the_target_class_answers_to_the_trigger(backdoored):
    found = asked(backdoored, np.flatnonzero(backdoored.touched), 0)
    assert found.p_value <= 1e-3
    assert found.score > 0.8
    assert found.effect > found.random


def test_it_sees_a_pattern_over_the_whole_picture(backdoored):
    assert asked(backdoored, np.flatnonzero(backdoored.blended), 1).p_value <= 1e-3


def test_random_groups_of_a_class_are_silent(backdoored):
    label = backdoored.rows["label"]
    accused = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        code = seed % 3
        own = np.flatnonzero(backdoored.clean & (label == code))
        group = rng.choice(own, 40, replace=False)
        accused.append(asked(backdoored, group, code, seed, groups=12).p_value <= 0.01)
    assert sum(accused) <= 2


def test_a_class_that_is_not_the_target_does_not_answer_to_the_trigger(backdoored):
    assert asked(backdoored, np.flatnonzero(backdoored.touched), 1).p_value > 0.01


def test_too_few_rows_are_refused(backdoored):
    with pytest.raises(BadInput, match="too few"):
        asked(backdoored, np.flatnonzero(backdoored.touched)[:5], 0)


def test_the_same_seed_gives_the_same_answer(backdoored):
    rows = np.flatnonzero(backdoored.touched)
    first, second = (asked(backdoored, rows, 0, groups=6) for _ in range(2))
    assert first == second
