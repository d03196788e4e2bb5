"""What was encoded once is not encoded again, and never for another row."""

import numpy as np
import pytest

from foretaste.cache import ColumnCache
from foretaste.data import Batch, content_id


def rows(*names: str) -> Batch:
    return Batch([content_id(name.encode()) for name in names], {"text": list(names)})


def encoded(batch: Batch) -> Batch:
    return batch.having(embedding=np.array([[float(ord(t[0])), 1.0] for t in batch["text"]]))


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("FORETASTE_CACHE", str(tmp_path))
    return tmp_path


def test_an_empty_cache_knows_nothing(place):
    known, columns = ColumnCache.of("spec", ("embedding",)).find(rows("a", "b"))
    assert not known.any()
    assert columns == {}


def test_what_was_kept_is_found_in_any_order_and_company(place):
    ColumnCache.of("spec", ("embedding",)).keep(encoded(rows("a", "b", "c")))
    known, columns = ColumnCache.of("spec", ("embedding",)).find(rows("z", "c", "a"))
    assert known.tolist() == [False, True, True]
    found = Batch(rows("c", "a").arrow_ids(), columns)
    assert found["embedding"][:, 0].tolist() == [ord("c"), ord("a")]


def test_another_spec_is_another_cache(place):
    ColumnCache.of("one", ("embedding",)).keep(encoded(rows("a")))
    assert not ColumnCache.of("two", ("embedding",)).find(rows("a"))[0].any()


def test_a_row_with_half_the_same_id_is_not_taken_for_it(place):
    batch = encoded(rows("a"))
    ColumnCache.of("spec", ("embedding",)).keep(batch)
    forged = Batch([batch.ids[0][:16] + "0" * 16], {"text": ["poison"]})
    assert not ColumnCache.of("spec", ("embedding",)).find(forged)[0].any()


def test_a_damaged_file_is_made_again(place):
    ColumnCache.of("spec", ("embedding",)).keep(encoded(rows("a")))
    [file] = place.rglob("*.arrow")
    file.write_bytes(file.read_bytes()[:100])
    assert not ColumnCache.of("spec", ("embedding",)).find(rows("a"))[0].any()
    assert not file.exists()
