"""A federation's server without an engine: open a round, close it with what came."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from foretaste.aggregating import combined
from foretaste.data import Array
from foretaste.durable import add_line
from foretaste.errors import BadInput, TooFewHonest
from foretaste.federated import Aggregator, Combined, Preaggregator, Reply, Seen
from foretaste.federation.admission import Admitted, Door
from foretaste.federation.chain import CHECKPOINTS, Chain
from foretaste.federation.judging import judged, relearned, suspected
from foretaste.federation.keys import signing_key
from foretaste.federation.link import Link
from foretaste.federation.privacy import CentralPrivacy
from foretaste.federation.record import SCHEMA, ClientRecord, Decided, RoundRecord, TurnedRecord
from foretaste.federation.reputation import Reputation, round_, standing
from foretaste.federation.written import RECORDS, decide, read_decisions, read_rounds
from foretaste.geometry import geometry
from foretaste.layout import Layout
from foretaste.record import Finding

KEY = "key.pem"


@dataclass(frozen=True)
class Terms:
    """How a federation is run.

    rule, before:  what makes one update of many, and what is done to them first
    door:          what is let in
    learning_rate: what the combined update is multiplied by
    privacy:       noise on the average; only with the rule `Mean`
    alpha:         how often an honest federation may suspect anybody at all
    exclude:       whether suspects are asked no more, until a person reinstates them
    trusted:       model -> (d,) the server's own update, for rules that compare with it
    """

    rule: Aggregator
    before: tuple[Preaggregator, ...] = ()
    door: Door = Door()  # noqa: RUF009 (frozen)
    learning_rate: float = 1.0
    privacy: CentralPrivacy | None = None
    alpha: float = 0.01
    exclude: bool = False
    trusted: Callable[[Mapping[str, Array]], Array | None] | None = None

    def __post_init__(self) -> None:
        if self.privacy is None:
            return
        if type(self.rule).__name__ != "Mean" or self.before:
            raise BadInput(
                "central noise is measured for an average; after "
                f"{self.rule!r} one client may weigh more than 1/n. Use the rule mean, or let "
                "clients add noise themselves (LocalPrivacy), which any rule may follow"
            )


@dataclass(frozen=True, eq=False)
class Asked:
    """An open round: its number, who is asked, what they are sent."""

    round: int
    clients: tuple[str, ...]
    model: Mapping[str, Array]
    started: str = ""  # UTC, ISO 8601
    clock: float = 0.0  # seconds, of no particular zero


@dataclass(eq=False)
class Rounds:
    """A federation between rounds; `open` one, `close` it with what came back.

    model: name -> array, what the next clients are sent
    out:   folder for records and checkpoints; without it nothing is written
    key:   PEM file of the signing key; `key.pem` in the folder where not given
    seed:  of all chance; the noise of `terms.privacy` follows from it, and hides nothing from
           whoever knows it

    >>> from foretaste.aggregators.trimmed_mean import TrimmedMean
    >>> rounds = Rounds({"w": np.zeros(2, np.float32)}, Terms(TrimmedMean(f=1)))
    >>> asked = rounds.open(["a", "b", "c", "d"])
    >>> sent = [("a", 1.0), ("b", 1.0), ("c", np.nan), ("d", 900.0)]
    >>> replies = [Reply(c, 1, {"w": np.full(2, value, np.float32)}) for c, value in sent]
    >>> record = rounds.close(replies)
    >>> record.status, [(one.client, one.why) for one in record.turned], rounds.model["w"].tolist()
    ('done', [('c', 'not finite')], [1.0, 1.0])
    """

    model: Mapping[str, Array]
    terms: Terms
    out: Path | None = None
    key: Path | None = None
    seed: int = 0
    number: int = 0
    reputation: Reputation = Reputation()  # noqa: RUF009 (frozen)
    suspects: dict[str, Finding] = field(default_factory=dict)
    decisions: list[Decided] = field(default_factory=list)
    spent_rounds: int = 0
    resumed: tuple[str, ...] = ()  # what was wrong with checkpoints newer than the one gone on from
    _asked: Asked | None = None
    _before: Array | None = None
    _last: Link | None = None
    _history: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.model = {name: np.array(one) for name, one in self.model.items()}
        self.layout = Layout.of(self.model)
        self.reputation = Reputation(self.terms.alpha)
        self.chain: Chain | None = None
        if self.out is not None:
            self.out.mkdir(parents=True, exist_ok=True)
            self.chain = Chain(self.out / CHECKPOINTS, signing_key(self.key or self.out / KEY))
            self._resume()

    @property
    def excluded(self) -> tuple[str, ...]:
        """Clients that are not asked; a person's word counts over what was found."""
        said = {one.client: one.decision for one in self.decisions}
        out = {client for client, decision in said.items() if decision == "excluded"}
        if self.terms.exclude:
            out |= {client for client in self.suspects if said.get(client) != "reinstated"}
        return tuple(sorted(out))

    def open(self, clients: Sequence[str]) -> Asked:
        """Begins a round with those of the clients that are not excluded.

        Raises `BadInput` while another round is open, or where a client is named twice.
        """
        if self._asked is not None:
            raise BadInput(f"round {self._asked.round} is open; close it first")
        if len(set(clients)) < len(clients):
            raise BadInput("a client is named twice; each has a name of its own")
        invited = tuple(client for client in clients if client not in self.excluded)
        self._asked = Asked(self.number + 1, invited, self.model, _now(), time.perf_counter())
        return self._asked

    def close(self, replies: Iterable[Reply]) -> RoundRecord:
        """Lets replies in, combines them, moves the model, writes it down.

        Where too few are let in for the rule the round is void and the model stands.
        Raises `BadInput` where no round is open.
        """
        if self._asked is None:
            raise BadInput("no round is open; open one first")
        asked, sent = self._asked, self.layout.flat(self._asked.model)
        let_in = self.terms.door.admit(self.layout, sent, asked.clients, asked.round, replies)
        try:
            found, wrong = self._combined(let_in, asked.round), ""
        except TooFewHonest as error:
            found, wrong = None, str(error)
        record = self._judged(asked, let_in, found, wrong)
        if found is not None:
            moved = sent + self.terms.learning_rate * found.update
            self.model = self.layout.arrays(moved)
            self._before = found.update
        self.number, self._asked = asked.round, None
        return self._kept(record)

    def preview(self, updates: Array, clients: Sequence[str]) -> Array:
        """(n, d) -> (d,) what the server would make of updates now: what an attacker who knows
        the rule can compute. Nothing changes by it.
        """
        let_in = Admitted(tuple(clients), updates, np.ones(len(updates)), {}, (), ())
        seen = self._seen(let_in, self.number + 1)
        return combined(self.terms.rule, updates, seen, self.terms.before).update

    def decide(self, client: str, decision: Any, by: str, why: str) -> Decided:
        """A person's word on a client: `excluded` or `reinstated`; written down with the reason."""
        if self.out is not None:
            said = decide(self.out, client, decision, by, why, self.number)
        else:
            said = Decided(
                client=client, decision=decision, by=by, why=why, round=self.number, time=_now()
            )
        self.decisions.append(said)
        return said

    def _combined(self, let_in: Admitted, round: int) -> Combined:
        terms, updates = self.terms, let_in.updates
        if not len(updates):
            raise TooFewHonest("nobody was let in")
        seen = self._seen(let_in, round)
        if seen.history is not None:
            self._history.update(zip(let_in.clients, seen.history, strict=True))
        if terms.privacy is None:
            return combined(terms.rule, updates, seen, terms.before)
        clipped = terms.privacy.clipped(updates)
        even = replace(seen, examples=np.ones(len(updates)))  # the noise is for equal votes
        found = combined(terms.rule, clipped, even)
        rng = np.random.default_rng([self.seed, round, 11])
        self.spent_rounds += 1
        return replace(found, update=terms.privacy.noised(found.update, len(updates), rng))

    def _seen(self, let_in: Admitted, round: int) -> Seen:
        needs = getattr(self.terms.rule, "needs", ())
        before = self._before
        if before is None and "before" in needs:
            before = np.zeros(self.layout.size, np.float32)
        trusted = None
        if "trusted" in needs and self.terms.trusted is not None:
            trusted = self.terms.trusted(self.model)
        history = None
        if "history" in needs:
            had = [self._history.get(client, 0.0) for client in let_in.clients]
            history = np.stack([h + u for h, u in zip(had, let_in.updates, strict=True)])
        chance = int(np.random.default_rng([self.seed, round]).integers(2**31))
        return Seen(before, trusted, history, let_in.examples, chance)

    def _judged(
        self, asked: Asked, let_in: Admitted, found: Combined | None, wrong: str
    ) -> RoundRecord:
        rows, alike = self._stand(let_in, found)
        names, known = asked.clients, self.suspects
        new = suspected(asked.round, names, self.reputation, known)
        self.suspects.update(new)
        spent = self.terms.privacy.spent(self.spent_rounds) if self.terms.privacy else None
        return RoundRecord(
            schema=SCHEMA,
            round=asked.round,
            status="void" if found is None else "done",
            detail=wrong,
            rule=repr(self.terms.rule),
            before=tuple(map(repr, self.terms.before)),
            asked=asked.clients,
            admitted=rows,
            turned=tuple(TurnedRecord(**one.__dict__) for one in let_in.turned),
            silent=let_in.silent,
            excluded=self.excluded,
            alike=alike,
            suspects=tuple(new.values()),
            update_norm=0.0 if found is None else round_(float(np.linalg.norm(found.update))),
            epsilon=None if spent is None else spent.epsilon,
            delta=None if spent is None else spent.delta,
            started=asked.started,
            seconds=round_(time.perf_counter() - asked.clock),
        )

    def _stand(
        self, let_in: Admitted, found: Combined | None
    ) -> tuple[tuple[ClientRecord, ...], tuple[tuple[str, ...], ...]]:
        """Those let in, how they stand to each other, and groups that sent the same."""
        if not len(let_in.updates):
            return (), ()
        lie = found.geometry if found is not None else None
        at = standing(geometry(let_in.updates) if lie is None else lie, let_in.updates)
        self.reputation = self.reputation.after(let_in.clients, at)
        rows = judged(let_in, at, None if found is None else found.weights, self.reputation)
        groups = (tuple(let_in.clients[one] for one in group) for group in at.alike)
        return rows, tuple(groups)

    def _kept(self, record: RoundRecord) -> RoundRecord:
        if self.out is None or self.chain is None:
            return record
        text = record.model_dump_json(by_alias=True).encode()
        add_line(self.out / RECORDS, text)
        link = self.chain.append(
            record.round,
            self.model,
            rule=" > ".join((*record.before, record.rule)),
            admitted=tuple(one.client for one in record.admitted),
            record=text,
            after=self._last,
        )
        self._last = link
        return record.model_copy(update={"model": link.model})

    def _resume(self) -> None:
        """Goes on from the newest checkpoint that is whole."""
        if self.out is None or self.chain is None:
            return
        last = self.chain.last_good()
        if last is None:
            return
        model, link, self.resumed = last
        if self.resumed:
            self.chain.cut(link)
        links = tuple(one for one in self.chain.links() if one.round <= link.round)
        self.model, self.number = {n: np.array(model[n]) for n in self.layout.names}, link.round
        records = read_rounds(self.out, links)
        self.decisions = read_decisions(self.out)
        self.spent_rounds = sum(one.status == "done" for one in records)
        self.suspects = {one.id: one for record in records for one in record.suspects}
        self.reputation = relearned(self.reputation, records)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
