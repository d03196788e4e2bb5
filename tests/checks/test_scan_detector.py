"""Detectors of a scan as checks of a stream."""

import numpy as np
import pytest

from foretaste.checks.scan_detector import ScanDetector
from foretaste.data import Batch
from foretaste.errors import UnknownComponent


def rows(n, seed):
    rng = np.random.default_rng([seed, n])
    label = rng.integers(0, 2, n)
    vectors = (rng.normal(size=(n, 3)) + 8 * label[:, None]).astype(np.float32)
    columns = {"embedding": vectors, "label": label, "text": [f"text {i}" for i in range(n)]}
    return Batch([f"{seed} {i}" for i in range(n)], columns)


def test_honest_records_surprise_as_seldom_as_they_say():
    check = ScanDetector()
    surprise, _ = check.judge(rows(10_000, 2), check.start(rows(4000, 1)))
    for digits in (1, 2):
        assert (surprise >= digits).mean() < 2 * 10.0**-digits


def test_a_record_of_one_class_among_the_other_is_odd():
    check = ScanDetector()
    state = check.start(rows(4000, 1))
    wrong = rows(20, 3)
    wrong = wrong.having(label=1 - wrong["label"])
    assert (check.judge(wrong, state)[0] > 3).all()
    assert check.explain(wrong, 0, state).startswith("Outlier: ")


def test_a_plain_fact_of_a_detector_is_one_here():
    check = ScanDetector(detectors=("hidden_text",))
    state = check.start(rows(200, 1))
    hidden = rows(2, 3).having(text=["plain", "a\u200bb"])
    assert check.judge(hidden, state)[0].tolist() == [0.0, np.inf]


def test_detectors_that_lack_a_column_are_left_out():
    check = ScanDetector(detectors=("label_noise",))
    state = check.start(rows(200, 1))
    assert check.judge(rows(5, 2), state)[0].tolist() == [0.0] * 5
    assert "no detector" in check.explain(rows(5, 2), 0, state)


def test_a_detector_that_is_none_is_named():
    with pytest.raises(UnknownComponent):
        ScanDetector(detectors=("nonsense",)).start(rows(20, 1))


def test_what_was_let_in_is_learned_when_its_time_comes_and_what_was_held_never():
    check = ScanDetector(refresh_every=1)
    window, asked = rows(300, 5), rows(200, 6)
    before, _ = check.judge(asked, check.start(rows(600, 1)))
    held = check.learn(window, np.zeros(300, bool), check.start(rows(600, 1)))
    let_in = check.learn(window, np.ones(300, bool), check.start(rows(600, 1)))
    np.testing.assert_array_equal(check.judge(asked, held)[0], before)
    assert (check.judge(asked, let_in)[0] != before).any()
    assert len(let_in.taught) <= 200


def test_the_sample_stays_as_large_as_it_is():
    check = ScanDetector(refresh_every=3)
    state = check.start(rows(600, 1))
    for seed in range(12):
        state = check.learn(rows(300, seed), np.ones(300, bool), state)
    assert len(state.learned.rows) <= 200
    assert state.windows == 12
