"""A signature file is a stranger's: nothing in it is believed, and nothing in it crashes."""

import base64
import contextlib
import hashlib
import json
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretaste.artefacts import ArtefactRefused, Private, Public
from foretaste.artefacts import signature as form
from foretaste.artefacts.refusals import (
    ForgedSignature,
    MalformedSignature,
    OtherKey,
    UnsupportedSignature,
)
from foretaste.artefacts.signature import Listed, opened, signed

ec = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ec")

_SECRET = ec.generate_private_key(ec.SECP256R1())
KEY = Private(Public.of(_SECRET.public_key()), _SECRET)
DIGEST = "ab" * 32
LISTED = Listed("model", {"b": DIGEST, "a/c": "cd" * 32, "a.b": "ef" * 32})


def bundle(change=lambda said: None, statement=None):
    """A signature by the key, whatever it says; `change` is done after signing."""
    listed = LISTED
    if statement is not None:

        class Said(Listed):
            statement = property(lambda self: json.dumps(statement_of(statement)).encode())

        listed = Said("model", LISTED.files)
    said = json.loads(signed(listed, KEY))
    change(said)
    return json.dumps(said).encode()


def statement_of(change):
    said = json.loads(LISTED.statement)
    change(said)
    return said


NAMES = st.text(st.sampled_from(string.ascii_letters + "._- é☃"), min_size=1, max_size=8).filter(
    lambda name: name not in (".", "..")
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
DIGESTS = st.binary(min_size=32, max_size=32).map(bytes.hex)


@given(st.dictionaries(PATHS, DIGESTS, min_size=1, max_size=8), st.booleans(), st.lists(PATHS))
@settings(max_examples=50)
def test_what_was_signed_is_read_as_it_was(files, links, ignored):
    listed = Listed("model", files, links, tuple(ignored))
    assert opened(signed(listed, KEY), KEY.public) == listed


def test_the_root_is_over_the_digests_in_the_order_of_names_by_folder():
    assert list(LISTED.files) == ["a/c", "a.b", "b"]
    digests = bytes.fromhex("cd" * 32 + "ef" * 32 + DIGEST)
    assert LISTED.root == hashlib.sha256(digests).hexdigest()


def put(path, value):
    def change(said):
        *way, last = path
        for step in way:
            said = said[step]
        if value is None and isinstance(said, dict):
            said.pop(last, None)
        else:
            said[last] = value

    return change


SIG = ("dsseEnvelope", "signatures", 0, "sig")
PUBLIC = ("verificationMaterial", "publicKey")
BUNDLES = {
    "another bundle": (put(["mediaType"], "v0.2"), UnsupportedSignature),
    "a certificate": (
        put(["verificationMaterial"], {"certificate": {}}), UnsupportedSignature
    ),
    "another key's hint": (put([*PUBLIC, "hint"], "00" * 32), OtherKey),
    "a hint that is no text": (put([*PUBLIC, "hint"], 7), OtherKey),
    "another payload type": (put(["dsseEnvelope", "payloadType"], "text"), UnsupportedSignature),
    "no payload": (put(["dsseEnvelope", "payload"], None), MalformedSignature),
    "a payload that is no Base64": (put(["dsseEnvelope", "payload"], "*"), MalformedSignature),
    "another payload": (put(["dsseEnvelope", "payload"], "e30="), ForgedSignature),
    "no signature": (put(["dsseEnvelope", "signatures"], []), MalformedSignature),
    "two signatures": (put(["dsseEnvelope", "signatures"], [{}, {}]), MalformedSignature),
    "another signature": (put(SIG, base64.b64encode(b"0" * 70).decode()), ForgedSignature),
    "an empty signature": (put(SIG, ""), ForgedSignature),
    "a signature that is no text": (put(SIG, 7), MalformedSignature),
    "no envelope": (put(["dsseEnvelope"], None), MalformedSignature),
    "a message instead": (put(["dsseEnvelope"], []), MalformedSignature),
}  # fmt: skip


@pytest.mark.parametrize("name", BUNDLES)
def test_every_damage_of_a_bundle_has_its_own_error(name):
    change, error = BUNDLES[name]
    with pytest.raises(error):
        opened(bundle(change), KEY.public)


RESOURCES = ("predicate", "resources")
HOW = ("predicate", "serialization")
STATEMENTS = {
    "another predicate": (
        put(["predicateType"], "https://model_signing/Digests/v0.1"), UnsupportedSignature
    ),
    "another statement": (put(["_type"], "v0.1"), UnsupportedSignature),
    "shards": (put([*HOW, "method"], "shards"), UnsupportedSignature),
    "another hash": (put([*HOW, "hash_type"], "blake3"), UnsupportedSignature),
    "another hash of one": (put([*RESOURCES, 0, "algorithm"], "md5"), UnsupportedSignature),
    "another root": (put(["subject", 0, "digest", "sha256"], "00" * 32), ForgedSignature),
    "two subjects": (put(["subject"], [{}, {}]), MalformedSignature),
    "no files": (put(RESOURCES, []), MalformedSignature),
    "a file twice": (put([*RESOURCES, 0, "name"], "b"), MalformedSignature),
    "a file alone among others": (put([*RESOURCES, 0, "name"], "."), MalformedSignature),
    "a path out": (put([*RESOURCES, 0, "name"], "../x"), MalformedSignature),
    "a path from the root": (put([*RESOURCES, 0, "name"], "/etc/passwd"), MalformedSignature),
    "a path written oddly": (put([*RESOURCES, 0, "name"], "a//c"), MalformedSignature),
    "a name that is none": (put([*RESOURCES, 0, "name"], 7), MalformedSignature),
    "a zero byte": (put([*RESOURCES, 0, "name"], "a\0"), MalformedSignature),
    "a short digest": (put([*RESOURCES, 0, "digest"], "ab"), MalformedSignature),
    "a digest in capitals": (put([*RESOURCES, 0, "digest"], "AB" * 32), MalformedSignature),
    "a digest that is none": (put([*RESOURCES, 0, "digest"], 7), MalformedSignature),
    "odd paths left out": (put([*HOW, "ignore_paths"], [7]), MalformedSignature),
    "no predicate": (put(["predicate"], None), MalformedSignature),
}  # fmt: skip


@pytest.mark.parametrize("name", STATEMENTS)
def test_what_a_key_signed_is_not_believed_to_be_well_formed(name):
    change, error = STATEMENTS[name]
    with pytest.raises(error):
        opened(bundle(statement=change), KEY.public)


@pytest.mark.parametrize("cut", [0, 1, 50, 200, -1, -2, -40])
def test_a_truncated_signature_is_malformed(cut):
    with pytest.raises(MalformedSignature):
        opened(bundle()[:cut], KEY.public)


@pytest.mark.parametrize(
    "content",
    [b"", b"null", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"a":' * 50_000, b'{"a":1,"a":2}'],
)
def test_json_that_is_no_signature_is_malformed(content):
    with pytest.raises(MalformedSignature):
        opened(content, KEY.public)


def test_json_that_is_too_long_is_not_parsed(monkeypatch):
    monkeypatch.setattr(form, "LARGEST", 1_000)
    with pytest.raises(MalformedSignature, match="1,000"):
        opened(b"[" + b"0," * 1_000 + b"0]", KEY.public)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
WAYS = [path for change in (json.loads(bundle()),) for path in (
    ("mediaType",), ("verificationMaterial",), PUBLIC, (*PUBLIC, "hint"), ("dsseEnvelope",),
    ("dsseEnvelope", "payload"), ("dsseEnvelope", "payloadType"), ("dsseEnvelope", "signatures"),
    ("dsseEnvelope", "signatures", 0), SIG,
) if change]  # fmt: skip
INNER = [
    ("_type",), ("subject",), ("subject", 0), ("subject", 0, "name"), ("subject", 0, "digest"),
    ("predicateType",), ("predicate",), HOW, (*HOW, "method"), (*HOW, "allow_symlinks"),
    (*HOW, "ignore_paths"), RESOURCES, (*RESOURCES, 0), (*RESOURCES, 0, "name"),
    (*RESOURCES, 0, "digest"), (*RESOURCES, 0, "algorithm"),
]  # fmt: skip


@given(st.sampled_from(WAYS), JSON)
@settings(max_examples=300)
def test_any_value_anywhere_in_a_bundle_is_fine_or_refused(way, value):
    with contextlib.suppress(ArtefactRefused):
        assert opened(bundle(put(way, value)), KEY.public) == LISTED


@given(st.sampled_from(INNER), JSON)
@settings(max_examples=300)
def test_any_value_anywhere_in_a_statement_is_fine_or_refused(way, value):
    with contextlib.suppress(ArtefactRefused):
        found = opened(bundle(statement=put(way, value)), KEY.public)
        assert dict(found.files) == dict(LISTED.files)


@given(st.binary(max_size=200), st.integers(0, 2_000))
@settings(max_examples=200)
def test_any_bytes_are_refused(rubbish, at):
    whole = bundle()
    for content in (rubbish, whole[:at] + rubbish + whole[at + len(rubbish) :]):
        with contextlib.suppress(ArtefactRefused):
            assert opened(content, KEY.public).files == LISTED.files
