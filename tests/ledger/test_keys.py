"""Notes, keys and checkpoints, beside signatures that other programs made."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from foretaste.errors import BadInput
from foretaste.ledger.checkpoint import Checkpoint, opened, signed
from foretaste.ledger.keys import (
    LOG,
    WITNESS,
    WITNESS_ML_DSA,
    SigningKey,
    VerifyingKey,
    read_key,
    read_public,
    write_key,
)
from foretaste.ledger.note import Note, Signature
from foretaste.ledger.refusals import (
    Forked,
    MalformedCheckpoint,
    MalformedKey,
    MalformedNote,
    UnknownSigner,
    WrongSignature,
)

# from the documentation of Go's package note
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
_SIGNATURE = (
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
)
SAID = (
    "If you think cryptography is the answer to your problem,\n"
    f"then you don't know what your problem is.\n\n— PeterNeumann {_SIGNATURE}\n"
).encode()

CHECKPOINT = Checkpoint("example.com/log", 7, b"r" * 32)


@pytest.fixture(scope="module")
def log():
    return SigningKey("example.com/log", LOG, b"s" * 32)


@pytest.mark.parametrize("kind", [LOG, WITNESS, WITNESS_ML_DSA])
def test_keys_are_read_back_as_they_were_written(kind, tmp_path):
    key = SigningKey.new("who.example", kind)
    write_key(tmp_path / "key", key)
    assert read_key(tmp_path / "key") == key
    assert VerifyingKey.read(key.verifier.text) == key.verifier
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_a_note_signed_by_another_program_is_accepted():
    note = Note.read(SAID)
    assert note.content == SAID
    assert note.checked([VerifyingKey.read(NEUMANN)])[0].name == "PeterNeumann"


def test_what_a_log_signs_is_the_text_itself(log):
    signature = log.sign("text\n")
    public = Ed25519PublicKey.from_public_bytes(log.verifier.public)
    public.verify(signature.content, b"text\n")


def test_what_a_witness_signs_is_told_apart_from_what_a_log_signs():
    one, other = (SigningKey("who.example", kind, b"s" * 32) for kind in (LOG, WITNESS))
    assert one.verifier.public == other.verifier.public
    assert one.verifier.key_id != other.verifier.key_id
    content = other.sign(CHECKPOINT.text, 5).content
    with pytest.raises(WrongSignature):
        one.verifier.check(CHECKPOINT.text, Signature("who.example", 0, content[8:]))


@pytest.mark.parametrize("kind", [WITNESS, WITNESS_ML_DSA])
def test_a_witness_signs_the_time_too(kind):
    key = SigningKey.new("who.example", kind)
    signature = key.sign(CHECKPOINT.text, 1_700_000_000)
    key.verifier.check(CHECKPOINT.text, signature)
    later = Signature(signature.name, signature.key_id, (5).to_bytes(8) + signature.content[8:])
    with pytest.raises(WrongSignature):
        key.verifier.check(CHECKPOINT.text, later)


@pytest.mark.parametrize("kind", [LOG, WITNESS, WITNESS_ML_DSA])
@pytest.mark.parametrize("at", [0, 40, -1])
def test_a_changed_byte_of_text_or_signature_is_refused(kind, at):
    key = SigningKey.new("who.example", kind)
    signature = key.sign(CHECKPOINT.text, 5)
    content = bytearray(signature.content)
    content[at] ^= 1
    with pytest.raises(WrongSignature):
        key.verifier.check(
            CHECKPOINT.text, Signature(signature.name, signature.key_id, bytes(content))
        )
    with pytest.raises(WrongSignature):
        key.verifier.check(CHECKPOINT.text.replace("7", "8"), signature)


def test_a_private_key_is_not_told_by_its_repr_nor_by_an_error(log):
    assert base64.b64encode(b"s" * 32).decode()[:8] not in repr(log)
    with pytest.raises(MalformedKey) as caught:
        SigningKey.read(log.text[:-8] + "AAAAAAA=")
    assert "c3Nz" not in str(caught.value)


def test_a_key_is_never_written_over(log, tmp_path):
    write_key(tmp_path / "key", log)
    with pytest.raises(BadInput, match="there already"):
        write_key(tmp_path / "key", SigningKey.new("other"))
    assert read_key(tmp_path / "key") == log


@pytest.mark.parametrize(
    "text", ["", "a+b", "a+00000000+AQ==", NEUMANN[:-4], NEUMANN.replace("c7", "c8"), "a+b+é"]
)
def test_what_is_no_key_is_refused(text, tmp_path):
    with pytest.raises(MalformedKey):
        VerifyingKey.read(text)
    (tmp_path / "key").write_text(text, encoding="utf-8")
    with pytest.raises(MalformedKey):
        read_public(tmp_path / "key")


def test_a_private_key_is_no_public_one_and_the_other_way(log):
    with pytest.raises(MalformedKey, match="private"):
        VerifyingKey.read(log.text)
    with pytest.raises(MalformedKey):
        SigningKey.read(log.verifier.text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "x" * 256])
def test_a_key_has_a_name_without_spaces_and_plus(name):
    with pytest.raises(MalformedKey):
        SigningKey.new(name)


def test_a_checkpoint_is_opened_by_whoever_trusts_the_log(log):
    note = signed(CHECKPOINT, [log])
    assert opened(note.content, [log.verifier])[0] == CHECKPOINT
    with pytest.raises(UnknownSigner):
        opened(note.content, [SigningKey.new("example.com/log").verifier])
    with pytest.raises(Forked, match="wanted is one of 'other'"):
        opened(note.content, [log.verifier], origin="other")


def test_a_checkpoint_that_its_log_did_not_sign_is_refused():
    other = SigningKey.new("somebody.example")
    with pytest.raises(UnknownSigner, match="did not sign"):
        opened(signed(CHECKPOINT, [other]).content, [other.verifier])


def test_signatures_of_strangers_are_passed_over_and_kept(log):
    witness = SigningKey.new("w.example", WITNESS)
    note = signed(CHECKPOINT, [log]).having([witness.sign(CHECKPOINT.text, 9)])
    again = opened(note.content, [log.verifier])[1]
    assert again == note
    assert len(again.checked([log.verifier, witness.verifier])) == 2


def test_a_wrong_signature_of_a_trusted_key_spoils_the_note(log):
    witness = SigningKey.new("w.example", WITNESS)
    wrong = Signature("w.example", witness.verifier.key_id, b"x" * 72)
    note = signed(CHECKPOINT, [log]).having([wrong])
    with pytest.raises(WrongSignature):
        note.checked([log.verifier, witness.verifier])


def test_extension_lines_are_kept_and_signed(log):
    longer = Checkpoint("example.com/log", 7, b"r" * 32, ("more",))
    note = signed(longer, [log])
    assert opened(note.content, [log.verifier])[0] == longer
    with pytest.raises(WrongSignature):
        opened(note.content.replace(b"more", b"less"), [log.verifier])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n",
        "a\n7\n",
        "a\n07\nAAAA\n",
        f"a\n-1\n{base64.b64encode(bytes(32)).decode()}\n",
        f"a\n99999999999999999\n{base64.b64encode(bytes(32)).decode()}\n",
        f"a\n7\n{base64.b64encode(bytes(31)).decode()}\n",
        f"a\n7\n{base64.b64encode(bytes(32)).decode()}\n\n",
        f"\n7\n{base64.b64encode(bytes(32)).decode()}\n",
    ],
)
def test_a_text_that_is_no_checkpoint_is_refused(text):
    with pytest.raises(MalformedCheckpoint):
        Checkpoint.read(text)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\n- a AAAAAAAA\n",
        "text\n\n— a AAAA\n".encode(),
        "text\n\n— a b AAAAAAAA\n".encode(),
        "te\txt\n\n— a AAAAAAAA\n".encode(),
        "text\n\n— a AAAAAAAA".encode(),
        b"\xff\n\n" + "— a AAAAAAAA\n".encode(),
        b"x" * (1 << 21),
    ],
)
def test_what_is_no_note_is_refused(content):
    with pytest.raises(MalformedNote):
        Note.read(content)


def test_two_roots_for_one_size_are_a_fork():
    CHECKPOINT.grown_from(CHECKPOINT)
    with pytest.raises(Forked, match="two roots"):
        CHECKPOINT.grown_from(Checkpoint("example.com/log", 7, b"q" * 32))
    with pytest.raises(Forked, match="two logs"):
        CHECKPOINT.grown_from(Checkpoint("example.org", 7, b"r" * 32))


@pytest.mark.parametrize("sign", [0, 1 << 255])
@pytest.mark.parametrize("kind", [LOG, WITNESS])
def test_keys_under_which_anybody_can_sign_are_refused(kind, sign):
    """The points of small order: x = 0 or y = 0, those whose double has, and other spellings."""
    prime, eighth = 2**255 - 19, int.from_bytes(bytes.fromhex(EIGHTH), "little")
    for y in (0, 1, prime - 1, eighth, prime - eighth, prime, prime + 1, 2**255 - 1):
        with pytest.raises(MalformedKey, match="anybody"):
            VerifyingKey("example.com/log", kind, (y + sign).to_bytes(32, "little"))
    for _ in range(20):
        assert SigningKey.new("example.com/log", kind).verifier


EIGHTH = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
