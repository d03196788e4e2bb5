import contextlib
import io
import pickle
import zipfile

import fsspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foretaste.errors import ForetasteError, UnreadableInput, UnsafeInput, WrongRole
from foretaste.files import Limits
from foretaste.readers.numpy_archive import NumpyArchive

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (9, 8, 8), dtype=np.uint8)
LABELS = np.arange(9) % 3


def opened(path, roles=None):
    return NumpyArchive().open(str(path), roles or {})


def walked(source):
    """(columns joined, refusals), the count law checked."""
    columns, refused = {"id": []}, []
    for batch in source:
        columns["id"] += batch.ids.tolist()
        refused += batch.refused
        for name in batch.names:
            columns.setdefault(name, []).extend(batch[name].tolist())
    indices = sorted([*columns.get("index", []), *(refusal.index for refusal in refused)])
    assert indices == list(range(len(indices)))
    return columns, refused


def header(shape, descr="|u1", version=1, order=False):
    text = repr({"descr": descr, "fortran_order": order, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(2, "little") + text


def test_splits_pair_with_their_labels_training_first(tmp_path):
    np.savez(tmp_path / "m.npz", x_test=IMAGES[6:], y_test=LABELS[6:], x_train=IMAGES[:6],
             y_train=LABELS[:6])  # fmt: skip
    source = opened(tmp_path / "m.npz")
    rows, refused = walked(source)
    assert source.roles == {"image": "x", "label": "y"}
    assert rows["label"] == [str(label) for label in LABELS]
    np.testing.assert_array_equal(rows["image"], IMAGES)
    assert rows["location"][5:7] == ["m.npz/x_train:5", "m.npz/x_test:0"]
    assert not refused


@pytest.mark.parametrize(
    ("arrays", "roles"),
    [
        ({"data": np.zeros((4, 3)), "target": [1] * 4}, {"features": "data", "label": "target"}),
        ({"X": np.zeros((4, 3)), "Y": np.eye(4)}, {"features": "X", "label": "Y"}),
        ({"images": np.zeros((4, 3, 9, 9), "f4")}, {"image": "images"}),
        ({"trainX": np.zeros((4, 9, 9)), "trainY": np.zeros((4, 1))}, {"image": "x", "label": "y"}),
        ({"arr_0": np.zeros((4, 2)), "arr_1": [1] * 4}, {"features": "arr_0", "label": "arr_1"}),
        ({"texts": np.array(["a", "b"]), "y": [0, 1], "source": np.array(["s", "t"])},
         {"text": "texts", "label": "y", "source": "source"}),
        ({"whatever": np.zeros((4, 2)), "class_names": ["a", "b"]}, {"features": "whatever"}),
        ({"x": np.zeros((4, 784), np.uint8)}, {"image": "x"}),
    ],
)  # fmt: skip
def test_the_usual_names_are_understood(tmp_path, arrays, roles):
    np.savez(tmp_path / "a.npz", **arrays)
    source = opened(tmp_path / "a.npz")
    assert source.roles == roles
    assert len(walked(source)[0]["id"]) == len(next(iter(arrays.values())))


def test_labels_of_any_type_become_names(tmp_path):
    for label, names in [
        (np.array([b"ham", b"spam"]), ["ham", "spam"]),
        (np.array([1.0, np.nan]), ["1", None]),
        (np.array([[0.1, 0.9], [1, 0]]), ["1", "0"]),
        (np.array([True, False]), ["1", "0"]),
        (np.array(["\ud800", "b"]), ["\\ud800", "b"]),
    ]:
        np.savez(tmp_path / "a.npz", x=np.zeros((2, 3)), y=label)
        assert walked(opened(tmp_path / "a.npz"))[0]["label"] == names


@pytest.mark.parametrize("scale", [lambda x: x / 255, lambda x: x / 127.5 - 1, lambda x: x * 1.0])
def test_images_of_any_range_become_bytes(tmp_path, scale):
    values = scale(IMAGES.astype(np.float32))
    np.savez(tmp_path / "a.npz", images=np.stack([values] * 3, axis=1))
    pixels = np.array(walked(opened(tmp_path / "a.npz"))[0]["image"])
    assert pixels.shape == (9, 8, 8, 3)
    assert np.abs(pixels[..., 1] - IMAGES.astype(int)).max() <= 1


def test_one_odd_pixel_does_not_dim_the_others(tmp_path):
    values = np.repeat(IMAGES / 255, 100, axis=0)
    values[3, 0, 0] = 1e300
    np.save(tmp_path / "images.npy", values)
    pixels = np.array(walked(opened(tmp_path / "images.npy"))[0]["image"])
    assert np.abs(pixels[100:] - np.repeat(IMAGES, 100, axis=0)[100:].astype(int)).max() <= 1


def test_rows_that_are_no_numbers_are_refused(tmp_path):
    values = np.zeros((5, 3))
    values[1, 2], values[3, 0] = np.nan, np.inf
    np.savez(tmp_path / "a.npz", x=values)
    rows, refused = walked(opened(tmp_path / "a.npz"))
    assert rows["index"] == [0, 2, 4]
    assert [refusal.location for refusal in refused] == ["a.npz/x:1", "a.npz/x:3"]


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 9, 9), (2, 9, 9, 3)])
def test_all_rows_may_be_refused(tmp_path, shape):
    np.savez(tmp_path / "a.npz", x=np.full(shape, np.nan))
    assert len(walked(opened(tmp_path / "a.npz"))[1]) == shape[0]


def test_a_file_of_labels_beside_an_array_is_found(tmp_path):
    np.save(tmp_path / "x_train.npy", IMAGES)
    np.save(tmp_path / "y_train.npy", LABELS)
    np.save(tmp_path / "y_test.npy", LABELS[:2])
    for path in (tmp_path / "x_train.npy", tmp_path, f"file://{tmp_path}/x_train.npy"):
        assert NumpyArchive.claims(str(path)) > 0.5
        rows, _ = walked(opened(path))
        assert rows["label"] == [str(label) for label in LABELS]
    assert rows["location"][0] == "x_train.npy:0"


def test_columns_by_columns_is_read_like_rows_by_rows(tmp_path):
    np.save(tmp_path / "x.npy", np.asfortranarray(np.arange(12.0).reshape(4, 3)))
    assert walked(opened(tmp_path / "x.npy"))[0]["features"][1] == [3.0, 4.0, 5.0]


def test_the_user_says_what_an_array_is(tmp_path):
    np.savez(tmp_path / "a.npz", x=IMAGES, group=LABELS, other=IMAGES[:2])
    source = opened(tmp_path / "a.npz", {"features": "x", "label": "group"})
    rows, _ = walked(source)
    assert np.shape(rows["features"]) == (9, 64)
    assert rows["label"][:3] == ["0", "1", "2"]
    for wrong in ({"label": "nothing"}, {"image": "group"}, {"time": "x"}):
        with pytest.raises(WrongRole):
            walked(opened(tmp_path / "a.npz", wrong))


def test_arrays_that_do_not_belong_together_are_a_clear_error(tmp_path):
    np.savez(tmp_path / "a.npz", x=IMAGES, y=LABELS[:4])
    with pytest.raises(UnreadableInput, match="belong"):
        opened(tmp_path / "a.npz", {"label": "y"})
    np.savez(tmp_path / "b.npz", x_train=IMAGES, x_test=IMAGES[:, :4])
    with pytest.raises(UnreadableInput, match="differ"):
        opened(tmp_path / "b.npz")


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


def test_pickled_objects_are_never_loaded(tmp_path):
    objects = np.array([Bomb(), Bomb()], dtype=object)
    np.savez(tmp_path / "a.npz", x=objects)
    np.save(tmp_path / "b.npy", objects)
    np.savez(tmp_path / "c.npz", x=np.zeros((3, 2)), y=np.array([Bomb()] * 3, dtype=object))
    for path, roles in (("a.npz", {"features": "x"}), ("b.npy", {}), ("c.npz", {"label": "y"})):
        with pytest.raises((UnsafeInput, WrongRole)):
            opened(tmp_path / path, roles)
    source = opened(tmp_path / "c.npz")
    assert "label" not in source.roles
    assert len(walked(source)[0]["id"]) == 3
    with pytest.raises(UnsafeInput, match="pickled"):
        source.write(tmp_path / "out", np.ones(3, bool))
    (tmp_path / "d.npy").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(UnreadableInput):
        opened(tmp_path / "d.npy")


@pytest.mark.parametrize(
    "head",
    [
        header((10**12, 28, 28)), header((1, 10**13)), header((10**12, 0)), header((-1, 4)),
        header((3,), "|O"), header((3, 4), [("a", "<f4")]), header((3, 4), "<U0"), header("no"),
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff", b"\x93NUMPY\x03\x00", b"\x93NUMPY",
        header((2, 2), "<c16"),
    ],
)  # fmt: skip
def test_a_lying_header_is_refused_before_anything_is_allocated(tmp_path, head):
    (tmp_path / "x.npy").write_bytes(head + b"1234")
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", head + b"1234")
    for name in ("x.npy", "x.npz"):
        with pytest.raises(ForetasteError):
            walked(opened(tmp_path / name))


def test_a_decompression_bomb_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", header((1 << 13, 1 << 10)) + b"\0" * (1 << 23))
    with pytest.raises(UnsafeInput, match="bomb"):
        NumpyArchive(Limits(free=1 << 20)).open(str(tmp_path / "x.npz"), {})


def _npz(packed):
    buffer = io.BytesIO()
    save = np.savez_compressed if packed else np.savez
    save(buffer, x_train=IMAGES, y_train=np.array(["a", "b", "c"] * 3), x_test=IMAGES[:2] / 3)
    return buffer.getvalue()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), packed=st.booleans())
def test_damage_never_crashes(tmp_path, data, packed):
    broken = bytearray(_npz(packed))
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "x.npz").write_bytes(broken[: data.draw(st.integers(1, len(broken)))])
    with contextlib.suppress(ForetasteError):
        walked(opened(tmp_path / "x.npz"))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), kind=st.sampled_from(["<f2", "<f4", ">f8", "<i2", "<U3", "|S2", "|b1"]))
def test_damaged_headers_and_values_never_crash(tmp_path, data, kind):
    broken = bytearray(header((4, 2), kind) + data.draw(st.binary(min_size=96, max_size=96)))
    for _ in range(data.draw(st.integers(0, 2))):
        broken[data.draw(st.integers(0, 70))] = data.draw(st.integers(0, 255))
    size = len(header((4, 2), kind)) + 8 * np.dtype(kind).itemsize
    for name in ("x.npy", "text.npy"):
        (tmp_path / name).write_bytes(broken[:size])
        with contextlib.suppress(ForetasteError):
            walked(opened(tmp_path / name))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_kept_and_the_rest_add_up(tmp_path, save, share):
    values = IMAGES / 255
    values[2] = np.nan
    save(tmp_path / "a.npz", x_train=np.asfortranarray(values), y_train=LABELS.astype(">i4"),
         extra_train=np.arange(9), x_test=values[:3], names=np.array(["a", "b", "c"]))  # fmt: skip
    source = opened(tmp_path / "a.npz")
    chosen = np.random.default_rng(1).random(12) < share
    parts = []
    for name, mask in (("kept", chosen), ("rest", ~chosen)):
        source.write(tmp_path / name, mask)
        written = np.load(tmp_path / name / "a.npz")
        np.testing.assert_array_equal(written["x_train"], values[mask[:9]])
        np.testing.assert_array_equal(written["extra_train"], np.arange(9)[mask[:9]])
        assert written["y_train"].dtype == ">i4"
        assert written["names"].tolist() == ["a", "b", "c"]
        parts.append(walked(opened(tmp_path / name / "a.npz")))
    assert sorted(parts[0][0]["id"] + parts[1][0]["id"]) == sorted(walked(source)[0]["id"])
    assert sum(len(refused) for _, refused in parts) == 2
    packing = {i.compress_type for i in zipfile.ZipFile(tmp_path / "kept/a.npz").infolist()}
    assert packing == {zipfile.ZIP_STORED if save is np.savez else zipfile.ZIP_DEFLATED}


def test_urls_are_read_like_files(tmp_path):
    np.savez(tmp_path / "a.npz", x=IMAGES, y=LABELS)
    np.save(tmp_path / "x.npy", IMAGES)
    np.save(tmp_path / "y.npy", LABELS)
    fs = fsspec.filesystem("memory")
    for name in ("a.npz", "x.npy", "y.npy"):
        fs.pipe(f"/arrays/{name}", (tmp_path / name).read_bytes())
    for name in ("a.npz", "x.npy", "y.npy"):
        here, there = (walked(opened(f"{root}/{name}")) for root in (tmp_path, "memory://arrays"))
        assert here == there
    assert NumpyArchive.claims("memory://arrays/a.npz") > 0.5
