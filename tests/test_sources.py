"""Where findings concentrate."""

import numpy as np
import pyarrow as pa

from foretaste.data import Batch
from foretaste.sources import MOST, concentrations


def batches(n, **columns):
    whole = Batch([str(i) for i in range(n)], {"index": np.arange(n), **columns})
    return [whole.take(np.arange(start, min(start + 97, n))) for start in range(0, n, 97)]


def findings(rows, kind="attack"):
    return pa.table({"index": pa.array(list(rows), pa.int64()), "kind": [kind] * len(rows)})


def test_the_source_that_sent_the_poison_is_named():
    source = [f"s{i % 20}" for i in range(2000)]
    bad = [*range(7, 1207, 20), 3, 500]
    [one] = concentrations(batches(2000, source=source), findings(bad))
    assert (one["by"], one["name"], one["rows"], one["flagged"]) == ("source", "s7", 100, 60)
    assert one["rate"] == 0.6
    assert one["kind"] == "attack"
    assert one["p_value"] < 1e-50


def test_findings_spread_evenly_name_nobody():
    rng = np.random.default_rng(0)
    named = 0
    for _ in range(20):
        source = [f"s{i}" for i in rng.integers(0, 40, 2000)]
        bad = rng.choice(2000, 100, replace=False)
        rows = batches(2000, source=source, user=source, time=rng.random(2000))
        named += len(concentrations(rows, findings(bad)))
    assert named <= 1


def test_a_burst_in_time_is_one_stretch_with_its_dates():
    time = 1_700_000_000.0 + np.arange(4096) * 60
    [one] = concentrations(batches(4096, time=time), findings(range(1024, 1056)))
    assert one["by"] == "time"
    assert one["name"] == "2023-11-15T15:17:20Z to 2023-11-15T15:48:20Z"
    assert (one["rows"], one["flagged"]) == (32, 32)


def test_a_file_is_known_by_the_locations_of_its_lines():
    location = [f"a.jsonl:{i}" for i in range(500)] + [f"b:c.jsonl:{i}" for i in range(100)]
    [one] = concentrations(batches(600, location=location), findings(range(500, 560), "hygiene"))
    assert (one["by"], one["name"], one["kind"]) == ("file", "b:c.jsonl", "hygiene")


def test_rows_without_a_name_or_a_time_and_refused_rows_are_left_out():
    source = pa.array([None] * 50 + ["a"] * 50, pa.large_string())
    time = np.where(np.arange(100) < 50, np.nan, 1.0)
    assert concentrations(batches(100, source=source, time=time), findings(range(0, 300))) == ()


def test_no_rows_no_columns_and_no_findings_are_no_crash():
    assert concentrations([], findings([])) == ()
    assert concentrations(batches(10), findings([1])) == ()
    assert concentrations(batches(10, source=["a"] * 10), findings([])) == ()


def test_however_many_are_sure_few_are_told():
    source = [f"s{i // 10}" for i in range(10_000)]
    bad = [i for i in range(10_000) if i // 10 < 100]
    assert len(concentrations(batches(10_000, source=source), findings(bad))) == MOST
