"""An answer about lineage as a tree in the terminal."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.markup import escape
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from foretaste.cli.screen import stdout
from foretaste.lineage.answer import Answer, EventNote, RowNote, ThingNote
from foretaste.lineage.bundles import Bundle, Bundled, bundled
from foretaste.lineage.graph import DERIVES
from foretaste.lineage.wording import TITLES, said, short, titled
from foretaste.report.page import visible

COLOURS = {
    "bad": "bold red",
    "tainted": "red",
    "set aside": "magenta",
    "poisoned": "red",
    "cleaned": "cyan",
    "dirty": "yellow",
    "clean": "green",
    "unjudged": "dim",
}
ENOUGH = 10  # things that are shown one by one
SHOWN = 30  # models, and things to do, in the terminal
MOST = 200  # lines of a tree
EVENTS = 6  # that are told about one thing


def show(answer: Answer) -> None:
    """What it came from, what was made of it, which models, what to do."""
    colour = "red" if answer.verdict == "tainted" else "green"
    stdout.print(f"[bold {colour}]{answer.verdict.upper()}[/]  {_plain(answer.asked)}")
    against = answer.against
    stdout.print(
        f"  checked against {_plain(against.origin)}, {against.size:,} entries, root "
        f"{against.root[:16]}…",
        highlight=False,
    )
    if answer.row is not None:
        _row(answer, answer.row)
    if answer.left_out:
        stdout.print(f"  … less {answer.left_out:,} things, which were too many to tell")
    few = bundled(answer, ENOUGH)
    for upwards in (True, False):
        _Growing(answer, few, upwards).show()
    _models(answer)
    _todo(answer)


@dataclass
class _Growing:
    """One of two trees: what it came from, or what was made of it."""

    answer: Answer
    few: Bundled
    upwards: bool
    seen: set[int] = field(default_factory=set)

    def show(self) -> None:
        """Prints it, if there is something to tell."""
        asked = [one for one in self.few.bundles.values() if self._first(one).relation == "asked"]
        title = "came from" if self.upwards else "was made into"
        if self.upwards and not any(one.relation == "origin" for one in self.answer.things):
            title = "what is known of it"
        tree = Tree(title, guide_style="dim")
        for one in asked:
            self._grow(tree, one, ())
        if len(self.seen) > len(asked) or self.upwards:
            stdout.print(tree, highlight=False, soft_wrap=False)
        if len(self.seen) > MOST:
            stdout.print("  … and more; --html and --json tell all of it")

    def _grow(self, tree: Tree, bundle: Bundle, entries: tuple[int, ...]) -> None:
        again = bundle.id in self.seen
        branch = tree.add(self._line(bundle, entries) + ("  [dim](above)[/]" if again else ""))
        self.seen.add(bundle.id)
        if again or len(self.seen) > MOST:
            return
        if len(bundle.members) == 1 and (self.upwards or self._first(bundle).relation != "asked"):
            for event in _about(self.answer, bundle.id)[-EVENTS:]:
                branch.add(_event(event))
        lines = self.few.sources(bundle.id) if self.upwards else self.few.made(bundle.id)
        for line in lines:
            other = self.few.bundles[line.source if self.upwards else line.made]
            self._grow(branch, other, line.entries)

    def _line(self, bundle: Bundle, entries: tuple[int, ...]) -> str:
        thing = self._first(bundle)
        kind, name = titled(self.answer, bundle)
        said = [_state(thing), f"{kind} [bold]{_plain(name)}[/]"]
        said.append(f"[dim]{short(thing)}[/]" if len(bundle.members) == 1 else "")
        said += [f"[bold]in use{' in ' + _plain(one) if one else ''}[/]" for one in thing.in_use]
        said.append(f"undone (entry {thing.undone})" if thing.undone is not None else "")
        said.append(f"[dim]{_entries(entries)}[/]" if entries else "")
        return "  ".join(part for part in said if part)

    def _first(self, bundle: Bundle) -> ThingNote:
        return self.answer.things[bundle.id]


def _about(answer: Answer, thing: int) -> list[EventNote]:
    """What was said about a thing, and how it was made."""
    return [
        one
        for one in answer.events
        if thing in one.made or (thing in one.used and one.kind not in DERIVES)
    ]


def _event(event: EventNote) -> str:
    verdict = str(event.facts.get("verdict", ""))
    colour = COLOURS.get("poisoned" if verdict == "poison" else verdict, "default")
    words = _plain(said(event))
    told = f": [{colour}]{words}[/]" if words else ""
    return f"[dim]entry {event.index}, {event.at[:10]}[/]  {TITLES[event.kind]}{told}"


def _row(answer: Answer, row: RowNote) -> None:
    stdout.print(f"  row {row.digest}", highlight=False)
    for title, places in (("stands in", row.held), ("set aside in", row.aside)):
        for one in places:
            where = ", ".join(f"{at:,}" for at in one.rows)
            name = _plain(answer.things[one.thing].name)
            stdout.print(f"  {title} {name}, row {where} (proof checked)", highlight=False)
    for index in row.accused:
        stdout.print(f"  [red]accused of an attack[/] by the verdict of entry {index}")
    for title, some in (("not in", row.absent), ("no digests of rows at hand of", row.unknown)):
        if some:
            names = ", ".join(_plain(answer.things[one].name) for one in some[:SHOWN])
            stdout.print(f"  {title} {names}", highlight=False)


def _models(answer: Answer) -> None:
    if not answer.models:
        return
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for name in ("model", "digest", "how", "state"):
        table.add_column(Text(name))
    for one in answer.models[:SHOWN]:
        thing = answer.things[one.thing]
        state = "undone" if one.undone else "in use" if one.in_use else ""
        how = Text(one.how, COLOURS[thing.state])
        table.add_row(Text(visible(thing.name)), short(thing), how, state)
    stdout.print(f"\n[bold]models[/] {len(answer.models):,}")
    stdout.print(table)
    if len(answer.models) > SHOWN:
        stdout.print(f"  … and {len(answer.models) - SHOWN:,} more; --json tells all")


def _todo(answer: Answer) -> None:
    if answer.todo:
        stdout.print("\n[bold]what to do[/]")
    for one in answer.todo[:SHOWN]:
        thing = answer.things[one.thing]
        link = {"roll back": "to", "retrain": "from"}.get(one.act, "")
        to = f" {link} {_plain(one.to_name)} [dim]{one.to[:17]}[/]" if one.to else ""
        stdout.print(
            f"  [bold]{one.act}[/] {_plain(thing.name)}{to}: {_plain(one.why)}", highlight=False
        )
    if len(answer.todo) > SHOWN:
        stdout.print(f"  … and {len(answer.todo) - SHOWN:,} more; --json tells all")


def _state(thing: ThingNote) -> str:
    return f"[{COLOURS[thing.state]}]{thing.state}[/]"


def _entries(entries: tuple[int, ...]) -> str:
    if len(entries) == 1:
        return f"entry {entries[0]}"
    return f"{len(entries)} entries, {entries[0]} to {entries[-1]}"


def _plain(text: str) -> str:
    return escape(visible(text))
