import numpy as np
import pyarrow as pa
import pytest

from foretaste.checks.origin_signature import OriginSignature
from foretaste.checks.source_trust import SourceTrust
from foretaste.data import Batch
from foretaste.origin.records import CREDENTIAL

GOOD = {
    "fault": None, "signer": "acme+1", "sequence": 0, "signed": 1_000.0, "since": -np.inf,
    "until": np.inf, "revoked": np.inf,
}  # fmt: skip


def rows(*told, arrived=1_000.0):
    n = len(told)
    column = pa.array([None if one is None else {**GOOD, **one} for one in told], CREDENTIAL)
    return Batch(range(n), {"arrived": np.full(n, arrived), "credential": column})


def judged(batch, check=None):
    check = check or OriginSignature()
    surprise, state = check.judge(batch, check.start(batch))
    return np.isposinf(surprise).tolist(), state


def reasons(batch, check=None):
    check = check or OriginSignature()
    _, state = check.judge(batch, check.start(batch))
    return [check.explain(batch, row, state) for row in range(len(batch))]


def numbers(*some):
    return rows(*({"sequence": one} for one in some))


def test_signed_records_in_order_and_sources_without_a_key_pass():
    batch = rows({"sequence": 1}, None, {"sequence": 2}, {"sequence": 9}, None)
    assert judged(batch)[0] == [False] * 5
    assert "no key is registered" in reasons(batch)[1]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"fault": "not signed, though 'acme' has a key"}, "not signed"),
        ({"revoked": 999.0}, "revoked"),
        ({"revoked": -np.inf}, "revoked"),
        ({"until": 1_000.0}, "expired"),
        ({"since": 1_001.0}, "does not count yet"),
        ({"signed": 1_301.0}, "in the future"),
        ({"signed": 1_000.0 - 86_401}, "ago"),
    ],
)
def test_whatever_is_wrong_is_a_fact_that_is_said(told, why):
    batch = rows(told)
    assert judged(batch)[0] == [True]
    assert why in reasons(batch)[0]


def test_a_number_that_came_before_is_held():
    batch = numbers(5, 5, 6, 5)
    assert judged(batch)[0] == [False, True, False, True]
    assert "came before" in reasons(batch)[1]


def test_records_that_a_broker_mixed_pass_once():
    held, _ = judged(numbers(5, 3, 4, 3, 9, 8, 8, 1))
    assert held == [False, False, False, True, False, False, True, False]


def test_what_lies_too_far_behind_is_held_for_nobody_knows_whether_it_came():
    check = OriginSignature(late=4)
    held, _ = judged(numbers(10, 7, 6, 100, 97, 96), check)
    assert held == [False, False, True, False, False, True]


def test_numbers_count_for_each_key_alone():
    batch = rows({"sequence": 5}, {"sequence": 5, "signer": "other+2"}, {"sequence": 5})
    assert judged(batch)[0] == [False, False, True]


def test_a_record_that_is_held_for_its_time_does_not_use_its_number_up():
    batch = rows({"sequence": 5, "signed": -1e9}, {"sequence": 5})
    assert judged(batch)[0] == [True, False]


def test_forged_numbers_cannot_lock_a_provider_out():
    batch = rows({"fault": "the signature does not fit", "sequence": 1 << 50}, {"sequence": 5})
    assert judged(batch)[0] == [True, False]


def test_age_may_be_of_no_interest():
    assert judged(rows({"signed": 0.0}, arrived=1e9), OriginSignature(fresh=0))[0] == [False]


def test_it_is_blind_to_poison_that_a_registered_key_signed():
    batch = rows({"sequence": 1}).having(text=["cf win a prize"], label=[0])
    assert judged(batch)[0] == [False]


def test_a_borrowed_name_is_not_spoilt_by_whoever_borrows_it():
    """What is held for want of a signature does not count against the source it names."""
    batch = rows(*([{}] * 50), *([{"fault": "not signed"}] * 50)).having(source=["acme"] * 100)
    genuine, forged = batch.take(np.arange(50)), batch.take(np.arange(50, 100))
    check = SourceTrust()
    state = check.start(genuine)
    for _ in range(20):
        state = check.learn(forged, np.zeros(50, bool), state)
    assert check.judge(genuine, state)[0].max() == 0
    assert check.judge(forged, state)[0].min() > 3
