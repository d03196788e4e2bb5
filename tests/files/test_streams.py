import gzip
import io
import random

import pytest
import zstandard

from foretaste.errors import UnsafeInput
from foretaste.files.streams import Blocks, Limits, packing, pour, unpacked_head

TEXT = b"".join(
    b"line %d of some text\n" % random.Random(i).randrange(10**9) for i in range(99_999)
)
PACK = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}


@pytest.mark.parametrize("kind", PACK)
def test_what_is_poured_comes_back_in_equal_blocks(tmp_path, kind):
    for name in ("a", "b"):
        with pour(tmp_path / name, kind) as out:
            out.write(TEXT)
    packed = (tmp_path / "a").read_bytes()
    assert packed == (tmp_path / "b").read_bytes()
    assert packing(packed) == kind
    blocks = list(Blocks(io.BytesIO(packed), "a"))
    assert b"".join(blocks) == TEXT
    assert {len(block) for block in blocks[:-1]} == {1 << 20}
    assert TEXT.startswith(unpacked_head(packed[: 1 << 16])[:1000])


@pytest.mark.parametrize("kind", [".gz", ".zst"])
def test_a_cut_says_so_and_keeps_what_came_before(kind):
    packed = PACK[kind](TEXT)
    for end in (len(packed) - 1, len(packed) // 2, 10):
        blocks = Blocks(io.BytesIO(packed[:end]), "a")
        assert TEXT.startswith(b"".join(blocks))
        assert "cut off" in blocks.cut


def test_absolute_and_relative_limits_hold():
    with pytest.raises(UnsafeInput, match="more than 1,000,000 bytes"):
        list(Blocks(io.BytesIO(TEXT), "a", Limits(unpacked=1_000_000)))
    packed = gzip.compress(bytes(10_000_000))
    with pytest.raises(UnsafeInput, match="bomb"):
        list(Blocks(io.BytesIO(packed), "a", Limits(free=1_000_000)))
    assert sum(map(len, Blocks(io.BytesIO(packed), "a"))) == 10_000_000
