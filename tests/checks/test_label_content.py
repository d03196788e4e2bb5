"""Content against label: flips are held alone and in company, honest rows come in."""

import numpy as np
import pytest

from foretaste.checks.label_content import LabelContent
from foretaste.data import Batch, concat


def rows(n, seed, apart=4.0, name="r"):
    """Two classes; one record in fifty lies where the other class is, roughly."""
    rng = np.random.default_rng([seed, n])
    label = rng.integers(0, 2, n)
    vectors = rng.normal(size=(n, 4)).astype(np.float32)
    vectors[:, 0] += apart * label
    ids = [f"{name} {seed} {i}" for i in range(n)]
    source = [f"s{i % 7}" for i in range(n)]
    return Batch(ids, {"embedding": vectors, "label": label, "source": source}, ("ham", "spam"))


def flipped(batch, at):
    label = batch["label"].copy()
    label[at] = 1 - label[at]
    return batch.having(label=label)


@pytest.fixture(scope="module")
def started():
    check = LabelContent()
    return check, check.start(rows(3000, 1))


def test_honest_records_surprise_as_seldom_as_they_say(started):
    check, state = started
    surprise, _ = check.judge(rows(20_000, 2), state)
    for digits in (1, 2, 3):
        assert (surprise >= digits).mean() < 2 * 10.0**-digits


def test_a_record_far_on_the_wrong_side_is_held_alone(started):
    check, state = started
    wrong = rows(2, 3).having(
        embedding=np.array([[5.0, 0, 0, 0], [-2.0, 0, 0, 0]], np.float32), label=[0, 1]
    )
    assert (check.judge(wrong, state)[0] > 3).all()
    assert "speaks for spam" in check.explain(wrong, 0, state)


def test_a_modest_rate_of_flips_is_stopped_before_it_is_learned(started):
    check, state = started
    window = rows(1000, 4)
    touched = np.arange(1000) % 20 == 0
    found = check.settle(flipped(window, touched), np.ones(1000, bool), state)
    assert (found[touched] > 3).mean() > 0.8
    assert (found[~touched] > 3).mean() < 0.03


def test_an_honest_window_is_left_alone(started):
    check, state = started
    every = np.ones(1000, bool)
    pulled = [check.settle(rows(1000, seed), every, state) >= 3 for seed in range(10, 40)]
    assert np.mean(pulled) < 0.002


def test_flips_of_one_source_count_together(started):
    check, state = started
    window = rows(1000, 5)
    his = np.flatnonzero(window["source"] == "s3")
    found = check.settle(flipped(window, his), np.ones(1000, bool), state)
    assert (found[his] > 3).mean() > 0.9


def test_flips_where_classes_meet_are_not_seen():
    check = LabelContent()
    state = check.start(rows(2000, 1, apart=0.0))
    wrong = flipped(rows(500, 2, apart=0.0), np.arange(500) % 20 == 0)
    assert (check.settle(wrong, np.ones(500, bool), state) < 3).all()


def test_records_without_a_label_are_nobodys_business(started):
    check, state = started
    nameless = rows(50, 6).having(label=np.full(50, -1))
    assert (check.judge(nameless, state)[0] == 0).all()
    assert (check.settle(nameless, np.ones(50, bool), state) == 0).all()


def test_a_label_no_trusted_row_has_is_as_rare_as_that(started):
    check, state = started
    strange = rows(3, 7).having(label=[0, 1, 900_000_000])
    assert check.judge(strange, state)[0][2] == pytest.approx(np.log10(3001))
    assert check.settle(strange, np.ones(3, bool), state).shape == (3,)
    assert "no trusted row" in check.explain(strange, 2, state)


def test_one_class_alone_says_nothing():
    one = rows(200, 8).having(label=np.zeros(200, int))
    check = LabelContent()
    assert (check.judge(one, check.start(one))[0] == 0).all()


def test_what_is_let_in_is_learned_when_its_time_comes_and_what_is_held_never():
    check = LabelContent(refresh_every=2)
    before = check.start(rows(600, 1))
    window = rows(200, 9)
    none = check.learn(window, np.zeros(200, bool), before)
    none = check.learn(window, np.zeros(200, bool), none)
    some = check.learn(window, np.ones(200, bool), check.start(rows(600, 1)))
    some = check.learn(rows(200, 10), np.ones(200, bool), some)
    asked = rows(300, 11)
    as_was, without = (check.judge(asked, one)[0] for one in (before, none))
    np.testing.assert_array_equal(as_was, without)
    assert (check.judge(asked, some)[0] != as_was).any()
    assert len(some.learned.rows) <= len(some.trusted) // 2


def test_words_are_read_by_a_linear_model_where_that_is_better():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=120)
    vectors = rng.normal(size=(1500, 120)).astype(np.float32)
    label = (vectors @ weights > 0).astype(int)
    batch = Batch([f"{i}" for i in range(1500)], {"embedding": vectors, "label": label})
    assert LabelContent().start(batch).reader.linear is not None
    both = concat([batch, batch])
    assert len(LabelContent().judge(both, LabelContent().start(batch))[0]) == 3000
