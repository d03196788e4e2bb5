import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretaste.ledger.keys import LOG, WITNESS, SigningKey
from foretaste.ledger.refusals import UnknownSigner
from foretaste.origin.batches import owned, sign
from foretaste.origin.providers import Entry, Registry, entries, registered, write
from foretaste.origin.refusals import (
    KeyExpired,
    KeyNotYetValid,
    KeyRevoked,
    MalformedRegistry,
    UnlistedProvider,
)
from foretaste.origin.statement import REGISTRY

KEY = SigningKey("acme", LOG, bytes(range(32)))
VKEY = KEY.verifier.text


def pem(key):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = Ed25519PublicKey.from_public_bytes(key.verifier.public)
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def test_toml_json_and_pem_say_the_same(tmp_path):
    toml, jsoned = tmp_path / "providers.toml", tmp_path / "providers.json"
    toml.write_text(
        f'schema = 1\n[[providers]]\nname = "acme"\nkey = "{VKEY}"\n'
        'sources = ["acme-eu"]\nvalid_until = 2030-01-01T00:00:00Z\n'
    )
    said = {
        "name": "acme", "key": pem(KEY), "sources": ["acme-eu"],
        "valid_until": "2030-01-01T00:00:00Z",
    }  # fmt: skip
    jsoned.write_text(json.dumps({"schema": 1, "providers": [said]}))
    assert Registry.read(toml) == Registry.read(jsoned)
    assert Registry.read(toml).registered == {"acme-eu"}


def test_what_is_written_reads_as_the_same(tmp_path):
    told = (Entry(name="acme", key=VKEY, revoked="2026-01-01T00:00:00Z"),)
    write(tmp_path / "providers.json", told)
    assert entries(tmp_path / "providers.json") == told


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ({"revoked": True}, KeyRevoked),
        ({"revoked": "2020-01-01T00:00:00Z"}, KeyRevoked),
        ({"valid_until": "2020-01-01T00:00:00Z"}, KeyExpired),
        ({"valid_from": "2999-01-01T00:00:00Z"}, KeyNotYetValid),
    ],
)
def test_a_key_counts_for_its_time_only(tmp_path, entry, error):
    write(tmp_path / "p.json", [Entry(name="acme", key=VKEY, **entry)])
    with pytest.raises(error):
        Registry.read(tmp_path / "p.json").providers[0].check_time(time.time())


@pytest.mark.parametrize(
    "entry",
    [
        {"key": "nonsense"},
        {"key": SigningKey.new("other").verifier.text},
        {"key": SigningKey.new("acme", WITNESS).verifier.text},
        {"key": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"},
        {"key": VKEY, "valid_from": "2026-01-01T00:00:00"},
        {"key": VKEY, "trusted": True},
        {"key": "x" * 5_000},
    ],
)
def test_a_list_that_makes_no_sense_is_refused(tmp_path, entry):
    path = tmp_path / "p.json"
    path.write_text(json.dumps({"schema": 1, "providers": [{"name": "acme", **entry}]}))
    with pytest.raises(MalformedRegistry):
        Registry.read(path)


@given(st.binary(max_size=300))
def test_no_bytes_whatever_crash_the_reader(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("p") / "p.json"
    path.write_bytes(content)
    with pytest.raises(MalformedRegistry):
        Registry.read(path)


def test_a_key_that_stands_there_twice_is_refused(tmp_path):
    """Or the second entry would undo what the first revoked."""
    one = {"name": "acme", "key": VKEY}
    said = {"schema": 1, "providers": [{**one, "revoked": True}, one]}
    (tmp_path / "p.json").write_text(json.dumps(said))
    with pytest.raises(MalformedRegistry, match="twice"):
        Registry.read(tmp_path / "p.json")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(MalformedRegistry, match="cannot be read"):
        Registry.read(tmp_path / "none.json")


def test_a_list_counts_only_as_its_owner_signed_it(tmp_path):
    owner, path = SigningKey.new("owner"), tmp_path / "p.json"
    write(path, [Entry(name="acme", key=VKEY)])
    with pytest.raises(MalformedRegistry, match="not signed by its owner"):
        owned(path, owner.verifier)
    sign(path, owner, 0, kind=REGISTRY)
    assert owned(path, owner.verifier).registered == {"acme"}
    write(path, [Entry(name="evil", key=SigningKey.new("evil").verifier.text)])
    with pytest.raises(MalformedRegistry, match="not the list"):
        owned(path, owner.verifier)
    sign(path, SigningKey.new("owner"), 0, kind=REGISTRY)
    with pytest.raises(UnknownSigner):
        owned(path, owner.verifier)


def test_a_batch_that_the_owner_signed_does_not_pass_for_a_list(tmp_path):
    owner, path = SigningKey.new("owner"), tmp_path / "p.json"
    write(path, [Entry(name="acme", key=VKEY)])
    sign(path, owner, 0)
    with pytest.raises(MalformedRegistry, match="another kind"):
        owned(path, owner.verifier)


def test_a_key_of_which_the_ledger_does_not_know_is_refused(tmp_path):
    write(tmp_path / "p.json", [Entry(name="acme", key=VKEY)])
    known = Registry.read(tmp_path / "p.json")
    known.check_listed([registered(known.providers[0])])
    with pytest.raises(UnlistedProvider, match="acme"):
        known.check_listed([])
