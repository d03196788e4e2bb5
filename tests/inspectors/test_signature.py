"""Whether a model was signed by whom one trusts."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from foretaste.errors import BadInput
from foretaste.inspectors.signature import Signature
from foretaste.trained import Severity, Subject


@pytest.fixture
def signed(tmp_path):
    """A model, the key that may sign it, and where they lie."""
    (tmp_path / "net").write_bytes(b"weights")
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(pem)

    def subject(message, path=tmp_path / "net"):
        (tmp_path / "net.sig").write_bytes(private.sign(message))
        return Subject(path=path, key=tmp_path / "key.pem", signature=tmp_path / "net.sig")

    return subject


def test_a_signature_over_the_digest_or_the_file_fits(signed):
    assert Signature().inspect(signed(hashlib.sha256(b"weights").hexdigest().encode())) == ()
    assert Signature().inspect(signed(b"weights")) == ()


def test_a_changed_file_is_told(signed, tmp_path):
    subject = signed(b"weights")
    (tmp_path / "net").write_bytes(b"weightz")
    [found] = Signature().inspect(subject)
    assert found.severity is Severity.CRITICAL
    assert "not signed by the key" in found.reason


def test_a_signature_of_another_length_and_another_kind_of_key_are_said(signed, tmp_path):
    subject = signed(b"weights")
    (tmp_path / "net.sig").write_bytes(b"short")
    with pytest.raises(BadInput, match="an Ed25519 signature has 64"):
        Signature().inspect(subject)
    other = X25519PrivateKey.generate().public_key()
    pem = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(pem)
    with pytest.raises(BadInput, match="wanted is an Ed25519 public key"):
        Signature().inspect(subject)
