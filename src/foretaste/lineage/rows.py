"""Single rows: found through the digests of rows beside a ledger, and proven against its roots."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from foretaste.errors import BadInput
from foretaste.lineage.gathering import Gathering
from foretaste.lineage.graph import ACCUSED, ASIDE, USED, Graph, Ints
from foretaste.versions import Rows, check_row
from foretaste.versions.rows import SUFFIX

MOST = 100  # places of one row in one data set that are told


@dataclass(frozen=True)
class RowWanted:
    """A row that somebody asks about.

    said: by whoever asks; digest: of the row
    """

    said: str
    digest: bytes


@dataclass(frozen=True)
class Sidecars:
    """Digests of rows, by root; nothing in them is believed that does not lead to a root.

    folder: with the files ROOT.rows; None: there are none
    """

    folder: Path | None

    def known(self, gathering: Gathering) -> Iterator[tuple[int, str]]:
        """Number of each thing whose digests of rows are at hand, with the root they lead to."""
        if self.folder is None or not self.folder.is_dir():
            return
        for path in sorted(self.folder.glob("*" + SUFFIX)):
            for number in gathering.numbers({"rows": path.stem}).tolist():
                yield number, path.stem

    def rows(self, root: str) -> Rows:
        """The digests that lead to a root. Raises `BadRecord` where they do not."""
        if self.folder is None:
            raise BadInput("no digests of rows are at hand")
        return Rows.open(self.folder / (root + SUFFIX))


@dataclass(frozen=True)
class Standing:
    """Where a row stands, thing by thing.

    held:   number of the thing -> positions there, each proven
    absent: numbers of things in which it is not
    """

    held: dict[int, tuple[int, ...]]
    absent: Ints

    def numbers(self, graph: Graph) -> Ints:
        """Of the things that hold it, by a proof or because it was accused or set aside there.

        Rows that a verdict accuses are no thing of their own.
        """
        ties = graph.ties
        events = np.zeros(len(graph.events.index), bool)
        events[self._accusing(graph)] = True
        judged = ties.thing[ties.of(events, USED)]
        cleaned = graph.edges.source[np.isin(graph.edges.made, self.aside(graph))]
        there = np.intersect1d(sorted(self.held), ties.thing[ties.role != ACCUSED])
        return np.setdiff1d(np.concatenate([there, judged, cleaned]), self.absent).astype(np.int64)

    def aside(self, graph: Graph) -> Ints:
        """Numbers of the rows set aside among which it is."""
        return np.intersect1d(sorted(self.held), graph.ties.thing[graph.ties.role == ASIDE])

    def accused(self, graph: Graph) -> Ints:
        """Entries of the verdicts that accuse it."""
        return graph.events.index[self._accusing(graph)]

    def _accusing(self, graph: Graph) -> Ints:
        ties = (graph.ties.role == ACCUSED) & np.isin(graph.ties.thing, sorted(self.held))
        return np.unique(graph.ties.event[ties])


def standing(wanted: RowWanted, gathering: Gathering, sidecars: Sidecars) -> Standing:
    """Looks for a row everywhere, and checks the proof of each place against the ledger's root."""
    held: dict[int, tuple[int, ...]] = {}
    absent = set()
    for number, root in sidecars.known(gathering):
        rows = sidecars.rows(root)
        places = rows.find(wanted.digest)[:MOST]
        for place in places:
            check_row(wanted.digest, rows.proof(place), root)
        if places:
            held[number] = places
        else:
            absent.add(number)
    return Standing(held, np.array(sorted(absent - set(held)), np.int64))


def without_rows_of(named: Ints, gathering: Gathering, sidecars: Sidecars) -> Ints:
    """Numbers of things that have no row of the named ones, as far as digests are at hand.

    Two rows count as the same as soon as 64 bits of their digests are: that spares too little at
    worst.
    """
    known: dict[int, list[str]] = {}
    for number, root in sidecars.known(gathering):
        known.setdefault(number, []).append(root)
    if not len(named) or not set(named.tolist()) <= set(known):
        return np.zeros(0, np.int64)
    bad = np.unique(np.concatenate([_short(sidecars, known[one]) for one in named.tolist()]))
    clear = [
        number
        for number, roots in known.items()
        if number not in named and not np.isin(_short(sidecars, roots), bad).any()
    ]
    return np.array(clear, np.int64)


def _short(sidecars: Sidecars, roots: list[str]) -> Ints:
    parts = [sidecars.rows(root).digests[:, :8] for root in roots]
    found: Ints = np.ascontiguousarray(np.concatenate(parts)).view(np.int64)[:, 0]
    return found
