"""Nothing of a hostile file runs, none of them passes, and no clean file is accused."""

import gzip
import io
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from foretaste import inspect, registry
from foretaste.inspecting.apart import Limits
from foretaste.inspecting.opening import Opened
from foretaste.inspecting.run import inspect_model
from foretaste.record import Verdict
from foretaste.trained import Severity, Subject
from tests.inspecting import zoo

LOOKS = [
    name
    for name in registry.names("inspectors")
    if registry.component("inspectors", name).needs == ("path",)
]
SURE = (  # an attack for certain, not only broken or unknown
    "forged_ nested getattr inst obj old_name computed_name dotted dunder partial methodcaller "
    "runpy ctypes torch_load second after_junk broken_after in_array packed objects whole "
    "other_entry no_suffix_entry wrong_checksum old_torch named bomb overlapping "
    "locked two_faced leads_out huge "
    "overlap. hole rest zip_behind extent negative dtype twice deep metadata list escaped slipped "
    "ordered chat_template tokenizer_config modeling_net made_up lambda function link python "
    "outside"
).split()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Every hostile file, inspected as one folder from within that folder."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, write in zoo.hostile().items():
        write(folder / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        found = inspect(folder, inspectors=LOOKS)
    return folder, found


def test_nothing_of_a_hostile_file_runs(hostile):
    folder, _ = hostile
    assert not list(folder.rglob(zoo.MARKER))
    assert not Path(zoo.MARKER).exists()


def test_every_hostile_file_is_found(hostile):
    folder, found = hostile
    grave = {one.file for one in found.suspicions if one.severity is not Severity.NOTE}
    assert {path.name for path in folder.iterdir()} - grave == set()
    assert found.verdict is Verdict.POISONED


def test_an_attack_is_told_from_a_broken_file(hostile):
    folder, found = hostile
    critical = {one.file for one in found.suspicions if one.severity is Severity.CRITICAL}
    wanted = {path.name for path in folder.iterdir() if path.name.startswith(tuple(SURE))}
    assert wanted - critical == set()
    assert "cut_off.safetensors" not in critical


def test_no_inspector_fails_on_a_hostile_file(hostile):
    _, found = hostile
    assert [run.detail for run in found.inspectors if run.status == "failed"] == []


def test_clean_files_of_every_format_are_not_accused(tmp_path):
    for name, write in zoo.clean().items():
        write(tmp_path / name)
    found = inspect(tmp_path, inspectors=LOOKS)
    accused = [
        (one.file, one.inspector, one.reason)
        for one in found.suspicions
        if one.severity is not Severity.NOTE
    ]
    assert accused == []
    assert found.verdict is Verdict.CLEAN


def looked(path, *names):
    found = inspect_model(Subject(path=path), Opened(None, ""), names or LOOKS)
    assert all(run.status == "ran" for run in found.inspectors)
    return found


def each(path):
    """Every inspector in this process: hundreds of files would take too long apart."""
    subject = Subject(path=path)
    for name in LOOKS:
        for one in registry.build("inspectors", name).inspect(subject):
            assert one.part
            assert one.reason


@how(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.sampled_from(
        [
            b"",
            b"GGUF",
            b"\x80\x04",
            b"\x93NUMPY\x01\x00",
            b"PK\x03\x04",
            b"\x08\x0a\x12",
            b"{",
            b"(",
        ]
    ),
    rest=st.binary(max_size=200),
    suffix=st.sampled_from(["", ".pt", ".safetensors", ".pkl", ".onnx", ".json", ".py", ".npy"]),
)
def test_random_bytes_crash_nothing(tmp_path, start, rest, suffix):
    path = tmp_path / f"net{suffix}"
    path.write_bytes(start + rest)
    each(path)


KINDS = ["net.safetensors", "state.pt", "arrays.npz", "chat.gguf", "net.onnx", "forest_5.pkl"]


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder, files = tmp_path_factory.mktemp("clean"), zoo.clean()
    for name in KINDS:
        files[name](folder / name)
    return {name: (folder / name).read_bytes() for name in KINDS}


@how(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_clean_file_cut_or_changed_anywhere_crashes_nothing(tmp_path, originals, data):
    name = data.draw(st.sampled_from(KINDS))
    raw = bytearray(originals[name])
    for _ in range(data.draw(st.integers(0, 4))):
        raw[data.draw(st.integers(0, min(len(raw), 2_000) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    path = tmp_path / name
    path.write_bytes(raw[: cut if data.draw(st.booleans()) else len(raw)])
    each(path)


def test_a_file_that_is_cut_off_is_told(tmp_path, originals):
    for name in ("net.safetensors", "state.pt", "chat.gguf", "net.onnx", "forest_5.pkl"):
        path = tmp_path / name
        path.write_bytes(originals[name][:-25])
        assert looked(path).verdict is not Verdict.CLEAN, name


def test_a_bomb_in_a_bomb_is_not_unpacked(tmp_path):
    packed = gzip.compress(zlib.compress(bytes(50 << 20), 9) * 2_000, 1)
    path = tmp_path / "net.pkl"
    path.write_bytes(packed)
    found = looked(path, "unsafe_pickle")
    assert found.verdict is not Verdict.CLEAN


def test_an_archive_of_very_many_entries_is_told(tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for place in range(3_000):
            archive.writestr(f"archive/data/{place}", b"")
        archive.writestr("archive/data.pkl", zoo.INNER)
    path = tmp_path / "net.pt"
    path.write_bytes(packed.getvalue())
    assert looked(path).verdict is Verdict.POISONED


def test_what_takes_too_long_is_a_finding(tmp_path):
    path = tmp_path / "net.pkl"
    path.write_bytes(b"\x80\x04]" + b"Na" * 2_000_000 + b".")
    not_inspected(path, Limits(seconds=0.5, rate=1 << 40), "within")


def test_what_takes_too_much_memory_is_a_finding(tmp_path):
    path = tmp_path / "net.pkl"
    path.write_bytes(gzip.compress(bytes(range(256)) * 100_000))
    not_inspected(path, Limits(memory=200 << 20), "")


def not_inspected(path, limits, why):
    found = inspect_model(Subject(path=path), Opened(None, ""), ["unsafe_pickle"], limits)
    assert found.verdict is Verdict.DIRTY
    assert "could not be inspected" in found.suspicions[0].reason
    assert why in found.suspicions[0].reason
    assert found.inspectors[0].status == "failed"
