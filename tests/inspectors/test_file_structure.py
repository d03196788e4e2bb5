"""Files that are not what they say they are."""

import json

import pytest

from foretaste.inspectors.file_structure import FileStructure
from foretaste.trained import Severity, Subject
from tests.inspecting import zoo


def found(path):
    return FileStructure().inspect(Subject(path=path))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("huge.safetensors", "4,611,686,018,427,387,904 bytes"),
        ("overlap.safetensors", "overlaps"),
        ("hole.safetensors", "belong to none"),
        ("twice.safetensors", "more than once"),
        ("extent.safetensors", "takes 4,398,046,511,104 bytes"),
        ("deep.safetensors", "brackets deep"),
    ],
)
def test_a_header_that_lies_is_told(tmp_path, name, said):
    path = tmp_path / name
    path.write_bytes(zoo.HEADERS[name])
    first = found(path)[0]
    assert first.severity is Severity.CRITICAL
    assert said in first.reason


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bomb.pt", "decompression bomb"),
        ("overlapping.pt", "overlap"),
        ("locked.pt", "encrypted"),
        ("two_faced.pt", "another name"),
        ("leads_out.npz", "lead out"),
    ],
)
def test_an_archive_that_lies_is_told(tmp_path, name, said):
    path = tmp_path / name
    path.write_bytes(zoo.ARCHIVES[name])
    assert any(said in one.reason for one in found(path) if one.severity is Severity.CRITICAL)


def test_a_file_that_is_two_things_is_told(tmp_path):
    path = tmp_path / "net.gguf"
    path.write_bytes(zoo.gguf(zoo.TURNS) + zoo.torch_zip(zoo.INNER))
    assert [one.reason for one in found(path)] == [
        "begins as GGUF and ends as a zip archive: two programs read two things"
    ]


def test_an_empty_tensor_and_metadata_are_no_fault(tmp_path):
    said = {"__metadata__": {"a": "b"}, "none": zoo.tensor(0, 0, (0, 3)), "a": zoo.tensor(0, 8)}
    path = tmp_path / "net.safetensors"
    path.write_bytes(zoo.header(json.dumps(said).encode() + b"   ", bytes(8)))
    assert found(path) == ()


def test_it_is_blind_to_what_well_formed_tensors_hold(tmp_path):
    path = tmp_path / "net.safetensors"
    path.write_bytes(zoo.with_nan())
    assert found(path) == ()
