"""Federations: each round from the model before it, and what people decided of clients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from foretaste import datasets
from foretaste.bookkeeping.parts import MOST, batched, sha_of
from foretaste.bookkeeping.seeing import Seen, plain
from foretaste.durable import whole_lines
from foretaste.federating import Federation
from foretaste.federation.chain import CHECKPOINTS, LINES, Chain, name_of
from foretaste.federation.keys import signing_key
from foretaste.federation.link import Link, read_link
from foretaste.federation.record import Decided
from foretaste.federation.rounds import KEY
from foretaste.ledger.book import Book
from foretaste.ledger.event import Event, Thing


def data_of(said: str) -> str:
    """Where a data set is that was said by its path, or by the name of one that can be fetched."""
    return str(datasets.fetch(said)) if said in datasets.names() else said


def federated(book: Book, on: Seen, how: Federation, out: Path) -> tuple[Event, ...]:
    """The rounds of a federation that the ledger does not have yet.

    on:  the data set, as it was seen before the first round
    out: the folder of the federation
    Raises `BadInput` where the data set was changed meanwhile, `BadChain` for a broken chain.
    """
    on.same()
    links = Chain(out / CHECKPOINTS, signing_key(how.key or out / KEY)).links()
    have = {link.model for link in links}
    known = {
        thing.digest.get("sha256")
        for _, event in book.events()
        if event.kind == "federated_round"
        for thing in event.made
        if thing.digest.get("sha256") in have
    }
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
    client = _client(said.client, _first(folder), folder)
    facts = {
        "decision": said.decision,
        "client": said.client,
        "round": last,
        "by": said.by,
        "why": said.why,
    }
    return (Event("human_decision", (), (client,), facts),)


def _rounds(
    links: Sequence[Link], known: set[str | None], out: Path, on: Seen, facts: Mapping[str, Any]
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


def _first(folder: Path) -> list[Link]:
    """The first line of a federation's chain, which names the federation."""
    lines = whole_lines(folder / CHECKPOINTS / LINES)
    return [read_link(line, 1) for line in lines[:1]]


def _client(name: str, links: Sequence[Link], folder: Path) -> Thing:
    """A client, named by its federation's first round: the same name elsewhere is another one."""
    said = f"client {name} of {links[0].digest if links else folder}"
    return Thing("source", f"{folder}#{name}", {"sha256": sha_of(said)})
