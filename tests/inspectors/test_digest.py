"""Whether a model is the file it should be."""

import hashlib
import subprocess

import pytest

from foretaste.errors import BadInput
from foretaste.inspectors.digest import Digest
from foretaste.trained import Severity, Subject


def test_the_right_digest_is_silent_and_another_is_told(tmp_path):
    path = tmp_path / "net"
    path.write_bytes(b"weights")
    right = hashlib.sha256(b"weights").hexdigest()
    assert Digest().inspect(Subject(path=path, digest=f"SHA256:{right}".upper())) == ()
    found = Digest().inspect(Subject(path=path, digest="0" * 64))
    assert found[0].severity is Severity.CRITICAL
    assert right in found[0].reason


def test_the_digest_of_a_folder_is_that_of_what_sha256sum_prints(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "net").write_bytes(b"weights")
    (tmp_path / "config.json").write_bytes(b"{}")
    command = "sha256sum b/net config.json | sha256sum"
    said = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, check=True)
    right = said.stdout.decode().split()[0]
    assert Digest().inspect(Subject(path=tmp_path, digest=right)) == ()


def test_what_is_no_digest_is_said(tmp_path):
    with pytest.raises(BadInput, match="64 hexadecimal digits"):
        Digest().inspect(Subject(path=tmp_path, digest="abc"))
