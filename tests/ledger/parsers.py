"""Everything of a ledger that reads bytes from strangers, with what must hold whatever they are.

Each takes some bytes: they are refused by a `LedgerRefused`, or what was read says the same bytes
again; an `AssertionError` or any other error is a fault of ours.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from foretaste.errors import BadRecord, LedgerRefused
from foretaste.ledger import merkle
from foretaste.ledger.checkpoint import Checkpoint, opened
from foretaste.ledger.dsse import Envelope, sealed
from foretaste.ledger.event import Event, Thing, read_event, statement
from foretaste.ledger.journal import Appended, Journal, _frame
from foretaste.ledger.keys import SigningKey, VerifyingKey
from foretaste.ledger.note import Note, Signature
from foretaste.ledger.policy import Policy
from foretaste.ledger.tiles import Tile, pack_entries, unpack_entries, unpack_hashes
from foretaste.ledger.tlog_proof import TlogProof
from foretaste.ledger.tree import Tree as Checked
from foretaste.ledger.witness_wire import (
    AddCheckpoint,
    read_signature_lines,
    read_size_line,
    signature_lines,
    size_line,
)
from foretaste.ledger.writer import Writer
from tests.ledger.trees import KEY, LATER, NORTH, SOUTH, Tree, policy

TREE = Tree(21)
NOTE = TREE.note(witnesses=[NORTH, SOUTH, LATER])
EVENT = Event(
    "scan_verdict",
    (Thing("dataset", "sms.csv", {"sha256": "0" * 64, "rows": "1" * 64}),),
    (Thing("model", "m", {"folder": "2" * 64}),),
    {"verdict": "clean", "share": 0.25, "names": ["é", None, True]},
    "2026-01-01T00:00:00Z",
    "test",
)
ENVELOPE = sealed(statement(EVENT), KEY)


@dataclass(frozen=True)
class Parser:
    """What reads bytes. seeds: some that it accepts; slow: it writes to the disk each time"""

    read: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    slow: bool = False

    def tried(self, content: bytes) -> bool:
        """Whether the bytes were accepted."""
        try:
            self.read(content)
        except LedgerRefused:
            return False
        return True


def _same(read: Callable[[bytes], bytes]) -> Callable[[bytes], None]:
    """What is accepted is written exactly so: there are no two ways to say it."""

    def check(content: bytes) -> None:
        assert read(content) == content

    return check


def _text(read: Callable[[str], str]) -> Callable[[bytes], None]:
    def check(content: bytes) -> None:
        try:
            text = content.decode("utf-8", "surrogateescape")
        except UnicodeDecodeError:
            return
        assert read(text) == text

    return check


def _opened(content: bytes) -> None:
    seen, note = opened(content, [KEY.verifier, NORTH.verifier, LATER.verifier])
    assert (seen, note.text) == (TREE.checkpoint(), NOTE.text)


def _policy(content: bytes) -> None:
    found = Policy.read(content)
    assert Policy.read(found.content) == found


def _policed(content: bytes) -> None:
    assert policy().check(content) == TREE.checkpoint()


def _proof(content: bytes) -> None:
    proof = TlogProof.read(content)
    assert proof.content == content
    assert proof.check(TREE.entries[13], policy()) == TREE.checkpoint()
    assert proof.index == 13


def _inclusion(content: bytes) -> None:
    index, size, hashes = _numbers(content)
    merkle.check_inclusion(merkle.leaf_hash(TREE.entries[13]), index, size, hashes, _ROOT)
    assert (index, tuple(hashes)) == (13, TREE.proof(13).hashes)  # the size is the signature's


def _consistency(content: bytes) -> None:
    old, new, hashes = _numbers(content)
    merkle.check_consistency(old, TREE.checkpoint(13).root, new, _ROOT, hashes)
    assert (old, tuple(hashes)) == (13, TREE.grown(13, 21))  # so are the sizes


def _numbers(content: bytes) -> tuple[int, int, list[bytes]]:
    """Two numbers of eight bytes, negative ones too, and hashes, of which the last may be short."""
    first, second = (int.from_bytes(content[at : at + 8], signed=True) for at in (0, 8))
    return first, second, [content[at : at + 32] for at in range(16, len(content), 32)]


def _packed(first: int, second: int, hashes: tuple[bytes, ...]) -> bytes:
    return first.to_bytes(8) + second.to_bytes(8) + b"".join(hashes)


def _bundle(content: bytes) -> None:
    width = 1 + content[0] if content else 1
    assert pack_entries(unpack_entries(content[1:], width)) == content[1:]


def _hashes(content: bytes) -> None:
    width = 1 + content[0] if content else 1
    assert b"".join(unpack_hashes(content[1:], width)) == content[1:]


def _lines(content: bytes) -> bytes:
    return signature_lines(read_signature_lines(content, NOTE.text))


def _envelope(content: bytes) -> None:
    found = Envelope.read(content)
    assert Envelope.read(found.content) == found
    found.checked([KEY.verifier])
    assert (found.payload, found.kind) == (ENVELOPE.payload, ENVELOPE.kind)


def _event(content: bytes) -> None:
    found = read_event(content)
    assert read_event(statement(found)) == found


def _journal(content: bytes) -> None:
    """Bytes as the body of a frame that is whole, after one that is good."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        journal = Journal.begin(path, TREE.checkpoint(13))
        size = journal.length
        journal.add(Appended(content[:32], [content[32:]]))
        journal.close()
        whole = path.read_bytes()
        frame = _frame(content)
        for changed in (whole, content, frame, whole[:size] + content, whole[:size] + frame):
            path.write_bytes(changed)
            try:
                again = Journal.open(path)
            except (BadRecord, LedgerRefused):  # it is of this machine, and not of strangers
                continue
            assert again is not None
            again.close()
            assert changed == frame or again.base == TREE.checkpoint(13)


@cache
def log() -> tuple[Checkpoint, dict[str, bytes], list[bytes]]:
    """A small log of three levels: its checkpoint, files and entries."""
    entries = [b"%d" % number for number in range(65_536 + 300)]
    with tempfile.TemporaryDirectory() as folder:
        with Writer(folder, KEY) as writer:
            writer.append(entries)
            seen = writer.checkpoint
        files = (file for file in Path(folder).rglob("*") if file.is_file())
        kept = {str(file.relative_to(folder)): file.read_bytes() for file in files}
    return seen, kept, entries


class _Files:
    """Files of the small log, one of which holds something else."""

    def __init__(self, path: str, content: bytes) -> None:
        self.path, self.content = path, content

    def read(self, path: str, most: int) -> bytes | None:
        if path == self.path:
            return self.content[: most + 1]
        found = log()[1].get(path)
        return None if found is None else found[: most + 1]


PLACES = {
    b"a": "tile/0/000", b"b": "tile/0/257.p/44", b"c": "tile/1/000", b"d": "tile/1/001.p/1",
    b"e": "tile/2/000.p/1", b"f": "tile/entries/000", b"g": "tile/entries/257.p/44",
}  # fmt: skip


def _tree(content: bytes) -> None:
    """A file of a log is any bytes: what is given of the log is as it was, or nothing is."""
    place = PLACES.get(content[:1], "tile/0/000")
    seen, _, entries = log()
    tree = Checked(_Files(place, content[1:]), seen)
    for index in (0, 257):
        assert tree.bundle(index) == entries[index * 256 : index * 256 + 256]
    assert merkle.root(seen.size, tree.hash) == seen.root


def _tree_seeds() -> tuple[bytes, ...]:
    return tuple(mark + log()[1][path] for mark, path in PLACES.items())


_ROOT = TREE.checkpoint().root
_KEYS = (KEY, NORTH, LATER)
_SMALL = pack_entries([b"", b"one", b"two" * 100])

PARSERS: Mapping[str, Parser] = {
    "note": Parser(_same(lambda said: Note.read(said).content), (NOTE.content,)),
    "signature": Parser(
        _text(lambda said: Signature.read(said).line[:-1]),
        (NOTE.signatures[0].line[:-1].encode(),),
    ),
    "verifying_key": Parser(
        _text(lambda said: VerifyingKey.read(said).text),
        tuple(key.verifier.text.encode() for key in _KEYS),
    ),
    "signing_key": Parser(
        _text(lambda said: SigningKey.read(said).text), tuple(key.text.encode() for key in _KEYS)
    ),
    "checkpoint": Parser(
        _text(lambda said: Checkpoint.read(said).text),
        (NOTE.text.encode(), NOTE.text.encode() + b"more\n"),
    ),
    "opened": Parser(_opened, (NOTE.content,)),
    "tile_path": Parser(
        _text(lambda said: Tile.read(said).path),
        (b"tile/0/x001/x234/067", b"tile/entries/000.p/70", b"tile/63/001"),
    ),
    "bundle": Parser(_bundle, (b"\x02" + _SMALL, b"\xff" + pack_entries([b"x"] * 256))),
    "hashes": Parser(_hashes, (b"\x02" + bytes(96),)),
    "inclusion": Parser(_inclusion, (_packed(13, 21, TREE.proof(13).hashes),)),
    "consistency": Parser(_consistency, (_packed(13, 21, TREE.grown(13, 21)),)),
    "tlog_proof": Parser(
        _proof, (TREE.proof(13).content, TREE.proof(13, extra=b"anything").content)
    ),
    "policy": Parser(_policy, (policy().content, b"# a\n\tquorum  none \n")),
    "policed": Parser(_policed, (TREE.note(witnesses=[NORTH, SOUTH]).content,)),
    "add_checkpoint": Parser(
        _same(lambda said: AddCheckpoint.read(said).content),
        (TREE.request(13), TREE.request(0)),
    ),
    "signature_lines": Parser(_same(_lines), (signature_lines(NOTE.signatures),)),
    "size_line": Parser(_same(lambda said: size_line(read_size_line(said))), (b"21\n", b"0\n")),
    "envelope": Parser(_envelope, (ENVELOPE.content,)),
    "event": Parser(_event, (statement(EVENT),)),
    "journal": Parser(_journal, (bytes(100), NOTE.text.encode()), slow=True),
    "tree": Parser(_tree, _tree_seeds()),
}
