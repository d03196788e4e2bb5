import gzip
import json
import zlib

import pytest
import zstandard

from foretaste import readers
from foretaste.errors import UnreadableInput, UnsafeInput

LINE = json.dumps({"text": "good morning to you", "label": "ham"}).encode() + b"\n"


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_a_decompression_bomb_is_unsafe(tmp_path, pack):
    row = json.dumps({"text": "a" * 60_000}).encode() + b"\n"
    (tmp_path / "a.jsonl.gz").write_bytes(pack(row * 1_500))
    with pytest.raises(UnsafeInput, match="decompression bomb"):
        list(readers.open(tmp_path / "a.jsonl.gz", {}, "jsonl"))


def test_a_zstd_frame_may_not_ask_for_a_huge_window(tmp_path):
    huge = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=29)
    )
    frame = huge.compressobj()
    (tmp_path / "a.jsonl.zst").write_bytes(frame.compress(LINE * 100) + frame.flush())
    with pytest.raises(UnreadableInput):
        list(readers.open(tmp_path / "a.jsonl.zst", {}, "jsonl"))


def test_members_one_after_another_and_rubbish_after_them(tmp_path, walk):
    packed = gzip.compress(LINE * 20) + gzip.compress(LINE * 20)
    (tmp_path / "a.jsonl.gz").write_bytes(packed + b"\0" * 100)
    assert len(walk(tmp_path / "a.jsonl.gz").rows) == 40
    (tmp_path / "a.jsonl.gz").write_bytes(packed + b"rubbish")
    with pytest.raises(UnreadableInput):
        list(readers.open(tmp_path / "a.jsonl.gz"))
    frames = zstandard.ZstdCompressor().compress(LINE * 20) * 2
    (tmp_path / "b.jsonl.zst").write_bytes(frames)
    assert len(walk(tmp_path / "b.jsonl.zst").rows) == 40
    (tmp_path / "b.jsonl.zst").write_bytes(frames[:-3])
    with pytest.raises(UnreadableInput, match="cut off"):
        list(readers.open(tmp_path / "b.jsonl.zst"))


def test_a_wrong_checksum_is_found(tmp_path):
    packed = bytearray(gzip.compress(LINE * 20))
    packed[-6] ^= 1
    (tmp_path / "a.jsonl.gz").write_bytes(packed)
    with pytest.raises(UnreadableInput, match="check"):
        list(readers.open(tmp_path / "a.jsonl.gz"))
    assert zlib.crc32(b"") == 0


def test_numbers_and_nesting_without_end_are_refused(tmp_path, walk):
    lines = [LINE] * 10
    lines[2] = b'{"text": ' + b"1" * 5_000 + b"}\n"
    lines[4] = b'{"text": ' + b'{"a":' * 50_000 + b"\n"
    lines[6] = b"\0" * 100 + b"\n"
    (tmp_path / "a.jsonl").write_bytes(b"".join(lines))
    assert list(walk(tmp_path / "a.jsonl", {"text": "text"}).reasons) == [
        f"a.jsonl:{n}" for n in (3, 5, 7)
    ]


def test_millions_of_blank_lines_cost_little(tmp_path, walk):
    (tmp_path / "a.jsonl").write_bytes(LINE * 20 + b"\n" * 200_000 + LINE)
    walked = walk(tmp_path / "a.jsonl")
    assert walked.rows[-1]["location"] == "a.jsonl:200021"
