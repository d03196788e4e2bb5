"""OpenSSF's own tool verifies what Foretaste signed, and the other way round."""

import shutil

import pytest

from foretaste.artefacts import ContentDiffers, How, Private, Public, beside, sign, verify
from foretaste.artefacts.refusals import UnsupportedSignature

peer = pytest.importorskip("model_signing")

EVERYTHING = peer.hashing.Config().set_ignored_paths(paths=[], ignore_git_paths=False)


def peer_verifies(model, signature, public):
    """Raises `ValueError` where the peer is not content."""
    everything = peer.hashing.Config().set_ignored_paths(paths=[], ignore_git_paths=False)
    checking = peer.verifying.Config().use_elliptic_key_verifier(public_key=public)
    checking.set_hashing_config(everything).verify(model, signature)


def peer_signs(model, private, out, hashing):
    signing = peer.signing.Config().use_elliptic_key_signer(private_key=private)
    signing.set_hashing_config(hashing).sign(model, out)


@pytest.mark.parametrize("kind", ["p256", "p384", "p521"])
def test_the_peer_verifies_a_folder_that_was_signed_here(model, keys, kind):
    private, public = keys(kind)
    sign(model, Private.read(private))
    peer_verifies(model, beside(model), public)
    (model / ".git/hooks/run").write_bytes(b"other code")
    with pytest.raises(ValueError, match=r"\.git/hooks/run"):
        peer_verifies(model, beside(model), public)


def test_the_peer_verifies_one_file_that_was_signed_here(model, keys):
    private, public = keys()
    path = model / "model.safetensors"
    sign(path, Private.read(private))
    peer_verifies(path, beside(path), public)


def test_the_peer_verifies_a_signature_that_lies_in_the_folder(model, keys):
    private, public = keys()
    sign(model, Private.read(private), model / "model.sig")
    peer_verifies(model, model / "model.sig", public)


def test_the_peer_asks_no_settings_where_there_is_nothing_of_git(model, keys):
    private, public = keys()
    shutil.rmtree(model / ".git")
    (model / ".gitattributes").unlink()
    sign(model, Private.read(private))
    checking = peer.verifying.Config().use_elliptic_key_verifier(public_key=public)
    checking.verify(model, beside(model))


@pytest.mark.parametrize("kind", ["p256", "p384", "p521"])
def test_a_folder_that_the_peer_signed_verifies_here(model, keys, kind, tmp_path):
    private, public = keys(kind)
    peer_signs(model, private, tmp_path / "peer.sig", EVERYTHING)
    held = verify(model, tmp_path / "peer.sig", Public.read(public))
    ours = sign(model, Private.read(private))
    assert (held.root, held.listed.files) == (ours.root, ours.listed.files)


def test_one_file_that_the_peer_signed_verifies_here(model, keys, tmp_path):
    private, public = keys()
    path = model / "config.json"
    peer_signs(path, private, tmp_path / "peer.sig", peer.hashing.Config())
    verify(path, tmp_path / "peer.sig", Public.read(public))


def test_what_the_peer_left_out_is_unlisted_here_unless_that_is_accepted(model, keys, tmp_path):
    private, public = keys()
    peer_signs(model, private, tmp_path / "peer.sig", peer.hashing.Config())
    key = Public.read(public)
    with pytest.raises(ContentDiffers) as refused:
        verify(model, tmp_path / "peer.sig", key)
    found = [(one.how, one.name, one.detail) for one in refused.value.differences]
    assert found == [
        (How.UNLISTED, ".git/hooks/run", "the signer left it out"),
        (How.UNLISTED, ".gitattributes", "the signer left it out"),
    ]
    verify(model, tmp_path / "peer.sig", key, accept_ignored=True)
    (model / ".env").write_bytes(b"")
    with pytest.raises(ContentDiffers, match="env"):
        verify(model, tmp_path / "peer.sig", key, accept_ignored=True)


def test_links_that_the_peer_followed_are_followed_here(model, keys, tmp_path):
    private, public = keys()
    (model / "link").symlink_to("a.txt")
    following = peer.hashing.Config().set_ignored_paths(paths=[], ignore_git_paths=False)
    following.set_allow_symlinks(True)
    peer_signs(model, private, tmp_path / "peer.sig", following)
    verify(model, tmp_path / "peer.sig", Public.read(public))


@pytest.mark.parametrize("shards", [True, False])
def test_other_ways_to_hash_are_refused_by_name(model, keys, tmp_path, shards):
    private, public = keys()
    hashing = peer.hashing.Config()
    if shards:
        hashing.use_shard_serialization()
    else:
        hashing.use_file_serialization(hashing_algorithm="blake3")
    peer_signs(model, private, tmp_path / "peer.sig", hashing)
    with pytest.raises(UnsupportedSignature, match="shards" if shards else "blake3"):
        verify(model, tmp_path / "peer.sig", Public.read(public))


def test_both_see_the_same_tampering(model, keys, tmp_path):
    private, public = keys()
    sign(model, Private.read(private))
    for name in ("config.json", "a/b"):
        content = (model / name).read_bytes()
        (model / name).write_bytes(content + b"x")
        with pytest.raises(ValueError, match="mismatch"):
            peer_verifies(model, beside(model), public)
        with pytest.raises(ContentDiffers):
            verify(model, beside(model), Public.read(public))
        (model / name).write_bytes(content)
        peer_verifies(model, beside(model), public)
