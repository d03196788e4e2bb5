"""Sources against their peers: liars are found, however good their name was."""

import numpy as np
import pytest

from foretaste.agreeing import Agreement
from foretaste.checks.source_consensus import SourceConsensus
from foretaste.data import Batch


def rows(n, seed, sources=20, gap=4.0):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    return Batch(
        [f"{seed} {i}" for i in range(n)],
        {
            "embedding": rng.normal(label[:, None] * gap, 1, (n, 3)),
            "label": label,
            "source": [f"s{i}" for i in rng.integers(0, sources, n)],
        },
        "ab",
    )


def lying(batch, which):
    return batch.having(label=np.where(which, 1 - batch["label"], batch["label"]))


def settled(check, state, batch):
    odd = check.settle(batch, np.ones(len(batch), bool), state) > 3
    return odd, check.learn(batch, ~odd, state)


@pytest.fixture(scope="module")
def started():
    check = SourceConsensus()
    return check, check.start(rows(1500, seed=0))


def test_honest_sources_are_let_in(started):
    check, state = started
    held = []
    for turn in range(5):
        batch = rows(1000, seed=10 + turn)
        door = check.judge(batch, state)[0] > 3
        odd, state = settled(check, state, batch)
        held.append((odd | door).mean())
    assert np.mean(held) < 0.003


def test_a_source_that_turns_after_long_good_conduct_is_found_and_then_kept_out(started):
    check, state = started
    for turn in range(4):
        _, state = settled(check, state, rows(1000, seed=20 + turn))
    batch = rows(1000, seed=30)
    turned = (batch["source"] == "s7") & (np.arange(1000) > 500)
    odd, state = settled(check, state, lying(batch, turned))
    assert odd[turned].mean() > 0.9
    assert odd[~turned].mean() < 0.005
    again = rows(300, seed=31)
    bad = again["source"] == "s7"
    door = check.judge(lying(again, bad), state)[0] > 3
    assert door[bad].mean() > 0.9
    assert not door[~bad].any()


def test_a_crowd_of_new_names_is_found_together(started):
    check, state = started
    batch = rows(1000, seed=40)
    crowd = np.arange(1000) % 20 == 0
    names = np.where(crowd, [f"new {i // 60}" for i in range(1000)], batch["source"])
    odd, _ = settled(check, state, lying(batch.having(source=names.tolist()), crowd))
    assert odd[crowd].mean() > 0.9
    assert odd[~crowd].mean() < 0.02


def test_flips_spread_over_all_sources_are_found_together(started):
    check, state = started
    batch = rows(1000, seed=50)
    flipped = np.arange(1000) % 20 == 0
    odd, _ = settled(check, state, lying(batch, flipped))
    assert odd[flipped].mean() > 0.85
    assert odd[~flipped].mean() < 0.02


def test_a_person_who_vouches_gives_a_source_a_new_start(started):
    check, state = started
    batch = rows(1000, seed=60)
    bad = batch["source"] == "s3"
    _, state = settled(check, state, lying(batch, bad))
    one = lying(batch, bad).take(np.flatnonzero(bad)[:1])
    state = check.heed(one, np.ones(1, bool), state)
    assert check.judge(one, state)[0][0] == 0
    assert "reads like" in check.explain(one, 0, state)


def test_flips_of_content_that_hardly_tells_the_label_are_not_seen():
    check = SourceConsensus()
    state = check.start(rows(1500, seed=0, gap=0.3))
    batch = rows(1000, seed=70, gap=0.3)
    odd, _ = settled(check, state, lying(batch, np.arange(1000) % 20 == 0))
    assert odd.mean() < 0.01


def test_sources_that_are_forgotten_are_those_nothing_speaks_against():
    check = SourceConsensus(most=5)
    state = check.start(rows(1500, seed=0))
    batch = rows(1000, seed=80)
    bad = batch["source"] == "s3"
    _, state = settled(check, state, lying(batch, bad))
    assert len(state.keys) == 5
    assert (check.judge(lying(batch, bad), state)[0][bad] > 3).mean() > 0.9


def test_records_without_label_or_content_say_nothing():
    bare = Batch(range(50), {"label": np.arange(50) % 2, "source": ["a"] * 50})
    check = SourceConsensus()
    state = check.start(bare)
    assert not check.judge(bare, state)[0].any()
    unlabelled = rows(50, seed=1).having(label=np.full(50, -1))
    agreement = Agreement.of(rows(200, seed=0))
    assert not agreement.surprise(unlabelled).any()
