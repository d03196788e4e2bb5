"""What was signed verifies, and nothing else does."""

import json
import os

import pytest

from foretaste.artefacts import ContentDiffers, How, Private, Public, beside, required, sign, verify
from foretaste.artefacts import files as files_module
from foretaste.artefacts.refusals import ContentMoves, MalformedSignature, OtherKey
from foretaste.errors import BadInput, UnreadableInput, UnsafeInput


@pytest.fixture
def signed(model, keys):
    private, public = keys()
    held = sign(model, Private.read(private))
    return model, beside(model), Public.read(public), held


def differences(model, signature, key, **how):
    with pytest.raises(ContentDiffers) as refused:
        verify(model, signature, key, **how)
    return [(one.how, one.name) for one in refused.value.differences]


@pytest.mark.parametrize("kind", ["p256", "p384", "p521", "ed25519"])
def test_what_a_key_signed_verifies_with_its_other_half(model, keys, kind):
    private, public = keys(kind)
    made = sign(model, Private.read(private))
    held = verify(model, beside(model), Public.read(public))
    assert held.root == made.root
    assert set(held.listed.files) == {
        "config.json", "model.safetensors", "a.txt", "a/b", ".hidden", ".git/hooks/run",
        ".gitattributes", "empty", "näh/☃",
    }  # fmt: skip
    assert held.bytes == sum(p.stat().st_size for p in model.rglob("*") if p.is_file())


def test_a_folder_may_move_and_be_renamed(signed, tmp_path):
    model, signature, key, held = signed
    moved = model.rename(tmp_path / "elsewhere")
    assert verify(moved, signature, key).root == held.root


def test_one_file_is_signed_alone(model, keys):
    private, public = keys()
    path = model / "model.safetensors"
    made = sign(path, Private.read(private))
    assert made.digest["sha256"] == made.listed.files["."]
    assert verify(path, beside(path), Public.read(public)).digest == made.digest
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert differences(path, beside(path), Public.read(public)) == [(How.CHANGED, ".")]


def test_progress_is_told_of_every_byte(model, keys):
    told = []
    held = sign(model, Private.read(keys()[0]), progress=told.append)
    assert sum(told) == held.bytes
    assert max(told) <= files_module.BLOCK


def flip(model):
    path = model / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[1_000_000] ^= 1
    path.write_bytes(content)


def swap(model):
    one, other = model / "a.txt", model / "config.json"
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def link(model):
    (model / "a.txt").rename(model.parent / "outside.txt")
    (model / "a.txt").symlink_to(model.parent / "outside.txt")


def link_folder(model):
    (model / "a").rename(model.parent / "a-outside")
    (model / "a").symlink_to(model.parent / "a-outside")


TAMPERINGS = {
    "a changed byte": (flip, [(How.CHANGED, "model.safetensors")]),
    "a byte more": (lambda m: (m / "empty").write_bytes(b"x"), [(How.CHANGED, "empty")]),
    "a file more": (lambda m: (m / "new").write_bytes(b""), [(How.UNLISTED, "new")]),
    "a hidden file": (lambda m: (m / ".env").write_bytes(b"x"), [(How.UNLISTED, ".env")]),
    "a file of git": (
        lambda m: (m / ".git/hooks/pre-commit").write_bytes(b"x"),
        [(How.UNLISTED, ".git/hooks/pre-commit")],
    ),
    "a changed file of git": (
        lambda m: (m / ".gitattributes").write_bytes(b"x"),
        [(How.CHANGED, ".gitattributes")],
    ),
    "a file less": (lambda m: (m / "a/b").unlink(), [(How.MISSING, "a/b")]),
    "a file renamed": (
        lambda m: (m / "a/b").rename(m / "a/c"),
        [(How.MISSING, "a/b"), (How.UNLISTED, "a/c")],
    ),
    "two files swapped": (swap, [(How.CHANGED, "a.txt"), (How.CHANGED, "config.json")]),
    "a link of the same content": (link, [(How.LINK, "a.txt")]),
    "a link to a folder": (link_folder, [(How.LINK, "a"), (How.MISSING, "a/b")]),
    "a link more": (lambda m: (m / "l").symlink_to("a.txt"), [(How.LINK, "l")]),
    "a pipe": (lambda m: os.mkfifo(m / "p"), [(How.ODD, "p")]),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_every_tampering_is_a_difference_by_name(signed, name):
    model, signature, key, _ = signed
    tamper, wanted = TAMPERINGS[name]
    tamper(model)
    assert differences(model, signature, key) == wanted


def test_many_differences_are_all_there_and_the_message_stays_short(signed):
    model, signature, key, _ = signed
    for number in range(50):
        (model / f"new{number:02}").write_bytes(b"")
    assert len(differences(model, signature, key)) == 50
    with pytest.raises(ContentDiffers, match="and 45 more"):
        verify(model, signature, key)


def test_another_key_is_told_from_the_right_one(signed, keys):
    model, signature, _, _ = signed
    with pytest.raises(OtherKey):
        verify(model, signature, Public.read(keys(name="other")[1]))


def test_a_signature_inside_the_folder_is_left_out_and_nothing_else(model, keys):
    private, public = keys()
    inside = model / "sub" / "model.sig"
    inside.parent.mkdir()
    sign(model, Private.read(private), inside)
    verify(model, inside, Public.read(public))
    (model / "sub" / "more.sig").write_bytes(b"")
    found = differences(model, inside, Public.read(public))
    assert found == [(How.UNLISTED, "sub/more.sig")]


def test_signing_again_gives_the_same_list(model, keys):
    private = Private.read(keys()[0])
    inside = model / "model.sig"
    first, second = sign(model, private, inside), sign(model, private, inside)
    assert first.listed == second.listed


def test_links_are_refused_when_signing_unless_they_are_wanted(model, keys):
    private, public = keys()
    (model / "link").symlink_to("a.txt")
    with pytest.raises(UnsafeInput, match="link"):
        sign(model, Private.read(private))
    assert not beside(model).exists()
    sign(model, Private.read(private), links=True)
    verify(model, beside(model), Public.read(public))
    (model / "a.txt").write_bytes(b"other")
    found = differences(model, beside(model), Public.read(public))
    assert found == [(How.CHANGED, "a.txt"), (How.CHANGED, "link")]


def test_a_link_that_leads_nowhere_or_to_a_folder_is_never_signed(model, keys):
    private = Private.read(keys()[0])
    (model / "link").symlink_to("nowhere")
    with pytest.raises(UnsafeInput):
        sign(model, private, links=True)
    (model / "link").unlink()
    (model / "link").symlink_to("a")
    with pytest.raises(UnsafeInput):
        sign(model, private, links=True)


def test_nothing_and_an_empty_folder_cannot_be_signed(tmp_path, keys):
    private = Private.read(keys()[0])
    with pytest.raises(UnreadableInput):
        sign(tmp_path / "nowhere", private)
    (tmp_path / "none").mkdir()
    with pytest.raises(UnreadableInput):
        sign(tmp_path / "none", private)


def test_a_signature_is_never_written_over_what_it_signs(model, keys):
    private = Private.read(keys()[0])
    path = model / "a.txt"
    with pytest.raises(BadInput):
        sign(path, private, path)
    assert path.read_bytes() == b"after a/"


@pytest.mark.parametrize("kind", ["rsa", "k1"])
def test_keys_of_other_kinds_are_refused_by_name(keys, kind):
    private, public = keys(kind)
    for read, path in ((Private.read, private), (Public.read, public)):
        with pytest.raises(BadInput, match="Ed25519"):
            read(path)


def test_what_is_no_key_is_refused_and_a_way_to_make_one_told(tmp_path, keys):
    private, public = keys()
    (tmp_path / "rubbish").write_bytes(b"rubbish")
    (tmp_path / "large").write_bytes(b"x" * 200_000)
    for path in (tmp_path / "nowhere", tmp_path / "rubbish", tmp_path / "large", tmp_path):
        for read in (Private.read, Public.read):
            with pytest.raises(BadInput):
                read(path)
    with pytest.raises(BadInput, match="openssl genpkey"):
        Private.read(public)
    with pytest.raises(BadInput, match="openssl pkey"):
        Public.read(private)


def test_a_key_may_have_a_password(model, keys):
    private, public = keys(password=b"secret")
    with pytest.raises(BadInput):
        Private.read(private)
    with pytest.raises(BadInput):
        Private.read(private, b"wrong")
    sign(model, Private.read(private, b"secret"))
    verify(model, beside(model), Public.read(public))


def test_the_secret_is_in_no_repr(keys):
    key = Private.read(keys()[0])
    assert "_key" not in repr(key)


def test_work_is_done_only_with_what_was_signed(signed, keys, tmp_path):
    model, signature, _, held = signed
    public = tmp_path / "key.pub"
    with required(model, signature, public) as found:
        assert found.root == held.root
    flip(model)
    with pytest.raises(ContentDiffers), required(model, signature, public):
        pytest.fail("what was changed must not be used")


def test_nothing_is_verified_where_nothing_is_asked_and_half_is_refused(signed, tmp_path):
    model, signature, _, _ = signed
    with required(model, None, None) as found:
        assert found is None
    for half in ((signature, None), (None, tmp_path / "key.pub")):
        with pytest.raises(BadInput, match="both"), required(model, *half):
            pytest.fail("half a wish must not be none")


def test_addresses_cannot_be_verified(tmp_path):
    with (
        pytest.raises(BadInput, match="this machine"),
        required("s3://bucket/model", tmp_path, tmp_path),
    ):
        pytest.fail("what is elsewhere is not verified")


@pytest.mark.parametrize("name", [name for name in TAMPERINGS if "pipe" not in name])
def test_what_is_touched_while_it_is_used_is_found(signed, tmp_path, name):
    model, signature, _, _ = signed
    with pytest.raises(ContentMoves), required(model, signature, tmp_path / "key.pub"):
        TAMPERINGS[name][0](model)


def test_a_file_that_was_swapped_and_swapped_back_is_found(signed, tmp_path):
    model, signature, _, _ = signed

    def swap_twice():
        (model / "a.txt").rename(tmp_path / "kept")
        (model / "a.txt").write_bytes(b"evil")
        (tmp_path / "kept").replace(model / "a.txt")

    with pytest.raises(ContentMoves), required(model, signature, tmp_path / "key.pub"):
        swap_twice()


def test_an_error_in_the_work_is_not_hidden_by_the_look_afterwards(signed, tmp_path):
    model, signature, _, _ = signed

    def fail():
        flip(model)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), required(model, signature, tmp_path / "key.pub"):
        fail()


def test_a_file_that_is_written_to_while_it_is_hashed_is_refused(model, keys, monkeypatch):
    monkeypatch.setattr(files_module, "BLOCK", 1_000)
    path = model / "model.safetensors"

    def meddle(_):
        with path.open("ab") as file:
            file.write(b"x" if path.stat().st_size < 2_400_000 else b"")

    with pytest.raises(ContentMoves):
        sign(path, Private.read(keys()[0]), progress=meddle)


def test_the_signature_is_json_that_says_the_format(signed):
    _, signature, key, held = signed
    said = json.loads(signature.read_bytes())
    assert said["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert said["verificationMaterial"]["publicKey"]["hint"] == key.hint == held.signer


def test_a_signature_that_is_too_large_is_not_read(signed, monkeypatch):
    from foretaste.artefacts import signature as form

    model, signature, key, _ = signed
    monkeypatch.setattr(form, "LARGEST", 100)
    with pytest.raises(MalformedSignature, match="100 bytes"):
        verify(model, signature, key)


def test_more_files_than_can_be_listed_are_refused(model, keys, monkeypatch):
    monkeypatch.setattr(files_module, "MOST", 5)
    with pytest.raises(UnreadableInput, match="more than 5"):
        sign(model, Private.read(keys()[0]))
