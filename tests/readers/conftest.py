"""What every source must keep, whatever its format."""

import numpy as np
import pytest

from foretaste import readers


class Walked:
    """A source walked twice."""

    def __init__(self, source):
        self.source = source
        self.batches, again = list(source), list(source)
        self.rows = [row for batch in self.batches for row in _rows(batch)]
        self.refused = [one for batch in self.batches for one in batch.refused]
        self.found = len(self.rows) + len(self.refused)
        assert repr([row for batch in again for row in _rows(batch)]) == repr(self.rows)
        assert [one for batch in again for one in batch.refused] == self.refused

    def column(self, name):
        return [row.get(name) for row in self.rows]

    @property
    def reasons(self):
        return {one.location: one.reason for one in self.refused}


def _rows(batch):
    names = [name for name in batch.names if batch[name].ndim == 1]
    columns = [batch.arrow(name).to_pylist() for name in names]
    ids = batch.ids.tolist()
    return [dict(zip([*names, "id"], row, strict=True)) for row in zip(*columns, ids, strict=True)]


@pytest.fixture
def walk():
    """Opens, walks twice, and checks that every row found is read or refused exactly once."""

    def run(path, roles=None, only=None):
        walked = Walked(readers.open(path, roles, only))
        indices = [row["index"] for row in walked.rows] + [one.index for one in walked.refused]
        assert sorted(indices) == list(range(walked.found))
        return walked

    return run


@pytest.fixture
def halves(tmp_path):
    """Writes a source in two parts that add up; gives the two folders."""

    def run(walked, seed=0):
        chosen = np.random.default_rng(seed).random(walked.found) < 0.5
        for name, mask in (("kept", chosen), ("removed", ~chosen)):
            walked.source.write(tmp_path / "out" / name, mask)
        return tmp_path / "out" / "kept", tmp_path / "out" / "removed", chosen

    return run
