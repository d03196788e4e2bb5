import contextlib
import gzip
import struct

import fsspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foretaste.errors import ForetasteError, UnreadableInput, WrongRole
from foretaste.files import Limits
from foretaste.readers.idx import Idx

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 8, 8), dtype=np.uint8)
LABELS = (np.arange(12) % 3).astype(np.uint8)


def idx(array, kind=8):
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape)
    return head + array.tobytes()


def lay(root, packed=True):
    root.mkdir(exist_ok=True)
    for split, rows in (("train", slice(0, 8)), ("t10k", slice(8, 12))):
        for name, array in (("images-idx3", IMAGES[rows]), ("labels-idx1", LABELS[rows])):
            data = idx(array)
            path = root / f"{split}-{name}-ubyte{'.gz' * packed}"
            path.write_bytes(gzip.compress(data) if packed else data)
    return root


def opened(path, roles=None):
    return Idx().open(str(path), roles or {})


def walked(source):
    batches = list(source)
    names = batches[0].names if batches else ["index"]
    rows = {name: [v for b in batches for v in b[name].tolist()] for name in names}
    rows["id"] = [one for batch in batches for one in batch.ids.tolist()]
    refused = [refusal for batch in batches for refusal in batch.refused]
    indices = sorted([*rows["index"], *(refusal.index for refusal in refused)])
    assert indices == list(range(len(indices)))
    return rows


@pytest.mark.parametrize("packed", [True, False])
def test_a_folder_gives_all_splits_training_first(tmp_path, packed):
    root = lay(tmp_path, packed)
    (root / "README").write_text("not read")
    assert Idx.claims(str(root)) > 0.5
    source = opened(root)
    rows = walked(source)
    np.testing.assert_array_equal(rows["image"], IMAGES)
    assert rows["label"] == [str(label) for label in LABELS]
    assert rows["location"][8] == f"t10k-images-idx3-ubyte{'.gz' * packed}:0"
    assert source.roles == {"image": "images", "label": "labels"}


@pytest.mark.parametrize("name", ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"])
def test_one_file_brings_its_other_half(tmp_path, name):
    path = lay(tmp_path) / name
    assert Idx.claims(str(path)) > 0.5
    assert walked(opened(path))["label"] == [str(label) for label in LABELS[8:]]


def test_images_without_labels_are_read(tmp_path):
    (tmp_path / "pictures").write_bytes(idx(IMAGES))
    source = opened(tmp_path / "pictures")
    assert "label" not in source.roles
    assert len(walked(source)["id"]) == 12


def test_a_split_without_labels_stands_beside_one_with(tmp_path):
    (lay(tmp_path) / "t10k-labels-idx1-ubyte.gz").unlink()
    assert walked(opened(tmp_path))["label"] == [*map(str, LABELS[:8]), None, None, None, None]


def test_vectors_of_floats_are_features(tmp_path):
    (tmp_path / "a-idx2-float").write_bytes(idx(np.arange(6, dtype=">f4").reshape(3, 2), 13))
    rows = walked(opened(tmp_path / "a-idx2-float"))
    assert rows["features"] == [[0, 1], [2, 3], [4, 5]]


def test_what_does_not_fit_is_a_clear_error(tmp_path):
    root = lay(tmp_path)
    (root / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(LABELS[:5])))
    with pytest.raises(UnreadableInput, match="belong"):
        opened(root)
    with pytest.raises(WrongRole):
        opened(root / "t10k-images-idx3-ubyte.gz", {"text": "images"})
    path = root / "x-images-idx3-ubyte"
    for broken in (b"", b"\0\0\x08", b"\0\0\x08\x00" + b"1" * 9, idx(IMAGES)[:-1],
                   idx(IMAGES) + b"1",
                   struct.pack(">BBBB3I", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1),
                   struct.pack(">BBBB3I", 0, 0, 8, 3, 2**32 - 1, 0, 1)):  # fmt: skip
        path.write_bytes(broken)
        with pytest.raises(ForetasteError):
            opened(path)


def test_a_cut_off_file_says_how_much_is_there(tmp_path):
    path = lay(tmp_path) / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UnreadableInput, match="bytes are there"):
        walked(opened(tmp_path))


def test_a_bomb_is_refused(tmp_path):
    path = tmp_path / "x-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(idx(np.zeros((1 << 7, 256, 256), np.uint8))))
    with pytest.raises(ForetasteError, match="bomb"):
        walked(Idx(Limits(free=1 << 20)).open(str(path), {}))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), packed=st.booleans())
def test_damage_never_crashes(tmp_path, data, packed):
    broken = bytearray(idx(IMAGES))
    for _ in range(data.draw(st.integers(0, 3))):
        broken[data.draw(st.integers(0, 30))] = data.draw(st.integers(0, 255))
    if packed:
        broken = bytearray(gzip.compress(broken))
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "x").write_bytes(broken[: data.draw(st.integers(1, len(broken)))])
    with contextlib.suppress(ForetasteError):
        walked(opened(tmp_path / "x"))


@pytest.mark.parametrize("packed", [True, False])
def test_kept_and_the_rest_add_up(tmp_path, packed):
    source = opened(lay(tmp_path / "set", packed))
    chosen = np.arange(12) % 3 == 1
    for name, mask in (("kept", chosen), ("rest", ~chosen)):
        source.write(tmp_path / name, mask)
        rows = walked(opened(tmp_path / name))
        np.testing.assert_array_equal(rows["image"], IMAGES[mask])
        assert rows["label"] == [str(label) for label in LABELS[mask]]
        assert sorted(p.name for p in (tmp_path / name).iterdir()) == sorted(
            p.name for p in (tmp_path / "set").iterdir()
        )


def test_urls_are_read_like_files(tmp_path):
    lay(tmp_path)
    fs = fsspec.filesystem("memory")
    for path in tmp_path.iterdir():
        fs.pipe(f"/idx/{path.name}", path.read_bytes())
    assert Idx.claims("memory://idx") > 0.5
    assert walked(opened("memory://idx")) == walked(opened(tmp_path))
