"""When what a gate does is worth an alert."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from foretaste.gate.observing import Drift, Severity
from foretaste.gate.ruled import Ruled, Window
from foretaste.telemetry.atlas import EROSION, POISONING, techniques

_SHOWN = 5  # checks, sources and decisions named in an alert
_LONGEST = 200  # characters of what a sender wrote
_SOURCES = 10_000  # told apart within one stretch of records


@dataclass(frozen=True)
class Sighting:
    """Trouble a rule sees, or no longer sees.

    key:   the same for what is the same trouble
    on:    False: it is over
    lasts: until it is said to be over, however long nothing is said
    """

    rule: str
    key: str
    title: str
    severity: Severity
    text: str = ""
    on: bool = True
    lasts: bool = False
    techniques: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()


class Rule:
    """Looks at what happened in one gate; says only what it has to say."""

    def ruled(self, ruled: Ruled) -> Iterator[Sighting]:
        """After a batch."""
        yield from ()

    def window(self, window: Window) -> Iterator[Sighting]:
        """After a window."""
        yield from ()

    def drift(self, drift: Drift) -> Iterator[Sighting]:
        """After a move away from the trusted records."""
        yield from ()

    def backlog(self, held: int) -> Iterator[Sighting]:
        """After the number of records that wait has changed."""
        yield from ()

    def failure(self, error: str) -> Iterator[Sighting]:
        """After something broke."""
        yield from ()


@dataclass
class Stopped(Rule):
    """More records are stopped than honest streams have.

    over:    share of the records
    records: looked at together
    """

    over: float = 0.05
    records: int = 1_000
    severity: Severity = Severity.HIGH
    _seen: int = field(default=0, init=False, repr=False)
    _stopped: int = field(default=0, init=False, repr=False)
    _checks: Counter[str] = field(default_factory=Counter, init=False, repr=False)
    _decisions: list[str] = field(default_factory=list, init=False, repr=False)

    def ruled(self, ruled: Ruled) -> Iterator[Sighting]:
        self._seen += len(ruled)
        self._stopped += len(ruled) - int(ruled.admitted.sum())
        for row, reasons in ruled.reasons.items():
            self._checks.update({why.check for why in reasons})
            if len(self._decisions) < _SHOWN:
                self._decisions.append(ruled.ids[row])
        if self._seen >= self.records:
            yield self._said()
            self._seen, self._stopped, self._checks, self._decisions = 0, 0, Counter(), []

    def _said(self) -> Sighting:
        share = self._stopped / self._seen
        checks = tuple(name for name, _ in self._checks.most_common(_SHOWN))
        return Sighting(
            rule="stopped",
            key="",
            title="Many records are stopped",
            severity=self.severity,
            text=f"{share:.1%} of the last {self._seen} records; more than {self.over:.1%} is odd",
            on=share > self.over,
            techniques=techniques(checks) or (POISONING,),
            checks=checks,
            decisions=tuple(self._decisions),
        )


@dataclass
class Sender(Rule):
    """One source has many of its records stopped.

    least:   stopped records of it
    records: looked at together
    """

    least: int = 20
    records: int = 1_000
    severity: Severity = Severity.MEDIUM
    _seen: int = field(default=0, init=False, repr=False)
    _stopped: Counter[str] = field(default_factory=Counter, init=False, repr=False)
    _named: frozenset[str] = field(default=frozenset(), init=False, repr=False)

    def ruled(self, ruled: Ruled) -> Iterator[Sighting]:
        if "source" not in ruled.batch:
            return
        sources = ruled.batch["source"]
        for row in (~ruled.admitted).nonzero()[0].tolist():
            source = str(sources[row])[:_LONGEST]
            if source in self._stopped or len(self._stopped) < _SOURCES:
                self._stopped[source] += 1
        self._seen += len(ruled)
        if self._seen >= self.records:
            yield from self._said()
            self._seen, self._stopped = 0, Counter()

    def _said(self) -> Iterator[Sighting]:
        worst = self._stopped.most_common(_SHOWN)
        named = {source: count for source, count in worst if count >= self.least}
        for source in sorted(self._named.union(named)):
            yield Sighting(
                rule="sender",
                key=source,
                title="A source has many of its records stopped",
                severity=self.severity,
                text=f"{self._stopped[source]} among the last {self._seen} records",
                on=source in named,
                techniques=(POISONING,),
                sources=(source,),
            )
        self._named = frozenset(named)


@dataclass
class Pulled(Rule):
    """Records that had been let in were taken out at the end of a window.

    over: share of the window's records
    """

    over: float = 0.02
    severity: Severity = Severity.HIGH

    def window(self, window: Window) -> Iterator[Sighting]:
        record = window.record
        share = len(record.pulled) / max(record.records, 1)
        checks = Counter(why.check for one in record.pulled for why in one.reasons)
        named = tuple(name for name, _ in checks.most_common(_SHOWN))
        yield Sighting(
            rule="pulled",
            key="",
            title="A group of records was pulled from a window",
            severity=self.severity,
            text=f"{len(record.pulled)} of {record.records} records of window {record.window}",
            on=share > self.over,
            techniques=techniques(named) or (POISONING,),
            checks=named,
            decisions=tuple(one.id for one in record.pulled[:_SHOWN]),
        )


@dataclass
class Drifted(Rule):
    """Records moved away from the trusted ones: abruptly, or most of the drift budget is gone.

    spent: share of the budget
    """

    spent: float = 0.8

    def drift(self, drift: Drift) -> Iterator[Sighting]:
        moved = ", ".join(one[:_LONGEST] for one in drift.features[:_SHOWN]) or "unknown features"
        sources = tuple(one[:_LONGEST] for one in drift.sources[:_SHOWN])
        if drift.surprise > 0:
            yield Sighting(
                rule="drift",
                key="abrupt" if drift.abrupt else "gradual",
                title="Records jumped" if drift.abrupt else "Records drift",
                severity=Severity.HIGH if drift.abrupt else Severity.LOW,
                text=f"window {drift.window}, surprise {min(drift.surprise, 999.0):.1f}: {moved}",
                techniques=(POISONING,) if drift.abrupt else (EROSION,),
                sources=sources,
            )
        yield Sighting(
            rule="drift",
            key="budget",
            title="The drift budget is nearly spent",
            severity=Severity.HIGH,
            text=f"{drift.spent:.0%} of it; refresh the trusted records",
            on=drift.spent > self.spent,
            lasts=True,
            techniques=(EROSION,),
            sources=sources,
        )


@dataclass
class Backlog(Rule):
    """Held records wait for people in larger numbers than these can look at.

    over: records; it is over when half of them are gone
    """

    over: int = 10_000
    severity: Severity = Severity.MEDIUM
    _high: bool = field(default=False, init=False, repr=False)

    def backlog(self, held: int) -> Iterator[Sighting]:
        self._high = held > (self.over // 2 if self._high else self.over)
        yield Sighting(
            rule="backlog",
            key="",
            title="Many held records wait for a person",
            severity=self.severity,
            text=f"{held} records; more than {self.over} is too many",
            on=self._high,
            lasts=True,
        )


@dataclass
class Broke(Rule):
    """A part of the gate broke: it is shut where that part should have judged."""

    severity: Severity = Severity.HIGH

    def failure(self, error: str) -> Iterator[Sighting]:
        part = error.partition(":")[0][:_LONGEST]
        yield Sighting(
            rule="broke",
            key=part,
            title="A part of the gate broke, and what it should judge is held",
            severity=self.severity,
            text=error[:_LONGEST],
            checks=(part,),
        )


def usual() -> tuple[Rule, ...]:
    """Every rule, with its usual bounds."""
    return Stopped(), Sender(), Pulled(), Drifted(), Backlog(), Broke()
