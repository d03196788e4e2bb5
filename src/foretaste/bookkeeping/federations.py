"""Federations: each round from the model before it, and what people decided of clients."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from foretaste import datasets
from foretaste.bookkeeping.parts import MOST, batched
from foretaste.bookkeeping.seeing import Seen, opened_and_seen, plain
from foretaste.durable import whole_lines
from foretaste.federating import Federation
from foretaste.federation.chain import LINES, name_of
from foretaste.federation.link import Link, read_link
from foretaste.federation.record import Decided
from foretaste.ledger.book import Book
from foretaste.ledger.event import Event, Thing

CHECKPOINTS = "checkpoints"  # the folder of the chain in that of the federation


def federated(
    book: Book, data: str, roles: Mapping[str, str], how: Federation, out: Path
) -> tuple[Event, ...]:
    """The rounds of a federation that the ledger does not have yet.

    data: as it was given: a path, or the name of a data set that can be fetched
    out:  the folder of the federation
    """
    links = _links(out)
    have = {link.model for link in links}
    known = {
        thing.digest.get("sha256")
        for _, event in book.events()
        if event.kind == "federated_round"
        for thing in event.made
        if thing.digest.get("sha256") in have
    }
    path = str(datasets.fetch(data)) if data in datasets.names() else data
    on = opened_and_seen(path, roles, book.rows)
    facts = {
        "aggregator": how.aggregator,
        "clients": how.clients,
        "tolerate": how.tolerate,
        "attack": how.attack,
        "seed": how.seed,
        "settings": plain(how.rule_settings),
    }
    told = tuple(_rounds(links, known, out, on, facts))
    return (*on.events, *told) if told else ()


def appealed(folder: Path, said: Decided, last: int) -> tuple[Event, ...]:
    """That a person decided of a client, after which round."""
    client = _client(said.client, _links(folder), folder)
    facts = {
        "decision": said.decision,
        "client": said.client,
        "round": last,
        "by": said.by,
        "why": said.why,
    }
    return (Event("human_decision", (), (client,), facts),)


def _rounds(
    links: list[Link], known: set[str | None], out: Path, on: Seen, facts: Mapping[str, Any]
) -> Iterator[Event]:
    before: tuple[Thing, ...] = ()
    for link in links:
        model = Thing("model", str(out / CHECKPOINTS / name_of(link.round)), {"sha256": link.model})
        said = {
            **facts,
            "number": link.round,
            "rule": link.rule,
            "admitted": len(link.admitted),
            "line": f"sha256:{link.digest}",
            "record": f"sha256:{link.record}",
        }
        clients = [_client(name, links, out) for name in link.admitted]
        for some in batched(() if link.model in known else (on.thing, *before, *clients), MOST):
            if some:
                yield Event("federated_round", (model,), some, said)
        before = (model,)


def _links(folder: Path) -> list[Link]:
    lines = whole_lines(folder / CHECKPOINTS / LINES)
    return [read_link(line, number) for number, line in enumerate(lines, 1)]


def _client(name: str, links: list[Link], folder: Path) -> Thing:
    """A client, named by its federation's first round: the same name elsewhere is another one."""
    said = f"client {name} of {links[0].digest if links else folder}"
    return Thing("source", f"{folder}#{name}", {"sha256": _sha(said)})


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
