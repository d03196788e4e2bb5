"""From a question to its answer."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from foretaste.data import Mask
from foretaste.errors import BadInput
from foretaste.lineage.answer import Answer, RowNote
from foretaste.lineage.gathering import Gathering
from foretaste.lineage.graph import Graph, Ints
from foretaste.lineage.reading import Ledger, Reading
from foretaste.lineage.rows import RowWanted, Sidecars, Standing, standing, without_rows_of
from foretaste.lineage.taint import Taint, by_verdict, by_word, together
from foretaste.lineage.telling import told
from foretaste.lineage.uses import uses
from foretaste.lineage.view import View
from foretaste.lineage.wanted import Wanted

MOST = 20_000  # things in an answer
NONE: Ints = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Question:
    """What is asked.

    what:    a thing, or a row
    bad:     things and rows that whoever asks calls bad, beside those that the ledger condemns
    back:    where it comes from; forward: what was made from it
    """

    what: Wanted | RowWanted
    bad: tuple[Wanted | RowWanted, ...] = ()
    back: bool = True
    forward: bool = True


@dataclass(frozen=True)
class Asked:
    """A graph, and what is at hand to ask it."""

    reading: Reading
    graph: Graph
    sidecars: Sidecars

    @property
    def gathering(self) -> Gathering:
        """What the graph was made of."""
        return self.reading.gathering

    def standing(self, row: RowWanted) -> Standing:
        """Where a row stands. Raises `BadInput` where it stands nowhere."""
        found = standing(row, self.gathering, self.sidecars)
        if not found.held:
            looked = len(found.absent)
            raise BadInput(
                f"row {row.said[:80]} ({row.digest.hex()}) stands in none of the {looked:,} data "
                "sets whose digests of rows are at hand"
            )
        return found

    def meant(self, said: Wanted | RowWanted) -> Wanted | RowWanted:
        """What no thing is called, and no digest of a thing, may be a row."""
        if isinstance(said, RowWanted) or said.known:
            return said
        digest = said.as_row()
        if digest is None:
            return said
        row = RowWanted(said.said, digest)
        sure = said.row is not None or standing(row, self.gathering, self.sidecars).held
        return row if sure else said

    def holding(self, found: Standing) -> Ints:
        """What holds a row, or what it came from and may have held it: no digests show that."""
        things = found.numbers(self.graph)
        nobody = by_word(self.graph, NONE, NONE)
        view = _view(self, Question(Wanted(""), forward=False), nobody, things)
        known = {number for number, _ in self.sidecars.known(self.gathering)}
        perhaps = [one for one in view.of_rows() if view.origins[one] and one not in known]
        return np.union1d(things, perhaps).astype(np.int64)

    def worded(self, bad: Wanted | RowWanted) -> Taint:
        """What follows from somebody calling something bad."""
        meant = self.meant(bad)
        if isinstance(meant, RowWanted):
            found = self.standing(meant)
            return by_word(self.graph, self.holding(found), found.absent)
        named = meant.numbers(self.gathering)
        return by_word(self.graph, named, without_rows_of(named, self.gathering, self.sidecars))


def ask(ledger: Ledger, question: Question, sidecars: Sidecars | None = None) -> Answer:
    """What the ledger says.

    sidecars: digests of rows, by the root that the ledger has of them; None: none are at hand

    Raises `LedgerRefused` for a ledger that cannot be trusted, `BadInput` for a question about what
    it does not know.
    """
    questions = (question.what, *question.bad)
    reading = Reading.of(ledger, [one for one in questions if isinstance(one, Wanted)])
    asked = Asked(reading, reading.gathering.graph(), sidecars or Sidecars(None))
    what = asked.meant(question.what)
    if isinstance(what, RowWanted):
        return _of_row(asked, question, what)
    taint = by_verdict(asked.graph)
    for one in question.bad:
        taint = together(taint, asked.worded(one))
    return told(_view(asked, question, taint, what.numbers(asked.gathering)))


def _of_row(asked: Asked, question: Question, row: RowWanted) -> Answer:
    """Of a row: what holds it is bad, if somebody says so, a verdict or a cleaning did."""
    found = asked.standing(row)
    aside = found.aside(asked.graph)
    things, accused = asked.holding(found), found.accused(asked.graph)
    named = any(asked.meant(one) == row for one in question.bad)
    bad = named or len(accused) > 0 or _attacked(asked, aside)
    carried = by_word(asked.graph, things, found.absent)
    taint = carried if bad else by_word(asked.graph, NONE, NONE)
    for one in question.bad:
        taint = together(taint, asked.worded(one))
    view = replace(_view(asked, question, taint, things), has=carried.tainted)
    note = _note(asked, view, row, found, aside)
    return told(view, note)


def _attacked(asked: Asked, aside: Ints) -> bool:
    """Whether a row among these was set aside for an attack, and not for dirt alone."""
    graph = asked.graph
    things: Mask = np.zeros(graph.things, bool)
    things[aside] = True
    cleanings = graph.about(things) & graph.events.of("cleaning_decision")
    events = asked.reading.some(graph.events.index[cleanings].tolist())
    return any(event.facts.get("what") != "all" for event in events.values())


def _view(asked: Asked, question: Question, taint: Taint, things: Ints) -> View:
    graph = asked.graph
    itself, nothing = np.zeros(graph.things, bool), np.zeros(graph.things, bool)
    itself[things] = True
    above = graph.above(things) if question.back else nothing
    below = graph.below(things) if question.forward else nothing
    causes = taint.tainted & graph.above(np.flatnonzero(taint.tainted & below))
    causes &= ~(itself | above | below)
    parts = (uses(graph), question.what.said, itself, above, below, causes, ~nothing)
    return View(asked.reading, graph, taint, *parts).less(MOST)


def _note(asked: Asked, view: View, row: RowWanted, found: Standing, aside: Ints) -> RowNote:
    """What is known of the row itself; ids are those of the view."""
    ids = view.ids
    accused = found.accused(asked.graph)
    known = {number for number, _ in asked.sidecars.known(asked.gathering)}
    absent = set(found.absent.tolist())
    places = {n: {"thing": ids[n], "rows": at} for n, at in found.held.items() if n in ids}
    put_aside = set(aside.tolist())
    return RowNote.model_validate(
        {
            "digest": row.digest.hex(),
            "held": [one for number, one in places.items() if number not in put_aside],
            "aside": [one for number, one in places.items() if number in put_aside],
            "accused": accused.tolist(),
            "absent": [ids[n] for n in ids if n in absent],
            "unknown": [ids[n] for n in view.of_rows() if n not in known],
        }
    )
