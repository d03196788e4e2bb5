import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pytest

from foretaste import readers
from foretaste.errors import BadInput, UnreadableInput
from foretaste.readers.arrow_file import ArrowFile

TABLE = pa.table(
    {
        "text": [f"good morning number {i}" for i in range(10_000)],
        "label": pa.array([["ham", "spam"][i % 2] for i in range(10_000)]).dictionary_encode(),
    },
    metadata={"made": "by hand"},
)


def stored(path, kind):
    new = {"file": pa.ipc.new_file, "stream": pa.ipc.new_stream}[kind]
    with new(path, TABLE.schema) as out:
        out.write_table(TABLE, 3_000)


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_files_and_streams_are_read_and_written_as_they_were(tmp_path, walk, halves, kind):
    stored(tmp_path / "a.arrow", kind)
    walked = walk(tmp_path / "a.arrow")
    assert walked.column("text") == TABLE["text"].to_pylist()
    assert walked.column("label")[:2] == ["ham", "spam"]
    assert walked.rows[-1]["location"] == "a.arrow:10000"
    kept, _, chosen = halves(walked)
    opened = {"file": pa.ipc.open_file, "stream": pa.ipc.open_stream}[kind]
    again = opened(kept / "a.arrow").read_all()
    assert again.schema.equals(TABLE.schema, check_metadata=True)
    assert again["text"].to_pylist() == TABLE.filter(pa.array(chosen))["text"].to_pylist()
    assert (kept / "a.arrow").read_bytes()[:4] == (tmp_path / "a.arrow").read_bytes()[:4]


def test_feather_is_read(tmp_path, walk):
    feather.write_feather(TABLE, str(tmp_path / "a.feather"), compression="zstd")
    assert len(walk(tmp_path / "a.feather").rows) == 10_000


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_cut_off_or_corrupt_files_are_errors_and_never_crashes(tmp_path, walk, kind):
    stored(tmp_path / "a.arrow", kind)
    data = (tmp_path / "a.arrow").read_bytes()
    (tmp_path / "a.arrow").write_bytes(data[: len(data) // 2])
    with pytest.raises(UnreadableInput):
        list(readers.open(tmp_path / "a.arrow", {}, "arrow_file"))
    rng = np.random.default_rng(0)
    for _ in range(25):
        bad = bytearray(data)
        for place in rng.integers(8, len(data), 4):
            bad[place] = rng.integers(256)
        (tmp_path / "a.arrow").write_bytes(bad)
        try:
            walk(tmp_path / "a.arrow", {}, "arrow_file")
        except BadInput:
            continue


def test_it_claims_by_the_first_bytes(tmp_path):
    stored(tmp_path / "a.bin", "file")
    assert ArrowFile.claims(str(tmp_path / "a.bin")) == 1.0
    assert ArrowFile.claims(str(tmp_path / "none")) == 0.0
