"""Files that lie about their numbers are told, in little memory, and take nobody down."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from foretaste.inspecting.apart import Apart, Limits
from tests.checkpoints import made

MEMORY = 1 << 30  # bytes of address space, of which libraries take half
SMALL = {name: one[:4] for name, one in made.tensors().items() if name in ("l.0.w", "bias")}
LOOKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture(scope="module")
def apart():
    with Apart(Limits(seconds=20, memory=MEMORY)) as process:
        yield process


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean")
    for name, write in made.FILES.items():
        write(folder / name, SMALL)
    made.gguf(folder / "blocks.gguf", SMALL, "Q4_0")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def looked(apart, path, name="tensor_values", **more):
    """What the process that looks at files answers; it raises where that process ends."""
    said = {"path": str(path), **more}
    answer = apart.ask({"inspector": name, "settings": {}, "subject": said}, path.stat().st_size)
    assert "found" in answer or "memory" in answer.get("error", ""), answer
    return answer


@pytest.mark.parametrize("name", [*made.FILES, "blocks.gguf"])
def test_every_format_is_read_in_little_memory(apart, originals, tmp_path, name):
    for each, raw in originals.items():
        (tmp_path / each).write_bytes(raw)
    assert looked(apart, tmp_path / name) == {"found": [], "more": 0}


@pytest.mark.parametrize("name", [*made.FILES, "blocks.gguf"])
@how(max_examples=40, deadline=None, suppress_health_check=LOOKS)
@given(st.data())
def test_a_file_changed_anywhere_takes_nobody_down(apart, originals, tmp_path, name, data):
    for each, raw in originals.items():
        (tmp_path / each).write_bytes(raw)
    changed = bytearray(originals[name])
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(changed) - 1))
        word = data.draw(st.binary(min_size=1, max_size=8))
        changed[at : at + len(word)] = word
    (tmp_path / name).write_bytes(changed)
    looked(apart, tmp_path / name)
    looked(apart, tmp_path / name, "parent_difference", parent=str(tmp_path / "net.h5"))


@pytest.mark.parametrize("name", [name for name in made.FILES if name != "beside.onnx"])
@how(max_examples=10, deadline=None, suppress_health_check=LOOKS)
@given(share=st.floats(0.05, 0.95))
def test_a_file_that_is_cut_off_is_told(apart, originals, tmp_path, name, share):
    raw = originals[name]
    (tmp_path / name).write_bytes(raw[: int(share * len(raw))])
    answers = [looked(apart, tmp_path / name, one) for one in ("tensor_values", "file_structure")]
    assert any("error" in one or one["found"] for one in answers)


@how(max_examples=40, deadline=None, suppress_health_check=LOOKS)
@given(
    shape=st.lists(st.integers(0, 1 << 50), max_size=4),
    kind=st.integers(0, 45),
    offset=st.integers(0, 1 << 63),
)
def test_a_gguf_header_may_say_anything(apart, tmp_path, shape, kind, offset):
    file = made.gguf_by_hand(("a", shape, kind, offset), data=np.random.default_rng(0).bytes(4_096))
    (tmp_path / "net.gguf").write_bytes(file)
    looked(apart, tmp_path / "net.gguf")


@how(max_examples=40, deadline=None, suppress_health_check=LOOKS)
@given(
    dims=st.lists(st.integers(-1, 1 << 50), max_size=4),
    kind=st.integers(0, 30),
    raw=st.binary(max_size=64),
    location=st.text(max_size=40),
    offset=st.text("0123456789-x", max_size=30),
)
def test_an_onnx_tensor_may_say_anything(apart, tmp_path, dims, kind, raw, location, offset):
    from onnx import TensorProto

    (tmp_path / "numbers").write_bytes(bytes(64))
    inline = TensorProto(name="a", data_type=kind, dims=dims, raw_data=raw)
    other = made.outside("b", location or "numbers", dims[:2], offset=offset)
    for at, one in enumerate((inline, other)):
        path = tmp_path / f"{at}.onnx"
        path.write_bytes(made.model(one).SerializeToString())
        looked(apart, path)


def with_nan(name):
    found = made.tensors()
    found["l.3.w"][5, 7] = np.nan
    return found


@pytest.mark.parametrize("name", made.FILES)
def test_what_is_no_number_is_told_in_every_format(apart, tmp_path, name):
    made.FILES[name](tmp_path / name, with_nan(name))
    found = looked(apart, tmp_path / name)["found"]
    assert [one["reason"] for one in found] == ["it holds NaN, 1 of 16,384 numbers"]


@pytest.mark.parametrize("name", made.FILES)
def test_an_edit_of_one_matrix_is_told_in_every_format(apart, tmp_path, name):
    old, new = made.tensors(), made.tensors()
    step = np.outer(*(np.random.default_rng(1).standard_normal(n) for n in (64, 256)))
    new["l.3.w"] += (0.005 * step).astype("f4")
    for folder, found in (("old", old), ("new", new)):
        (tmp_path / folder).mkdir()
        made.FILES[name](tmp_path / folder / name, found)
    parent = str(tmp_path / "old" / name)
    found = looked(apart, tmp_path / "new" / name, "parent_difference", parent=parent)["found"]
    assert [one["severity"] for one in found] == ["critical"]
    assert "effective rank 1" in found[0]["reason"]


@pytest.mark.parametrize("kind", ["Q4_0", "Q8_0"])
def test_a_scale_of_a_block_that_was_turned_over_is_told(apart, tmp_path, kind):
    found = made.tensors()
    found["l.3.w"][5, 32:64] *= 4_000
    made.gguf(tmp_path / "net.gguf", found, kind)
    parts = [one["part"] for one in looked(apart, tmp_path / "net.gguf")["found"]]
    assert "tensor l.3.w" in parts


def test_trained_weights_in_blocks_are_silent(apart, tmp_path):
    for kind in ("Q4_0", "Q5_1", "Q8_0", "BF16"):
        made.gguf(tmp_path / "net.gguf", made.tensors(), kind)
        assert looked(apart, tmp_path / "net.gguf")["found"] == []
