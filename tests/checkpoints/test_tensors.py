"""The numbers in a file are read as its own library reads them, whatever the format."""

import os

import h5py
import numpy as np
import pytest
from gguf import GGMLQuantizationType, quants
from onnx import TensorProto, helper, numpy_helper

from foretaste.checkpoints.bounded import Bomb, Unreadable, Untold
from foretaste.checkpoints.weights import weights
from tests.checkpoints import made


def read(path):
    return {one.name: one.matrix() for one in weights(path)}


@pytest.mark.parametrize("name", made.FILES)
def test_the_numbers_are_those_that_were_written(tmp_path, name):
    wanted = made.tensors()
    made.FILES[name](tmp_path / name, wanted)
    found = {key.replace("/", "."): one for key, one in read(tmp_path / name).items()}
    assert set(found) == set(wanted)
    for key, one in wanted.items():
        np.testing.assert_array_equal(found[key].ravel(), one.ravel())


@pytest.mark.parametrize("kind", ["F16", "BF16", "Q4_0", "Q5_1", "Q8_0", "TQ2_0", "MXFP4"])
def test_blocks_are_the_numbers_the_library_makes_of_them(tmp_path, kind):
    wanted = made.tensors()
    made.gguf(tmp_path / "net.gguf", wanted, kind)
    found, type_ = read(tmp_path / "net.gguf"), GGMLQuantizationType[kind]
    for key in (key for key in wanted if key != "bias"):
        made_of = quants.dequantize(quants.quantize(wanted[key], type_), type_)
        np.testing.assert_array_equal(found[key], made_of.reshape(found[key].shape))


@pytest.mark.parametrize("kind", ["Q4_K", "Q6_K", "IQ3_S", "IQ4_XS"])
def test_any_bytes_are_some_blocks(tmp_path, kind):
    type_ = GGMLQuantizationType[kind]
    width = quants.GGML_QUANT_SIZES[type_][1]
    raw = np.random.default_rng(0).bytes(6 * width)
    file = made.gguf_by_hand(("a", (512, 3), int(type_), 0), data=raw)
    (tmp_path / "net.gguf").write_bytes(file)
    with np.errstate(all="ignore"):
        wanted = quants.dequantize(np.frombuffer(raw, np.uint8).reshape(3, -1), type_)
    np.testing.assert_array_equal(read(tmp_path / "net.gguf")["a"], wanted)


@pytest.mark.parametrize("type_", ["f2", "f8", "i1", "u1", "i2", "u2", "i4", "i8", "u4", "u8", "?"])
@pytest.mark.parametrize("raw", [True, False])
def test_onnx_tensors_of_every_type_are_read(tmp_path, type_, raw):
    one = (np.arange(12) % 5).reshape(3, 4).astype(type_)
    made.onnx(tmp_path / "net.onnx", {"a": one}, raw)
    np.testing.assert_array_equal(read(tmp_path / "net.onnx")["a"], one)


def test_onnx_constants_and_half_numbers_are_read(tmp_path):
    half = helper.make_tensor("half", TensorProto.BFLOAT16, [2], [1.5, -2.0])
    model = made.model(half)
    value = numpy_helper.from_array(np.float32([[3, 4]]), "value")
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=value))
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    found = read(tmp_path / "net.onnx")
    assert found["half"].tolist() == [[1.5, -2.0]]
    assert found["value"].tolist() == [[3, 4]]


def test_hdf5_numbers_of_another_order_of_bytes_and_single_ones_are_read(tmp_path):
    made.hdf5(tmp_path / "net.h5", {"a": np.arange(6, dtype=">f4").reshape(2, 3), "b": np.ones(())})
    found = read(tmp_path / "net.h5")
    assert found["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["b"].tolist() == [[1.0]]


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("../numbers", {}),
        ("/etc/passwd", {}),
        ("a/../../numbers", {}),
        ("..\\numbers", {}),
        ("C:\\numbers", {}),
        ("", {}),
        ("link", {}),
        ("folder/numbers", {}),
        ("pipe", {}),
        (".", {}),
        ("inside", {"offset": 1 << 40}),
        ("inside", {"offset": -1}),
        ("inside", {"length": 15}),
        ("inside", {"offset": "9" * 5000}),
        ("x" * 5000, {}),
        ("a\0b", {}),
    ],
)
def test_numbers_of_onnx_are_read_inside_the_folder_only(tmp_path, location, said):
    (tmp_path / "numbers").write_bytes(bytes(16))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "inside").write_bytes(bytes(16))
    (folder / "link").symlink_to(tmp_path / "numbers")
    (folder / "folder").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    one = made.outside("a", location, **said)
    (folder / "net.onnx").write_bytes(made.model(one).SerializeToString())
    with pytest.raises(Unreadable) as told:
        weights(folder / "net.onnx")
    assert not isinstance(told.value, Untold)


def test_numbers_that_are_not_beside_the_model_are_no_fault_of_it(tmp_path):
    one = made.outside("a", "numbers")
    (tmp_path / "net.onnx").write_bytes(made.model(one).SerializeToString())
    with pytest.raises(Untold, match="not beside the model"):
        weights(tmp_path / "net.onnx")


def lying(**changed):
    one = TensorProto(name="a", data_type=TensorProto.FLOAT, dims=[2], raw_data=bytes(8))
    for name, value in changed.items():
        one.ClearField(name)
        if isinstance(value, list):
            getattr(one, name).extend(value)
        else:
            setattr(one, name, value)
    return one


@pytest.mark.parametrize(
    "changed",
    [
        {"dims": [1 << 60, 1 << 60]},
        {"dims": [-2, -1]},
        {"dims": [3]},
        {"raw_data": bytes(7)},
        {"float_data": [1.0, 2.0]},
        {"raw_data": b"", "float_data": [1.0, 2.0]},
        {"raw_data": bytes(4), "data_type": TensorProto.FLOAT16, "dims": [3]},
    ],
)
def test_onnx_tensors_that_lie_about_their_size_are_told(tmp_path, changed):
    (tmp_path / "net.onnx").write_bytes(made.model(lying(**changed)).SerializeToString())
    with pytest.raises(Unreadable):
        weights(tmp_path / "net.onnx")


@pytest.mark.parametrize(
    "described",
    [
        [("a", (64,), 0, 0)],
        [("a", (1 << 40,), 0, 0)],
        [("a", (4,), 0, 1 << 62)],
        [("a", (33,), 8, 0)],
        [("a", (), 8, 0)],
        [("a", (8,), 0, 0), ("b", (8,), 0, 0)],
    ],
)
def test_gguf_tensors_that_lie_about_their_size_are_told(tmp_path, described):
    (tmp_path / "net.gguf").write_bytes(made.gguf_by_hand(*described, data=bytes(40)))
    with pytest.raises(Unreadable):
        weights(tmp_path / "net.gguf")


def test_a_type_that_nobody_knows_is_not_read(tmp_path):
    file = made.gguf_by_hand(("a", (8,), 999, 0), data=bytes(40))
    (tmp_path / "net.gguf").write_bytes(file)
    assert [one.readable() for one in weights(tmp_path / "net.gguf")] == [False]


def linked(file):
    file["a"] = h5py.ExternalLink("/etc/passwd", "/x")


def virtual(file):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "a", (4,))
    file.create_virtual_dataset("a", layout)


def elsewhere(file):
    file.create_dataset("a", (4,), "f4", external=[("numbers", 0, 16)])


def never_written(file):
    file.create_dataset("a", (1 << 20, 1 << 20), "f4", chunks=(64, 64))


def packed(file):
    zeros = np.zeros((1 << 10, 1 << 14), "f4")
    file.create_dataset("a", data=zeros, chunks=zeros.shape, compression="gzip")


@pytest.mark.parametrize(
    ("write", "kind"),
    [
        (linked, Unreadable),
        (virtual, Unreadable),
        (elsewhere, Unreadable),
        (never_written, Bomb),
        (packed, Bomb),
    ],
)
def test_hdf5_reads_no_other_file_and_unpacks_no_bomb(tmp_path, write, kind):
    with h5py.File(tmp_path / "net.h5", "w") as file:
        write(file)
    with pytest.raises(kind):
        weights(tmp_path / "net.h5")


def test_hdf5_groups_that_hold_themselves_and_soft_links_are_walked_once(tmp_path):
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file.create_dataset("inner/a", data=np.ones((2, 2), "f4"))
        file["inner/again"] = file["/"]
        file["inner/b"] = file["inner/a"]
        file["soft"] = h5py.SoftLink("/inner/a")
        file["nowhere"] = h5py.SoftLink("/nothing")
    assert list(read(tmp_path / "net.h5")) == ["inner/a"]


def test_what_hdf5_would_need_a_plugin_for_is_not_read(tmp_path):
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file.create_dataset("text", data="words")
        file.create_dataset("pairs", data=np.zeros(3, [("x", "f4"), ("y", "f4")]))
        made_of = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        made_of.set_chunk((4,))
        made_of.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((4,))
        h5py.h5d.create(file.id, b"a", h5py.h5t.IEEE_F32LE, space, made_of)
    assert not any(one.readable() for one in weights(tmp_path / "net.h5"))


def test_a_keras_file_without_weights_is_said_to_have_none(tmp_path):
    from tests.inspecting import zoo

    (tmp_path / "net.keras").write_bytes(zoo.keras(zoo.DENSE))
    with pytest.raises(Untold, match=r"model\.weights\.h5"):
        weights(tmp_path / "net.keras")
