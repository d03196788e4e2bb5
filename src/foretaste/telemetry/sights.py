"""What can be seen of a gate from outside, at a moment: of its journal, or of its metrics."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from foretaste.data import Batch
from foretaste.errors import MissingExtra, NotAvailable
from foretaste.gate.decision import WindowRecord
from foretaste.gate.journal import Journal
from foretaste.gate.journal_rows import reasons_of
from foretaste.gate.journal_tables import DecisionRow, WindowRow
from foretaste.gate.ruled import Window
from foretaste.streaming import Ruling
from foretaste.telemetry.rules import Backlog, Broke, Pulled

_RECENT = 2_000  # decisions looked at
_WINDOWS = 8
_SECONDS = 5.0
_LARGEST = 8 << 20  # bytes of metrics


@dataclass(frozen=True)
class Sight:
    """A gate at a moment.

    at:      seconds since 1970
    records: decided so far; recent: the latest of them, that `rulings`, `reasons`, `sources` count
    sources: name -> (records, stopped); empty where nothing tells them
    held:    records that wait for a person; open: in the open window
    windows: the latest that are over, oldest first
    spent:   share of the drift budget that is gone; None: nobody says
    alerts:  rule and severity -> notices since the start; of a journal: what is on now
    seconds: to decide on a batch, on average
    """

    at: float
    name: str
    records: int = 0
    recent: int = 0
    rulings: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    sources: dict[str, tuple[int, int]] = field(default_factory=dict)
    held: int = 0
    open: int = 0
    windows: tuple[WindowRecord, ...] = ()
    closed: int = 0
    spent: float | None = None
    alerts: dict[str, int] = field(default_factory=dict)
    seconds: float | None = None


def of_journal(journal: Journal) -> Sight:
    """By what a journal holds, while another process writes it."""
    with journal.transaction() as told:
        gate = journal.gate(told)
        records = gate.records if gate is not None else 0
        decisions, over = DecisionRow.__table__, WindowRow.__table__
        latest = select(decisions.c.ruling, decisions.c.source, decisions.c.reasons)
        rows = list(told.execute(latest.where(decisions.c.sequence >= records - _RECENT)))
        some = select(over.c.record).order_by(over.c.window.desc()).limit(_WINDOWS)
        windows = [WindowRecord.model_validate_json(row.record) for row in told.execute(some)]
        held = journal.waiting(told)
    newest = windows[0] if windows else None
    return Sight(
        at=time.time(),
        name=journal.folder.resolve().name,
        records=records,
        recent=len(rows),
        rulings=Counter(row.ruling for row in rows),
        reasons=Counter(why.check for row in rows for why in reasons_of(row.reasons)),
        sources=_sources(rows),
        held=held,
        open=records - (newest.first + newest.records if newest else 0),
        windows=tuple(reversed(windows)),
        closed=newest.window + 1 if newest else 0,
        alerts=_judged(newest, held),
    )


def of_metrics(url: str, token: str = "") -> tuple[Sight, ...]:
    """By what a server says of itself at /metrics, gate by gate.

    token: one that may read. Raises `NotAvailable` where there is no answer.
    """
    from prometheus_client.parser import text_string_to_metric_families

    try:
        families = list(text_string_to_metric_families(_asked(url, token)))
    except ValueError as error:
        raise NotAvailable(f"{url} answers no metrics: {error}") from error
    samples = [one for family in families for one in family.samples]
    names = sorted({one.labels["gate"] for one in samples if "gate" in one.labels})
    return tuple(
        _sight(name, [s for s in samples if s.labels.get("gate") == name]) for name in names
    )


def _judged(newest: WindowRecord | None, held: int) -> dict[str, int]:
    """What the usual rules say of the latest window and of what waits."""
    seen = list(Backlog().backlog(held))
    if newest is not None:
        nothing = Batch([], {})
        seen += Pulled().window(Window(nothing, nothing, newest))
        seen += (one for failure in newest.failures for one in Broke().failure(failure))
    return dict(Counter(f"{one.rule} ({one.severity})" for one in seen if one.on))


def _sight(name: str, samples: list[Any]) -> Sight:
    def counted(metric: str, label: str = "") -> Counter[str]:
        found: Counter[str] = Counter()
        for one in samples:
            if one.name == f"foretaste_{metric}":
                found[one.labels.get(label, "")] += int(one.value)
        return found

    rulings = counted("records_total", "ruling")
    spent = [one.value for one in samples if one.name == "foretaste_drift_budget_spent"]
    batches = counted("decision_seconds_count")[""]
    total = sum(one.value for one in samples if one.name == "foretaste_decision_seconds_sum")
    return Sight(
        at=time.time(),
        name=name,
        records=rulings.total(),
        recent=rulings.total(),
        rulings=rulings,
        reasons=counted("reasons_total", "check"),
        held=counted("held_backlog")[""],
        open=counted("open_window_records")[""],
        closed=counted("windows_total")[""],
        spent=spent[0] if spent else None,
        alerts=_alerts(samples),
        seconds=total / batches if batches else None,
    )


def _alerts(samples: Iterable[Any]) -> dict[str, int]:
    """Rule and severity -> notices that it is on."""
    found: Counter[str] = Counter()
    for one in samples:
        if one.name == "foretaste_alerts_total" and one.labels["state"] == "open":
            found[f"{one.labels['rule']} ({one.labels['severity']})"] += int(one.value)
    return dict(found)


def _asked(url: str, token: str) -> str:
    try:
        import httpx
    except ImportError as error:
        raise MissingExtra("reading metrics", "gate") from error
    headers = {"authorization": f"Bearer {token}"} if token else {}
    try:
        with httpx.stream("GET", url, headers=headers, timeout=_SECONDS) as answer:
            answer.raise_for_status()
            body = b""
            for part in answer.iter_bytes():
                body += part
                if len(body) > _LARGEST:
                    raise NotAvailable(f"{url} answers with more than {_LARGEST:,} bytes")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotAvailable(f"{url}: {type(error).__name__}: {error}") from error
    return body.decode("utf-8", "replace")


def _sources(rows: Iterable[Any]) -> dict[str, tuple[int, int]]:
    sent: Counter[str] = Counter()
    stopped: Counter[str] = Counter()
    for row in rows:
        if row.source:
            sent[row.source] += 1
            stopped[row.source] += row.ruling != Ruling.ADMIT
    return {name: (count, stopped[name]) for name, count in sent.items()}
