"""Hostile files from the command line."""

import pickletools

import pytest

from foretaste.errors import BadInput
from foretaste.planting.forging import forged


def test_a_file_is_written_that_would_run_something(tmp_path):
    file = forged("malicious_pickle", {"protocol": 4}, tmp_path / "new/model.pkl", seed=0)
    names = {code.name for code, _, _ in pickletools.genops(file.read_bytes())}
    assert "REDUCE" in names
    again = forged("malicious_pickle", {"protocol": 4}, tmp_path / "again.pkl", seed=0)
    assert again.read_bytes() == file.read_bytes()


def test_what_is_there_is_never_written_over(tmp_path):
    (tmp_path / "model.pkl").write_bytes(b"mine")
    with pytest.raises(BadInput, match="is there already"):
        forged("malicious_pickle", {}, tmp_path / "model.pkl", seed=0)
    assert (tmp_path / "model.pkl").read_bytes() == b"mine"


def test_a_setting_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadInput, match="protokoll"):
        forged("malicious_pickle", {"protokoll": 4}, tmp_path / "model.pkl", seed=0)
