"""Training weights beside the two parts."""

import numpy as np
import polars as pl
import pytest

from foretaste import readers
from foretaste.clean import Manifest, clean
from foretaste.clean.weights import WEIGHTS, q_values
from tests.scans import write_scan

N = 40


@pytest.fixture
def source(tmp_path):
    lines = [f'{{"text": "message {i}", "label": "a"}}' for i in range(N)]
    lines[7] = "{broken"
    (tmp_path / "set.jsonl").write_text("\n".join(lines) + "\n")
    return readers.open(tmp_path / "set.jsonl")


def weighed(source, tmp_path, p_values, what="attack", **accused):
    """The weights after a scan that gave the rows read these p-values."""
    scan = write_scan(source, tmp_path / "scan", **accused)
    path = scan / "rows.parquet"
    flagged = {*accused.get("attacked", ()), *accused.get("dirty", ())}
    table = pl.read_parquet(path).with_columns(
        flagged=pl.col("index").is_in(list(flagged)), p_value=pl.Series(p_values)
    )
    table.write_parquet(path)
    clean(source, scan, tmp_path / "out", what=what, weights=True)
    return pl.read_csv(tmp_path / "out" / WEIGHTS)


def test_accused_rows_weigh_next_to_nothing_and_honest_rows_all(source, tmp_path):
    p_values = np.random.default_rng(0).uniform(0.2, 1, N - 1)
    p_values[3] = 1e-12
    table = weighed(source, tmp_path, p_values, attacked=[3])
    assert table["index"].to_list() == list(range(N))
    assert table["weight"][3] <= 1e-9
    assert table["weight"][7] == 0.0  # cannot be read
    assert table.filter(~pl.col("index").is_in([3, 7]))["weight"].min() >= 0.8
    note = Manifest.load(tmp_path / "out").weights
    assert (note.path, note.size) == (WEIGHTS, (tmp_path / "out" / WEIGHTS).stat().st_size)


def test_a_row_that_is_suspicious_and_not_accused_weighs_something_in_between(source, tmp_path):
    p_values = np.full(N - 1, 0.9)
    p_values[5] = 0.01
    assert 0.3 < weighed(source, tmp_path, p_values)["weight"][5] < 0.5


def test_dirt_weighs_less_only_when_dirt_is_what_is_cleaned(source, tmp_path):
    p_values = np.full(N - 1, 0.9)
    p_values[5] = 1e-9
    (tmp_path / "all").mkdir()
    assert weighed(source, tmp_path, p_values, dirty=[5])["weight"][5] == 1.0
    table = weighed(source, tmp_path / "all", p_values, what="all", dirty=[5])
    assert table["weight"][5] < 1e-6


def test_rows_that_nobody_could_judge_weigh_nothing(source, tmp_path):
    table = weighed(source, tmp_path, np.full(N - 1, 0.9), failed=[2])
    assert table["weight"][2] == 0.0


def test_nothing_is_written_that_was_not_asked_for(source, tmp_path):
    done = clean(source, write_scan(source, tmp_path / "scan"), tmp_path / "out")
    assert done.weights is None
    assert not (tmp_path / "out" / WEIGHTS).exists()


def test_q_values_never_fall_as_p_values_rise():
    p_values = np.sort(np.random.default_rng(0).random(500))
    shares = q_values(p_values)
    assert (np.diff(shares) >= 0).all()
    assert shares.max() <= 1
    assert len(q_values(np.empty(0))) == 0
