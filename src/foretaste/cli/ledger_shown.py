"""Events of a ledger as a person or a program reads them."""

from __future__ import annotations

from typing import Any

from rich.markup import escape

from foretaste.ledger.event import Event, Thing

_COLOURS = {"poisoned": "red", "dirty": "yellow", "clean": "green"}
_SHOWN = 4  # things named in a line


def event_line(index: int, event: Event) -> str:
    """An event in one line, with colours."""
    made, used = (_names(some) for some in (event.made, event.used))
    arrow = f"{used} → {made}" if made and used else made or used
    verdict = str(event.facts.get("verdict", ""))
    colour = _COLOURS.get(verdict, "dim")
    said = f"  [{colour}]{escape(verdict)}[/]" if verdict else ""
    return f"[dim]{index:>6}  {event.at}[/]  [bold]{event.kind:<19}[/] {arrow}{said}"


def event_told(index: int, event: Event) -> dict[str, Any]:
    """An event whole, as JSON has it."""
    return {
        "index": index,
        "kind": event.kind,
        "at": event.at,
        "by": event.by,
        "made": [_told(thing) for thing in event.made],
        "used": [_told(thing) for thing in event.used],
        "facts": dict(event.facts),
    }


def _told(thing: Thing) -> dict[str, Any]:
    return {"kind": thing.kind, "name": thing.name, "digest": dict(thing.digest)}


def _names(things: tuple[Thing, ...]) -> str:
    shown = [f"{escape(one.name[-40:])} [dim]{_short(one)}[/]" for one in things[:_SHOWN]]
    more = [f"and {len(things) - _SHOWN} more"] if len(things) > _SHOWN else []
    return ", ".join([*shown, *more])


def _short(thing: Thing) -> str:
    algorithm, said = next(iter(thing.digest.items()))
    return f"{algorithm}:{said[:8]}"
