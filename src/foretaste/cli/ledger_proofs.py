"""What `foretaste ledger prove` writes, and what `verify --proof` checks without a ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape

from foretaste.cli.ledgers import content_of
from foretaste.cli.screen import stdout
from foretaste.errors import BadInput
from foretaste.ledger.book import Book, authors_of, read_entry
from foretaste.ledger.policy import Policy
from foretaste.ledger.tlog_proof import TlogProof
from foretaste.lineage.meant import Words
from foretaste.lineage.row_proofs import check_in_event, row_proofs
from foretaste.lineage.rows import RowWanted
from foretaste.versions.rows import RowProof


@dataclass(frozen=True)
class Offline:
    """A proof in a file, and what goes with it.

    policy, authors: files; None: those of a ledger
    """

    proof: Path
    entry: Path
    row: Path | None
    policy: Path | None
    authors: Path | None

    def check(self, book: Callable[[], Book]) -> None:
        """Says what is proven; raises what is wrong. A ledger is asked for what is not in files."""
        policy = Policy.read(content_of(self.policy)) if self.policy else book().policy
        content = content_of(self.entry)
        found = TlogProof.read(content_of(self.proof))
        seen = found.check(content, policy)
        stdout.print(
            f"{escape(self.entry.name)} is entry {found.index} of {escape(seen.origin)}, which had "
            f"{seen.size:,} entries",
            highlight=False,
        )
        if self.authors is None and self.policy is not None and self.row is None:
            return
        authors = authors_of(content_of(self.authors)) if self.authors else book().authors
        event = read_entry(content, authors)
        stdout.print(f"{event.kind}, signed by one of its authors", highlight=False)
        if self.row is not None:
            proof = RowProof.read(content_of(self.row))
            thing = check_in_event(proof, event)
            stdout.print(
                f"the row {proof.digest.hex()} is row {proof.position} of {proof.rows:,} in "
                f"{escape(thing.name)}",
                highlight=False,
            )


def entry_proven(book: Book, index: int, out: Path) -> None:
    """Writes an entry and its proof into a folder."""
    proof, entry = book.proof(index), book.entry(index)
    (out / f"entry-{index}.json").write_bytes(entry)
    (out / f"entry-{index}.tlog-proof").write_bytes(proof.content)
    checkpoint = proof.check(entry, book.policy)
    stdout.print(
        f"entry {index} stands in {escape(checkpoint.origin)} of {checkpoint.size:,} entries: "
        f"{escape(str(out))}/entry-{index}.json, entry-{index}.tlog-proof",
        highlight=False,
    )


def rows_proven(book: Book, said: str, roles: Mapping[str, str], out: Path) -> None:
    """Writes, for each data set that holds a row, its proof and that of the data set's entry."""
    meant = Words(roles=roles).meant(said)
    digest = meant.digest if isinstance(meant, RowWanted) else meant.row and meant.row()
    if not digest:
        raise BadInput(f"{said!r} is neither an entry's number nor a row: PATH#INDEX, row:DIGEST")
    for one in row_proofs(book.events(), book.rows, digest):
        entry_proven(book, one.index, out)
        path = out / f"row-{one.index}-{one.proof.position}.json"
        path.write_bytes(one.proof.content)
        stdout.print(
            f"  row {one.proof.position} of {one.proof.rows:,} in {escape(one.thing.name)}: "
            f"{escape(str(path))}",
            highlight=False,
        )
