"""Numbers that training does not leave in a model."""

import numpy as np
import pytest
import safetensors.numpy
import torch

from foretaste.checkpoints.weights import weights
from foretaste.inspectors.tensor_values import TensorValues
from foretaste.trained import Severity, Subject


@pytest.fixture
def layers():
    rng = np.random.default_rng(0)
    return {f"l.{i}.w": 0.02 * rng.standard_normal((64, 128)).astype("f4") for i in range(8)}


def found(tmp_path, tensors):
    path = tmp_path / "net.safetensors"
    safetensors.numpy.save_file(tensors, path)
    return TensorValues().inspect(Subject(path=path))


def test_trained_weights_are_silent(tmp_path, layers):
    layers["norm.bias"] = np.zeros(64, "f4")
    layers["mask"] = np.where(np.tri(16) > 0, 0, -np.inf).astype("f4")
    assert found(tmp_path, layers) == ()


def test_what_is_no_number_is_told(tmp_path, layers):
    layers["l.2.w"][3, :2] = np.nan
    layers["l.4.w"][0, 0] = np.inf
    reasons = {one.part: one.reason for one in found(tmp_path, layers)}
    assert reasons == {
        "tensor l.2.w": "it holds NaN, 2 of 8,192 numbers",
        "tensor l.4.w": "it holds infinity, 1 of 8,192 numbers",
    }


def test_an_exponent_turned_over_is_told_with_its_scale(tmp_path, layers):
    layers["l.3.w"][5, 7] *= np.float32(2.0**90)
    first = found(tmp_path, layers)[0]
    assert first.part == "tensor l.3.w"
    assert first.severity is Severity.WARNING
    assert first.score > 1e20


def test_a_row_out_of_scale_is_named(tmp_path, layers):
    layers["l.3.w"][5] *= 300
    reasons = [one.reason for one in found(tmp_path, layers)]
    assert any("row 5 is out of scale" in reason for reason in reasons)


def test_a_tensor_is_held_against_its_kind(tmp_path, layers):
    layers["l.3.w"] *= 100
    parts = [one.part for one in found(tmp_path, layers)]
    assert parts == ["tensor l.3.w"]


def test_it_is_blind_to_a_backdoor_that_fits_among_the_weights(tmp_path, layers):
    layers["l.3.w"][5, :16] += 0.05
    assert found(tmp_path, layers) == ()


def test_tensors_of_torch_files_are_read_without_loading_them(tmp_path):
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 2), torch.nn.Linear(4, 2).bfloat16())
    for name, value in {"state.pt": net.state_dict(), "whole.pt": net}.items():
        torch.save(value, tmp_path / name)
        read = {one.name: one.matrix() for one in weights(tmp_path / name)}
        for key, wanted in net.state_dict().items():
            np.testing.assert_array_equal(read[key].ravel(), wanted.float().numpy().ravel())


def test_a_torch_tensor_that_reads_beyond_its_storage_is_told(tmp_path):
    path = tmp_path / "net.pt"
    torch.save({"a": torch.ones(4)}, path)
    raw = path.read_bytes()
    assert TensorValues().inspect(Subject(path=path)) == ()
    at = raw.index(b"K\x04\x85")  # the shape (4,)
    path.write_bytes(raw[: at + 1] + b"\xf0" + raw[at + 2 :])
    assert "reaches beyond" in TensorValues().inspect(Subject(path=path))[0].reason


def test_what_is_not_read_is_said(tmp_path):
    path = tmp_path / "net.npz"
    np.savez_compressed(path, a=np.ones(9))
    found = TensorValues().inspect(Subject(path=path))
    assert [one.severity for one in found] == [Severity.NOTE]
