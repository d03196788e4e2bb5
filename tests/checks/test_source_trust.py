"""Trust: earned slowly, lost quickly, bounded; what a person says counts more."""

import numpy as np

from foretaste.checks.source_trust import SourceTrust
from foretaste.data import Batch


def rows(names):
    return Batch([f"{i} {name}" for i, name in enumerate(names)], {"source": list(names)})


TRUSTED = rows([f"s{i % 10}" for i in range(500)])


def passed(check, state, names, held=()):
    batch = rows(names)
    return check.learn(batch, ~np.isin(batch["source"], held), state)


def factor(check, state, name):
    return float(check.weigh(rows([name]), state)[0])


def test_a_new_source_is_doubted_more_than_an_old_one_and_honest_ones_as_usual():
    check = SourceTrust()
    state = check.start(TRUSTED)
    assert factor(check, state, "new") > 2 * factor(check, state, "s1")
    assert 0.5 <= np.mean(check.weigh(TRUSTED, state)) <= 1.1


def test_where_most_trusted_rows_are_of_new_sources_those_are_doubted_as_usual():
    check = SourceTrust()
    state = check.start(rows([f"once {i}" for i in range(500)]))
    assert abs(factor(check, state, "new") - 1) < 0.1


def test_good_conduct_of_any_length_buys_no_more_than_a_month_of_it():
    check = SourceTrust()
    state = check.start(TRUSTED)
    for _ in range(3):
        state = passed(check, state, ["brief"] * 50)
    brief = long = passed(check, state, ["brief"] * 50 + ["long"] * 50)
    for _ in range(30):
        long = passed(check, long, ["long"] * 500)
    for _ in range(4):
        brief = passed(check, brief, ["brief"] * 20, held=["brief"])
        long = passed(check, long, ["long"] * 20, held=["long"])
    assert abs(factor(check, brief, "brief") - factor(check, long, "long")) < 0.2
    assert factor(check, long, "long") > factor(check, long, "s1")


def test_a_source_of_which_all_was_held_is_held_until_it_fades():
    check = SourceTrust(half_life=5)
    state = check.start(TRUSTED)
    for _ in range(4):
        state = passed(check, state, ["bad"] * 6, held=["bad"])
    assert check.judge(rows(["bad", "s1", "new"]), state)[0].tolist()[1:] == [0, 0]
    assert check.judge(rows(["bad"]), state)[0][0] > 3
    for _ in range(30):
        closed = check.judge(rows(["bad"]), state)[0][0] > 3.4
        state = passed(check, state, ["bad"] * 6, held=["bad"] if closed else [])
    assert check.judge(rows(["bad"]), state)[0][0] < 2.5


def test_a_person_can_clear_and_condemn():
    check = SourceTrust()
    state = check.start(TRUSTED)
    for _ in range(4):
        state = passed(check, state, ["odd"] * 6, held=["odd"])
    cleared = check.heed(rows(["odd"] * 3), np.ones(3, bool), state)
    assert check.judge(rows(["odd"]), cleared)[0][0] < 2
    condemned = check.heed(rows(["s1"] * 20), np.zeros(20, bool), state)
    assert check.judge(rows(["s1"]), condemned)[0][0] > 3
    assert "s1" in check.explain(rows(["s1"]), 0, condemned)


def test_one_window_alone_closes_the_door_for_a_window_only():
    check = SourceTrust()
    state = passed(check, check.start(TRUSTED), ["odd"] * 200, held=["odd"])
    assert check.judge(rows(["odd"]), state)[0][0] > 3.4
    state = passed(check, state, ["odd"] * 200, held=["odd"])
    assert check.judge(rows(["odd"]), state)[0][0] < 3.4


def test_tiers_are_settings():
    check = SourceTrust(trusted=("mint",), untrusted=("street",), probation=("cell",))
    state = passed(check, check.start(TRUSTED), ["mint"] * 30, held=["mint"])
    assert factor(check, state, "mint") == check.mildest
    assert factor(check, state, "street") == check.strictest
    assert check.judge(rows(["mint", "street", "cell"]), state)[0].tolist() == [0, 0, np.inf]


def test_a_flood_of_names_does_not_make_the_condemned_forgotten():
    check = SourceTrust(most=50)
    state = check.heed(rows(["bad"] * 20), np.zeros(20, bool), check.start(TRUSTED))
    for turn in range(20):
        state = passed(check, state, [f"{turn} {i}" for i in range(200)])
    assert len(state.keys) == 50
    assert check.judge(rows(["bad"]), state)[0][0] > 3


def test_what_records_say_is_not_seen():
    check = SourceTrust()
    assert not check.judge(TRUSTED, check.start(TRUSTED))[0].any()
