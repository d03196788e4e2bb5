"""Checks logs with aics-tlog, and writes one; runs in a venv that has it and nothing of ours.

python by_aics.py verify KEY FOLDER…   a line of JSON a folder: what was checked, or why not
python by_aics.py write FOLDER SIZE    a log; the key that checks it is in FOLDER/vkey
python by_aics.py submit URL WITNESS FOLDER SIZE…   checkpoints of a folder to a witness
"""

from __future__ import annotations

import base64
import json
import sys
from itertools import pairwise
from pathlib import Path

import aics_tlog as tlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ORIGIN = "aics.example/log"


class Refused(Exception):
    """A check that did not hold."""


def opened(content: bytes, key: tlog.VKey) -> tlog.Checkpoint:
    note = tlog.parse_note(content)
    found = tlog.verify_checkpoint(note, key, expected_origin=key.name)
    if not found.ok:
        raise Refused(found.error)
    return tlog.parse_checkpoint(note.text)


def verify(folder: Path, key: tlog.VKey, count: dict[str, int]) -> None:
    seen = opened((folder / "log" / "checkpoint").read_bytes(), key)
    tiles = tlog.FileSystemTileReader(folder / "log")
    tlog.audit_tiles(tiles, seen.size, seen.root)
    count["entries"] = seen.size
    reader = tlog.VerifiedTileReader(tiles, seen.size, seen.root)
    for index in range(0, seen.size, max(1, seen.size // 100)):
        proof = tlog.inclusion_proof_from_tiles(reader, index, seen.size)
        entry = reader.entry(index)
        if not tlog.verify_leaf_inclusion(entry, index, seen.size, proof, seen.root):
            raise Refused(f"entry {index} is not in the tree")
        count["inclusion"] += 1
    trees = {seen.size: seen}
    for old in sorted((folder / "old").glob("*")):
        found = opened(old.read_bytes(), key)
        trees.setdefault(found.size, found)
        if trees[found.size].root != found.root:
            raise Refused(f"two roots for {found.size} entries")
    sizes = sorted(trees)
    for old, new in [*pairwise(sizes), *((size, seen.size) for size in sizes)]:
        proof = tlog.consistency_proof_from_tiles(reader, old, new, tile_size=seen.size)
        check_growth(trees, old, trees[new], proof)
        count["consistency"] += 1
    proofs(folder, key, count)
    growth(folder, key, trees, count)


def check_growth(trees, old: int, new: tlog.Checkpoint, proof) -> None:
    if old not in trees:
        raise Refused(f"no checkpoint of {old} entries")
    if not tlog.verify_consistency(old, new.size, trees[old].root, new.root, proof):
        raise Refused(f"the log of {new.size} did not grow from that of {old}")


def proofs(folder: Path, key: tlog.VKey, count: dict[str, int]) -> None:
    for file in sorted((folder / "proofs").glob("*.tlog-proof")):
        line, hashes, note = parts(file.read_bytes(), b"c2sp.org/tlog-proof@v1")
        seen, index = opened(note, key), int(line.removeprefix(b"index "))
        entry = file.with_suffix(".entry").read_bytes()
        if not tlog.verify_leaf_inclusion(entry, index, seen.size, hashes, seen.root):
            raise Refused(f"{file.name} does not prove its entry")
        count["files"] += 1


def growth(folder: Path, key: tlog.VKey, trees, count: dict[str, int]) -> None:
    for file in sorted((folder / "growth").glob("*")):
        line, hashes, note = parts(file.read_bytes(), None)
        check_growth(trees, int(line.removeprefix(b"old ")), opened(note, key), hashes)
        count["files"] += 1


def parts(content: bytes, header: bytes | None) -> tuple[bytes, list[bytes], bytes]:
    """The line with a number, the hashes after it, and the checkpoint after an empty line."""
    head, _, note = content.partition(b"\n\n")
    lines = head.split(b"\n")
    if header is not None and lines.pop(0) != header:
        raise Refused(f"no {header!r}")
    return lines[0], [base64.b64decode(line, validate=True) for line in lines[1:]], note


def write(folder: Path, size: int) -> None:
    """In three goes, as a log grows."""
    key = Ed25519PrivateKey.generate()
    store = tlog.DirectoryTileStore(folder, fsync=False)
    writer = tlog.IncrementalTileWriter(store)
    for start, stop in ((0, size // 3), (size // 3, size // 2), (size // 2, size)):
        writer.append([b"entry %d, written by aics-tlog" % i for i in range(start, stop)])
    seen = tlog.Checkpoint(ORIGIN, writer.size, writer.root())
    store.write_checkpoint(tlog.sign_checkpoint(seen, key, ORIGIN).to_bytes())
    vkey = tlog.format_vkey(tlog.vkey_from_ed25519(ORIGIN, key.public_key()))
    (folder / "vkey").write_text(vkey, encoding="utf-8")


def submit(url: str, witness: str, folder: Path, sizes: list[int]) -> None:
    """Checkpoints in old/, one after the other, to a witness; its signatures are checked."""
    from aics_witness.feeder import WitnessClient

    tiles = tlog.FileSystemTileReader(folder / "log")
    whole = tlog.parse_checkpoint(tlog.parse_note((folder / "log/checkpoint").read_bytes()).text)
    client = WitnessClient(url, witness)

    def proof(old: int, new: int) -> list[bytes]:
        return tlog.consistency_proof_from_tiles(tiles, old, new, tile_size=whole.size)

    for size in sizes:
        said(
            {
                "size": size,
                "line": str(client.submit((folder / "old" / f"{size}").read_bytes(), proof)),
            }
        )


def said(told: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def main(do: str, *more: str) -> None:
    if do == "write":
        write(Path(more[0]), int(more[1]))
        return
    if do == "submit":
        submit(more[0], more[1], Path(more[2]), [int(size) for size in more[3:]])
        return
    key = tlog.parse_vkey(more[0])
    for folder in map(Path, more[1:]):
        count = {"entries": 0, "inclusion": 0, "consistency": 0, "files": 0}
        error = ""
        try:
            verify(folder, key, count)
        except (Refused, ValueError, OSError) as refused:  # its own errors are of these kinds
            error = f"{type(refused).__name__}: {refused}"
        said({"case": folder.name, "error": error, **count})


main(*sys.argv[1:])
