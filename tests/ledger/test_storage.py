import os

import fsspec
import pytest

from foretaste.errors import UnreadableInput
from foretaste.ledger.storage import source_of, storage_of
from foretaste.ledger.web import Web


@pytest.fixture(params=["folder", "file", "memory"])
def storage(request, tmp_path):
    if request.param == "memory":
        store = fsspec.filesystem("memory")
        store.rm("/a-log", recursive=True) if store.exists("/a-log") else None
        return storage_of("memory://a-log/")
    return storage_of(f"file://{tmp_path}/log" if request.param == "file" else tmp_path / "log")


def test_files_are_read_as_they_were_written(storage):
    storage.write({"checkpoint": b"one", "tile/0/x001/000": b"h" * 32})
    storage.write({"checkpoint": b"two"})
    assert storage.read("checkpoint", 100) == b"two"
    assert storage.read("tile/0/x001/000", 100) == b"h" * 32


def test_what_is_not_there_is_none(storage):
    assert storage.read("checkpoint", 100) is None
    storage.write({"tile/0/000": b""})
    assert storage.read("tile/0/000", 100) == b""


def test_nothing_is_below_a_file(tmp_path):
    storage = storage_of(tmp_path)
    storage.write({"tile/0/000": b""})
    assert storage.read("tile/0/000/001", 100) is None
    assert storage.partials("tile/0/000/001") == []


def test_no_more_is_read_than_asked_for_and_one(storage):
    storage.write({"checkpoint": b"x" * 1_000})
    assert len(storage.read("checkpoint", 10)) == 11


def test_partial_tiles_are_found_and_dropped(storage):
    assert storage.partials("tile/0/000") == []
    storage.write({"tile/0/000.p/7": b"a", "tile/0/000.p/12": b"b", "tile/0/001.p/1": b"c"})
    assert set(storage.partials("tile/0/000")) == {"tile/0/000.p/7", "tile/0/000.p/12"}
    storage.drop([*storage.partials("tile/0/000"), "tile/0/000.p/99"])
    assert storage.partials("tile/0/000") == []
    assert storage.read("tile/0/001.p/1", 9) == b"c"


def test_it_says_whether_a_log_was_begun(storage):
    assert not storage.begun()
    storage.write({"tile/0/000.p/1": b"a"})
    assert storage.begun()
    storage.settle(["tile/0/000.p/1"])


def test_a_stranger_s_pipe_or_folder_in_place_of_a_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "checkpoint")
    (tmp_path / "tile").mkdir()
    storage = storage_of(tmp_path)
    for path in ("checkpoint", "tile"):
        with pytest.raises(UnreadableInput):
            storage.read(path, 100)


def test_addresses_of_the_web_are_only_read():
    assert isinstance(source_of("https://example.com/log/"), Web)
    assert str(source_of("/srv/log")) == "Folder('/srv/log')"
    assert str(storage_of("memory://b/log")) == "Objects('/b/log')"
