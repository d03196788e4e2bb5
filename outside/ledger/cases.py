"""A log of ours with its proofs, as files; and the same with one byte of it changed.

CASE/log/        the log
CASE/old/N       its checkpoint when it had N entries
CASE/proofs/N.tlog-proof, N.entry
CASE/growth/N    proof that the log grew from N entries, as witnesses get it
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from foretaste.ledger.dsse import sealed
from foretaste.ledger.event import Event, Thing, statement
from foretaste.ledger.keys import SigningKey
from foretaste.ledger.reader import Reader
from foretaste.ledger.tlog_proof import TlogProof
from foretaste.ledger.witness_wire import AddCheckpoint
from foretaste.ledger.writer import Writer

ORIGIN = "foretaste.example/outside"
SIZE = 70_000
OLD = (1, 2, 255, 256, 257, 1_000, 4_096, 65_535, 65_536, 65_537, 69_999)
PROVED = (0, 1, 255, 256, 4_095, 4_096, 65_535, 65_536, 69_887, 69_888, 69_999)


@dataclass(frozen=True)
class Change:
    """One byte of one file. wanted: the error that it has to be with us"""

    name: str
    file: str
    at: Callable[[bytes], int]
    wanted: str
    to: Callable[[int], int] = lambda byte: byte ^ 1


def entries() -> Iterator[bytes]:
    """Signed statements as a ledger has them, an empty entry, and one as long as they may be."""
    author = SigningKey.new("author.example")
    for number in range(SIZE):
        if number == 3:
            yield b""
        elif number == 300:
            yield bytes(range(256)) * 255 + bytes(255)
        else:
            digest = {"sha256": f"{number:064x}"}
            made = Thing("record", f"record {number}", digest)
            event = Event(
                "scan_verdict", (made,), (), {"verdict": "clean"}, "2026-01-01T00:00:00Z", "outside"
            )
            yield sealed(statement(event), author).content


def make(case: Path) -> SigningKey:
    """The log in several goes, and proofs out of it; the log's key."""
    key = SigningKey.new(ORIGIN)
    shutil.rmtree(case, ignore_errors=True)
    for folder in ("log", "old", "proofs", "growth"):
        (case / folder).mkdir(parents=True)
    source = entries()
    with Writer(case / "log", key, state=case / "state") as writer:
        for start, stop in pairwise((0, *OLD, SIZE)):
            writer.append([next(source) for _ in range(start, stop)])
            if stop != SIZE:
                (case / "old" / str(stop)).write_bytes(writer.note.content)
    reader = Reader(case / "log", [key.verifier])
    note = reader.note().content
    for index in PROVED:
        proof = TlogProof(index, reader.inclusion(index), note)
        (case / "proofs" / f"{index}.tlog-proof").write_bytes(proof.content)
        (case / "proofs" / f"{index}.entry").write_bytes(reader.entry(index))
    for size in OLD:
        grown = AddCheckpoint(size, reader.consistency(size), note)
        (case / "growth" / str(size)).write_bytes(grown.content)
    return key


def changed(case: Path, change: Change) -> Path:
    """The same beside it with the one byte changed."""
    folder = case.with_name(change.name)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(case, folder, copy_function=_linked)
    file = folder / change.file
    content = bytearray(file.read_bytes())
    at = change.at(bytes(content))
    content[at] = change.to(content[at])
    file.unlink()
    file.write_bytes(content)
    return folder


def _linked(source: str, target: str) -> str:
    os.link(source, target)
    return target


def _middle(content: bytes) -> int:
    """Within an entry or a hash: what is as long as its neighbours has no length there."""
    return len(content) // 2 + 9


def _within(before: bytes, after: int) -> Callable[[bytes], int]:
    """So many bytes after the end of what stands before."""
    return lambda content: content.index(before) + len(before) + after


def _letter(byte: int) -> int:
    """Another letter of base64."""
    return ord("B") if byte == ord("A") else ord("A")


_ORIGIN = f"{ORIGIN}\n".encode()
_ROOT = _within(f"\n{SIZE}\n".encode(), 20)
_KEY = _within(f"— {ORIGIN} ".encode(), 1)
_HASH = _within(b" 256\n", 20)
_LAST = _within(b"\n\n", 60)
_SIGNED = _within(f"— {ORIGIN} ".encode(), 40)

CHANGES = (
    Change("entry", "log/tile/entries/100", _middle, "WrongEntry"),
    Change("entry-of-the-last-bundle", "log/tile/entries/273.p/112", _middle, "WrongEntry"),
    Change("length-of-an-entry", "log/tile/entries/100", lambda _: 1, "MalformedTile"),
    Change("tile", "log/tile/0/100", _middle, "WrongTile"),
    Change("tile-partial", "log/tile/0/273.p/112", _middle, "WrongTile"),
    Change("tile-of-level-1", "log/tile/1/000", _middle, "WrongTile"),
    Change("tile-of-level-1-partial", "log/tile/1/001.p/17", _middle, "WrongTile"),
    Change("tile-of-level-2", "log/tile/2/000.p/1", _middle, "WrongTile"),
    Change("checkpoint-origin", "log/checkpoint", lambda _: 3, "WrongSignature"),
    Change("checkpoint-size", "log/checkpoint", _within(_ORIGIN, 4), "WrongSignature"),
    Change("checkpoint-root", "log/checkpoint", _ROOT, "WrongSignature", _letter),
    Change("checkpoint-signature", "log/checkpoint", _SIGNED, "WrongSignature", _letter),
    Change("checkpoint-key-id", "log/checkpoint", _KEY, "UnknownSigner", _letter),
    Change("checkpoint-signer", "log/checkpoint", _within(b"\xe2\x80\x94 ", 3), "UnknownSigner"),
    Change("old-checkpoint-root", "old/4096", _within(b"\n4096\n", 20), "WrongSignature", _letter),
    Change("proof-hash", "proofs/256.tlog-proof", _HASH, "WrongInclusion", _letter),
    Change("proof-index", "proofs/69887.tlog-proof", _within(b"index 6988", 0), "WrongInclusion"),
    Change("proof-entry", "proofs/4096.entry", _middle, "WrongInclusion"),
    Change("proof-checkpoint-root", "proofs/255.tlog-proof", _ROOT, "WrongSignature", _letter),
    Change("proof-signature", "proofs/0.tlog-proof", _SIGNED, "WrongSignature", _letter),
    Change("proof-header", "proofs/1.tlog-proof", lambda _: 0, "MalformedProof"),
    Change("growth-hash", "growth/65537", _within(b"old 65537\n", 20), "Forked", _letter),
    Change("growth-old-size", "growth/65537", _within(b"old 6553", 0), "MalformedProof"),
    Change("growth-signature", "growth/257", _SIGNED, "WrongSignature", _letter),
)  # fmt: skip

OTHERS = (  # of a log that another program wrote; its files are named by what they are
    Change("entry", "tile/entries/001", _middle, "WrongEntry"),
    Change("tile", "tile/0/002", _middle, "WrongTile"),
    Change("checkpoint-size", "checkpoint", _within(b"\n", 1), "WrongSignature"),
    Change("checkpoint-signature", "checkpoint", _LAST, "WrongSignature", _letter),
)  # fmt: skip
