import numpy as np

from foretaste.summaries.alike import alike


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_two_knots_in_noise_are_two_groups():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((300, 40))
    knots = np.eye(40)[[0, 1]].repeat(20, axis=0) * 8 + rng.standard_normal((40, 40)) * 0.3
    found = [rows.tolist() for rows in alike(unit(np.vstack([noise, knots])), 0.8, 6)]
    assert found == [list(range(300, 320)), list(range(320, 340))]


def test_noise_has_no_groups_and_no_rows_have_none():
    rng = np.random.default_rng(0)
    assert not list(alike(unit(rng.standard_normal((1500, 60))), 0.7, 6))
    assert not list(alike(np.zeros((0, 4)), 0.7, 6))
