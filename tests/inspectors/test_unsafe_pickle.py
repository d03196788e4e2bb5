"""What pickles would run is told, and what only builds data is not accused."""

import pickle

import numpy as np
import pytest

from foretaste.attacks.malicious_pickle import MaliciousPickle
from foretaste.checkpoints.imports import Trust, trust
from foretaste.checkpoints.standins import Name
from foretaste.inspectors.unsafe_pickle import UnsafePickle
from foretaste.trained import Severity, Subject
from tests.inspecting import zoo


def found(path):
    return UnsafePickle().inspect(Subject(path=path))


@pytest.mark.parametrize("kind", ["pickle", "torch", "joblib", "numpy"])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_what_it_would_run_is_named_and_does_not_run(tmp_path, monkeypatch, kind, protocol):
    monkeypatch.chdir(tmp_path)
    attack = MaliciousPickle(kind=kind, protocol=protocol, call="system")
    path = attack.forge(tmp_path / "net", np.random.default_rng(0))
    first = found(path)[0]
    assert first.severity is Severity.CRITICAL
    assert "os.system" in first.reason
    assert not (tmp_path / zoo.MARKER).exists()


def test_plain_data_is_silent(tmp_path):
    path = tmp_path / "net.pkl"
    path.write_bytes(pickle.dumps({"weight": np.ones((3, 3)), "name": "net", "at": (1, None)}))
    assert found(path) == ()


def test_an_unknown_name_is_not_safe(tmp_path):
    path = tmp_path / "net.pkl"
    path.write_bytes(zoo.PICKLES["unknown.pkl"])
    assert [one.severity for one in found(path)] == [Severity.WARNING]


def test_it_is_blind_to_what_trusted_classes_do_with_their_numbers(tmp_path):
    body = zoo.text("sklearn.tree._tree") + zoo.text("Tree") + b"\x93)R"
    path = tmp_path / "net.pkl"
    path.write_bytes(zoo.pickled(body))
    assert found(path) == ()


@pytest.mark.parametrize(
    ("module", "name", "wanted"),
    [
        ("torch._utils", "_rebuild_tensor_v2", Trust.SAFE),
        ("numpy.core.multiarray", "_reconstruct", Trust.SAFE),
        ("sklearn.linear_model._logistic", "LogisticRegression", Trust.SAFE),
        ("sklearn.datasets", "load_files", Trust.UNKNOWN),
        ("__builtin__", "eval", Trust.DANGEROUS),
        ("builtins", "ValueError", Trust.UNKNOWN),
        ("numpy", "load", Trust.DANGEROUS),
        ("torch.hub", "load", Trust.DANGEROUS),
        ("sklearn.base", "BaseEstimator.__init__.__globals__", Trust.DANGEROUS),
        ("posix", "system", Trust.DANGEROUS),
    ],
)
def test_names_are_trusted_as_far_as_they_are_known(module, name, wanted):
    assert trust(Name(module, name, 0)) is wanted
