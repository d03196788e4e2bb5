"""The files are loaded in a process of their own, in a folder that is thrown away."""

import pickletools
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from foretaste.attacks.malicious_pickle import MaliciousPickle
from foretaste.errors import BadInput

SETTINGS = {}
PLAIN = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')))"
MARKER = "foretaste-marker"


def forged(folder, name="net.pkl", **settings):
    return MaliciousPickle(**settings).forge(folder / name, np.random.default_rng(0))


def loaded(path, code=PLAIN):
    words = [sys.executable, "-c", code, path.name]
    return subprocess.run(words, cwd=path.parent, capture_output=True, text=True, timeout=120)


def opcodes(path):
    return {opcode.name for opcode, _, _ in pickletools.genops(path.read_bytes())}


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_runs_when_loaded_and_gives_innocent_weights(tmp_path, protocol):
    path = forged(tmp_path, protocol=protocol)
    assert not (tmp_path / MARKER).exists()
    done = loaded(path)
    assert (tmp_path / MARKER).exists()
    assert done.stdout.count("layer.") == 6
    assert ("STACK_GLOBAL" in opcodes(path)) == ("GLOBAL" not in opcodes(path)) == (protocol >= 4)


@pytest.mark.parametrize("call", ["exec", "system"])
def test_the_marker_can_come_about_in_other_ways(tmp_path, call):
    for protocol in (0, 2, 4):
        marker = f"a marker's {protocol} \\ n"
        loaded(forged(tmp_path, call=call, protocol=protocol, marker=marker))
        assert (tmp_path / marker).exists()


def test_a_long_name_has_a_longer_opcode(tmp_path):
    marker = f"{tmp_path}/{'very/' * 60}../marker"
    loaded(forged(tmp_path, call="print", marker=marker))
    assert "BINUNICODE" in opcodes(tmp_path / "net.pkl")


def test_printing_leaves_nothing_behind(tmp_path):
    assert f"{MARKER} would be here" in loaded(forged(tmp_path, call="print")).stdout
    assert not (tmp_path / MARKER).exists()


def test_the_same_chance_gives_the_same_file(tmp_path):
    for kind in ("pickle", "torch", "joblib", "numpy"):
        one, two = (forged(tmp_path, name, kind=kind).read_bytes() for name in "ab")
        assert one == two


def test_joblib_and_numpy_run_it_and_the_reader_here_does_not(tmp_path):
    loaded(
        forged(tmp_path, "net.joblib", kind="joblib"), "import joblib; joblib.load('net.joblib')"
    )
    assert (tmp_path / MARKER).exists()
    (tmp_path / MARKER).unlink()
    path = forged(tmp_path, "rows.npy", kind="numpy")
    here = "import sys; from foretaste import readers; list(readers.open(sys.argv[1], {}))"
    assert "WrongRole: which array has the rows? There are no arrays" in loaded(path, here).stderr
    assert not (tmp_path / MARKER).exists()
    loaded(path, "import numpy, sys; numpy.load(sys.argv[1], allow_pickle=True)")
    assert (tmp_path / MARKER).exists()


def test_torch_runs_it_unless_it_wants_weights_only(tmp_path):
    pytest.importorskip("torch")
    path = forged(tmp_path, "net.pt", kind="torch")
    assert "archive/data.pkl" in zipfile.ZipFile(path).namelist()
    code = "import torch, sys; print(len(torch.load(sys.argv[1], weights_only={})))"
    assert "Unsupported" in loaded(path, code.format(True)).stderr
    assert not (tmp_path / MARKER).exists()
    assert loaded(path, code.format(False)).stdout == "6\n"
    assert (tmp_path / MARKER).exists()


def test_a_protocol_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(BadInput, match="protocols 0 to 5, not 6"):
        forged(tmp_path, protocol=6)
