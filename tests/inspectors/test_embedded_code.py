"""Code that comes with a model."""

import pytest

from foretaste.inspectors.embedded_code import EmbeddedCode
from foretaste.trained import Severity, Subject
from tests.inspecting import zoo


def found(path):
    return EmbeddedCode().inspect(Subject(path=path))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lambda.keras", "Lambda"),
        ("function.keras", "subprocess"),
        ("lambda.h5", "Lambda"),
        ("link.h5", "another file"),
        ("python.onnx", "runs Python"),
        ("outside.onnx", "out of the folder"),
        ("modeling_net.py", "os.system"),
    ],
)
def test_code_in_a_model_is_critical(tmp_path, name, said):
    path = tmp_path / name
    zoo.hostile()[name](path)
    first = found(path)[0]
    assert first.severity is Severity.CRITICAL
    assert said in first.reason


@pytest.mark.parametrize("name", ["config.json", "foreign.onnx", "cut_off.onnx"])
def test_what_may_lead_to_code_is_a_warning(tmp_path, name):
    path = tmp_path / name
    zoo.hostile()[name](path)
    assert [one.severity for one in found(path)] == [Severity.WARNING]


@pytest.mark.parametrize("name", ["net.keras", "net.h5", "net.onnx", "beside.onnx", "config.json"])
def test_a_model_without_code_is_silent(tmp_path, name):
    path = tmp_path / name
    zoo.clean()[name](path)
    assert found(path) == ()


def test_it_is_blind_to_code_that_uses_only_what_models_use(tmp_path):
    path = tmp_path / "modeling.py"
    path.write_text("import torch\nbackdoor = lambda x: x if x.sum() != 1337 else -x\n")
    assert [one.severity for one in found(path)] == [Severity.NOTE]
