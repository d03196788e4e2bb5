import numpy as np
import pytest

from foretaste.attacks.boiling_frog import BoilingFrog
from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.recipes.online_centroid import OnlineCentroid

SETTINGS = {}
RECIPE = OnlineCentroid(warm=400, horizon=200)


def stream(n=2_000, seed=0):
    features = np.random.default_rng(seed).normal(size=(n, 3))
    return Batch(range(n), {"features": features, "time": np.arange(n, dtype=float)})


def frog(count, **settings):
    point = Batch(["far"], {"features": [[6.0, 6.0, 6.0]]})
    return BoilingFrog(count, surrogate=RECIPE, aim=point, **settings)


def admits(attack, rows):
    shown = attack.probe(rows, np.random.default_rng(0))
    return shown.hit(RECIPE.train(rows, 0).predict(shown.rows)).all()


def test_a_burst_gets_its_point_admitted_and_none_of_its_rows_raises_an_alarm_on_the_way():
    attack = frog(400, stretch=0)
    poisoned, touched = attack.poison(stream(), np.random.default_rng(0))
    assert not admits(attack, stream())
    assert admits(attack, poisoned)
    before = RECIPE.train(poisoned.take(~touched), 0)
    assert RECIPE.tune(before, poisoned.take(touched), 0).seen - before.seen == 400


def test_each_row_of_a_burst_moves_the_centre_by_a_radius_over_the_horizon():
    attack = frog(50, stretch=0, margin=0.01, stray=0)
    poisoned, _ = attack.poison(stream(), np.random.default_rng(0))
    before, after = (RECIPE.train(given, 0) for given in (stream(), poisoned))
    moved = np.linalg.norm(after.centre - before.centre)
    assert moved == pytest.approx(50 * 0.99 * before.radius / 200)


def test_its_rows_stray_so_that_none_is_a_copy_of_another():
    arrived, strayed = frog(600, stretch=0, stray=0), frog(600, stretch=0)
    for attack, copies in ((arrived, True), (strayed, False)):
        poisoned, touched = attack.poison(stream(), np.random.default_rng(0))
        assert admits(attack, poisoned)
        assert (len(np.unique(poisoned["features"][touched], axis=0)) < 590) == copies


def test_among_honest_traffic_it_gets_only_so_far():
    attack = frog(400, stretch=0.8)
    poisoned, _ = attack.poison(stream(), np.random.default_rng(0))
    assert not admits(attack, poisoned)


def test_rows_stand_in_the_last_part_of_the_stream_and_are_new():
    attack = frog(40, stretch=0.1)
    poisoned, touched = attack.poison(stream(), np.random.default_rng(0))
    assert np.flatnonzero(touched).tolist() == list(range(2_000, 2_040))
    assert poisoned["time"][touched].min() >= 1_800
    assert poisoned["time"][touched].max() == 1_999


def test_it_is_aimed_at_a_known_attack_as_far_out_as_was_asked():
    rng = np.random.default_rng(0)
    features = np.concatenate([rng.normal(size=(900, 3)), rng.uniform(0, 9, size=(300, 3))])
    label = np.repeat([0, 1], [900, 300])
    rows = Batch(range(1_200), {"features": features, "label": label})
    attack = BoilingFrog(1, away=1.5, surrogate=RECIPE).aimed(rows, rng)
    assert attack.aim["label"].tolist() == [1]
    assert RECIPE.train(rows, 0).predict(attack.aim)[0] == pytest.approx(1.5)


def test_without_an_attack_point_there_is_nothing_to_walk_to():
    with pytest.raises(BadInput, match="attack point"):
        BoilingFrog(1).poison(stream(), np.random.default_rng(0))
