"""Files with the same tensors in every format that is read, as its own library writes them."""

import io
import struct
import zipfile

import numpy as np


def tensors(seed=0):
    """Eight layers of a kind and a vector, of float32."""
    drawn = np.random.default_rng(seed).standard_normal
    layers = {f"l.{i}.w": (0.02 * drawn((64, 256))).astype("f4") for i in range(8)}
    return {**layers, "bias": (0.1 * drawn(64)).astype("f4")}


def gguf(path, found, kind="F32"):
    from gguf import GGMLQuantizationType, GGUFWriter, quants

    writer = GGUFWriter(path, "llama")
    for name, one in found.items():
        wanted = GGMLQuantizationType["F32" if one.ndim < 2 else kind]
        writer.add_tensor(name, quants.quantize(one, wanted), raw_dtype=wanted)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def model(*given):
    from onnx import TensorProto, helper

    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in "xy"]
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])], "net", ends[:1], ends[1:], list(given)
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def onnx(path, found, raw=True):
    from onnx import helper

    given = [
        helper.make_tensor(
            name,
            helper.np_dtype_to_tensor_dtype(one.dtype),
            one.shape,
            one.tobytes() if raw else one.ravel(),
            raw=raw,
        )
        for name, one in found.items()
    ]
    path.write_bytes(model(*given).SerializeToString())


def outside(name, location, shape=(2, 2), **said):
    """A tensor of float32 whose numbers stand in another file."""
    from onnx import TensorProto

    one = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)
    one.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **said}.items():
        entry = one.external_data.add()
        entry.key, entry.value = key, str(value)
    return one


def beside(path, found):
    """ONNX with its numbers in a file beside it."""
    at, given, packed = 0, [], b""
    for name, one in found.items():
        said = {"offset": at, "length": one.nbytes}
        given.append(outside(name, path.name + ".data", one.shape, **said))
        at, packed = at + one.nbytes, packed + one.tobytes()
    path.with_name(path.name + ".data").write_bytes(packed)
    path.write_bytes(model(*given).SerializeToString())


def hdf5(path, found, **how):
    import h5py

    with h5py.File(path, "w") as file:
        for name, one in found.items():
            file.create_dataset(name.replace(".", "/"), data=one, **(how if one.ndim > 1 else {}))


def keras(path, found, compression=zipfile.ZIP_STORED):
    inner = io.BytesIO()
    hdf5(inner, found)
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", inner.getvalue())


FILES = {
    "plain.gguf": gguf,
    "net.onnx": onnx,
    "typed.onnx": lambda path, found: onnx(path, found, raw=False),
    "beside.onnx": beside,
    "net.h5": hdf5,
    "packed.h5": lambda path, found: hdf5(path, found, compression="gzip", shuffle=True),
    "net.keras": keras,
    "packed.keras": lambda path, found: keras(path, found, zipfile.ZIP_DEFLATED),
}


def gguf_by_hand(*described, data=b""):
    """A header of (name, shape, kind, offset), and whatever bytes."""
    raw = b"GGUF" + struct.pack("<IQQ", 3, len(described), 0)
    for name, shape, kind, offset in described:
        raw += struct.pack("<Q", len(name)) + name.encode() + struct.pack("<I", len(shape))
        raw += struct.pack(f"<{len(shape)}Q", *shape) + struct.pack("<IQ", kind, offset)
    return raw + bytes(-len(raw) % 32) + data
