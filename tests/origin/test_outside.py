"""What a provider signed, checked by a program that is not ours."""

import base64
import json
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from foretaste.ledger.keys import LOG, SigningKey
from foretaste.origin.batches import sign
from foretaste.origin.records import signed

KEY = SigningKey("acme", LOG, bytes(range(32)))
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")


def verified(folder, said, signature):
    """Whether OpenSSL finds that the key signed these bytes."""
    public = Ed25519PublicKey.from_public_bytes(KEY.verifier.public)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for name, content in {"key": pem, "said": said, "signature": signature}.items():
        (folder / name).write_bytes(content)
    words = "openssl pkeyutl -verify -pubin -inkey key -rawin -in said -sigfile signature"
    return (
        subprocess.run(words.split(), cwd=folder, capture_output=True, check=False).returncode == 0
    )


def before(kind, payload):
    """DSSE's encoding, written out by its specification."""
    return b" ".join([b"DSSEv1", b"%d" % len(kind), kind.encode(), b"%d" % len(payload), payload])


@needs_openssl
def test_openssl_finds_that_a_file_was_signed_and_that_another_was_not(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text\nhello\n")
    envelope = json.loads(sign(path, KEY, 0).read_text())
    payload = base64.b64decode(envelope["payload"])
    signature = base64.b64decode(envelope["signatures"][0]["sig"])
    said = before(envelope["payloadType"], payload)
    assert verified(tmp_path, said, signature)
    assert not verified(tmp_path, said.replace(b'"sequence":0', b'"sequence":1'), signature)


@needs_openssl
def test_openssl_finds_that_a_record_was_signed_from_what_the_page_says(tmp_path):
    """The statement is put together here by hand, not by our code."""
    import hashlib

    row = signed({"id": "o-17", "amount": 12.5, "source": "acme"}, KEY, 17, 1.7e9)
    digest = hashlib.sha256(b'{"amount":12.5,"id":"o-17","source":"acme"}').hexdigest()
    payload = (
        '{"_type":"https://in-toto.io/Statement/v1","predicate":{"nonce":"","provider":"acme",'
        '"records":1,"sequence":17,"time":1700000000.0},"predicateType":'
        '"https://github.com/foretaste/foretaste/predicates/origin/v1","subject":[{"digest":'
        f'{{"sha256":"{digest}"}},"name":"record"}}]}}'
    ).encode()
    said = before("application/vnd.in-toto+json", payload)
    signature = base64.b64decode(row["signature"].split()[3])
    assert verified(tmp_path, said, signature)
    assert not verified(tmp_path, said[:-1] + b" ", signature)
