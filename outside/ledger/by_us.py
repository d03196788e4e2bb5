"""The same checks with our own code: what was checked, or the type of our error."""

from __future__ import annotations

from pathlib import Path

from foretaste.errors import LedgerRefused
from foretaste.ledger.checkpoint import Checkpoint, opened
from foretaste.ledger.keys import VerifyingKey
from foretaste.ledger.merkle import check_consistency, check_inclusion, leaf_hash
from foretaste.ledger.policy import NONE, Log, Policy
from foretaste.ledger.reader import Reader
from foretaste.ledger.refusals import Forked
from foretaste.ledger.tlog_proof import TlogProof
from foretaste.ledger.witness_wire import AddCheckpoint


def verify(folder: Path, key: VerifyingKey) -> dict:
    """Like the other verifiers; `error` begins with the error's type."""
    count = {"entries": 0, "inclusion": 0, "consistency": 0, "files": 0}
    error = ""
    try:
        seen, reader = whole(folder / "log", key, count)
        trees = _grown(folder, key, reader, seen, count)
        _proofs(folder, key, count)
        _growth(folder, key, trees, count)
    except LedgerRefused as refused:
        error = f"{type(refused).__name__}: {refused}"
    return {"case": folder.name, "error": error, **count}


def whole(log: Path, key: VerifyingKey, count: dict) -> tuple[Checkpoint, Reader]:
    """Every file of a log, and proofs of many entries."""
    reader = Reader(log, [key], key.name)
    seen = reader.verify().checkpoint
    count["entries"] = seen.size
    for index in range(0, seen.size, max(1, seen.size // 400)):
        leaf = leaf_hash(reader.entry(index))
        check_inclusion(leaf, index, seen.size, reader.inclusion(index), seen.root)
        count["inclusion"] += 1
    return seen, reader


def _grown(folder, key, reader, seen, count) -> dict[int, Checkpoint]:
    trees = {seen.size: seen}
    for file in sorted((folder / "old").glob("*")):
        old, _ = opened(file.read_bytes(), [key], key.name)
        trees[old.size] = old
    for old in sorted(trees):
        for new in (size for size in sorted(trees) if size >= old):
            proof = reader.consistency(old, new)
            check_consistency(old, trees[old].root, new, trees[new].root, proof)
            count["consistency"] += 1
    return trees


def _proofs(folder: Path, key: VerifyingKey, count: dict) -> None:
    policy = Policy(NONE, (Log(key),))
    for file in sorted((folder / "proofs").glob("*.tlog-proof")):
        entry = file.with_suffix(".entry").read_bytes()
        TlogProof.read(file.read_bytes()).check(entry, policy)
        count["files"] += 1


def _growth(folder: Path, key: VerifyingKey, trees: dict[int, Checkpoint], count: dict) -> None:
    for file in sorted((folder / "growth").glob("*")):
        request = AddCheckpoint.read(file.read_bytes())
        new, _ = opened(request.checkpoint, [key], key.name)
        old = trees.get(request.old)
        if old is None:
            raise Forked(f"no checkpoint of {request.old} entries is known")
        check_consistency(old.size, old.root, new.size, new.root, request.hashes)
        count["files"] += 1
