"""Proofs that single rows stand in data sets that a ledger knows, for whoever has neither."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from foretaste.errors import BadInput
from foretaste.ledger.event import Event, Thing
from foretaste.ledger.refusals import WrongInclusion
from foretaste.versions import Rows, check_row
from foretaste.versions.rows import SUFFIX, RowProof


@dataclass(frozen=True)
class Proven:
    """A row in a data set.

    index: of the entry that named the data set's root first
    thing: the data set; proof: that the row is in it
    """

    index: int
    thing: Thing
    proof: RowProof


def row_proofs(
    events: Iterable[tuple[int, Event]], folder: Path, digest: bytes
) -> tuple[Proven, ...]:
    """Every data set of a ledger that holds a row, each with its proof, in the order of entries.

    folder: with the digests of rows, ROOT.rows; what is not in it cannot be proven
    digest: of the row
    Raises `BadInput` where there is none, `BadRecord` where a file of digests is damaged.
    """
    held: dict[str, RowProof] = {}
    for path in sorted(folder.glob("*" + SUFFIX)):
        rows = Rows.open(path)
        for position in rows.find(digest)[:1]:
            held[rows.root] = rows.proof(position)
    found: dict[str, Proven] = {}
    for index, event in events:
        for thing in (*event.made, *event.used):
            root = thing.digest.get("rows", "")
            if root in held and root not in found:
                found[root] = Proven(index, thing, held[root])
    if not found:
        raise BadInput(
            f"no data set of this ledger is known to hold the row {digest.hex()}: its digests may "
            f"have been deleted from {folder}, or it was never there"
        )
    return tuple(found.values())


def check_in_event(proof: RowProof, event: Event) -> Thing:
    """The thing of an event in which a row stands.

    Raises `WrongInclusion` where it stands in none of them.
    """
    for thing in (*event.made, *event.used):
        if "rows" in thing.digest:
            try:
                check_row(proof.digest, proof, thing.digest["rows"])
            except WrongInclusion:
                continue
            return thing
    raise WrongInclusion(f"the row {proof.digest.hex()[:16]}… is in nothing that this entry names")
