"""Power is measured, on the user's own rows, and says when it could not be."""

import numpy as np
import pyarrow as pa
import pytest

from foretaste.api import Options, scan

HAM = "lunch meeting tonight report running late thanks home dinner office".split()
SPAM = "prize winner claim cash free entry urgent offer award voucher".split()


def table(n, seed=0):
    rng = np.random.default_rng(seed)
    spam = rng.random(n) < 0.4
    text = [" ".join(rng.choice(SPAM if s else HAM, 6)) + f" {rng.integers(1e6)}" for s in spam]
    return pa.table({"text": text, "label": np.where(spam, "spam", "ham")})


@pytest.fixture(scope="module")
def quick():
    return scan(table(1_500), None, Options(power="quick")).record


def test_a_planted_word_would_be_found_and_the_record_says_from_how_many_rows_on(quick):
    [power] = quick.power
    assert power.family == "rare_word"
    assert power.tried == (10, 25, 50)
    assert power.recall[-1] >= 0.9
    assert power.smallest_found in power.tried
    assert power.rate == power.smallest_found / 1_500


def test_what_was_planted_to_measure_power_accuses_nobody(quick):
    assert quick.verdict != "poisoned"
    assert quick.counts.attack == 0


def test_one_class_cannot_be_attacked_and_the_record_says_so_by_leaving_power_out():
    rows = table(200).set_column(1, "label", pa.array(["ham"] * 200))
    record = scan(rows, None, Options(power="quick", roles={"label": "label"})).record
    assert all(power.smallest_found is None for power in record.power)


def test_few_rows_are_said_to_be_too_few():
    record = scan(table(40), None, Options(power="quick")).record
    [power] = record.power
    assert power.smallest_found is None
    assert "too few" in power.detail
