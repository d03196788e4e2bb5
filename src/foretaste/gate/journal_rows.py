"""Decisions and held records as rows of a journal and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from foretaste.data import Array, Batch
from foretaste.gate.decision import SCHEMA, Decision, Reason
from foretaste.gate.ruled import RULINGS, Ruled, number

SAID = "#said"  # column of a cut: each record as it came, as JSON
LONGEST = 256  # characters of a key that is stored as it is
_SHOWN = 1 << 16  # characters of a record that are shown
Verdict = Literal["waiting", "clean", "poison"]


class Held(BaseModel):
    """A record that waits for a person, or did.

    cause:   "door": held when it came; "window": let in and pulled when its window was over;
        "pullback": taken out later
    reasons: why it was held or pulled
    shown:   the record as JSON, as it came where the sender's text was kept
    """

    model_config = ConfigDict(frozen=True)

    decision: Decision
    tenant: str
    cause: Literal["door", "window", "pullback"]
    reasons: tuple[Reason, ...]
    shown: str
    verdict: Verdict
    by: str = ""
    why: str = ""


def decision_rows(ruled: Ruled, tenant: str, cut: int) -> list[dict[str, Any]]:
    """One row a decision, as the table `decisions` takes them."""
    keys, sources = texts(ruled.batch, "key"), texts(ruled.batch, "source")
    records, arrived = ruled.batch.ids.tolist(), ruled.batch["arrived"].tolist()
    codes, sequence, window = (a.tolist() for a in (ruled.codes, ruled.sequence, ruled.window))
    scores = _scores(ruled)
    return [
        {
            "sequence": sequence[row],
            "id": ruled.ids[row],
            "tenant": plain(tenant),
            "key": stored_key(keys[row]),
            "record": plain(records[row]),
            "window": window[row],
            "arrived": arrived[row],
            "source": plain(sources[row]),
            "ruling": RULINGS[codes[row]].value,
            "scores": scores[row],
            "reasons": reasons_json(ruled.reasons.get(row, ())),
            "cut": cut,
        }
        for row in range(len(ruled))
    ]


def _scores(ruled: Ruled) -> list[str]:
    """(n,) surprises by aspect, as JSON."""
    names = ", ".join(f'"{aspect.value}": %s' for aspect in ruled.scores)
    told = [
        ["null" if one is None else repr(one) for one in map(number, values.tolist())]
        for values in ruled.scores.values()
    ]
    return ["{" + names % row + "}" for row in zip(*told, strict=True)] or ["{}"] * len(ruled)


def decision_of(row: Any) -> Decision:
    """The decision that a row of the table `decisions` stands for."""
    return Decision(
        schema=SCHEMA,
        id=row.id,
        record=row.record,
        key=row.key or "",
        sequence=row.sequence,
        window=row.window,
        arrived=row.arrived,
        source=row.source,
        ruling=row.ruling,
        scores=json.loads(row.scores),
        reasons=reasons_of(row.reasons),
    )


def held_row(decision: dict[str, Any], cause: str, reasons: str, shown: str) -> dict[str, Any]:
    """A row of the table `held`, of a row of the table `decisions`."""
    return {
        "sequence": decision["sequence"],
        "id": decision["id"],
        "tenant": decision["tenant"],
        "cause": cause,
        "reasons": reasons,
        "shown": shown,
        "verdict": "waiting",
        "by": "",
        "why": "",
        "review": None,
    }


def held_of(held: Any, decision: Any) -> Held:
    """The held record that a row of the table `held`, and its decision, stand for."""
    return Held(
        decision=decision_of(decision),
        tenant=held.tenant,
        cause=held.cause,
        reasons=reasons_of(held.reasons),
        shown=held.shown,
        verdict=held.verdict,
        by=held.by,
        why=held.why,
    )


def reasons_json(reasons: Sequence[Reason]) -> str:
    """As the tables hold them."""
    return json.dumps([one.model_dump() for one in reasons]) if reasons else "[]"


def reasons_of(text: str) -> tuple[Reason, ...]:
    """As the tables hold them."""
    return tuple(Reason(**one) for one in json.loads(text)) if text != "[]" else ()


def shown(batch: Batch, rows: Sequence[int]) -> list[str]:
    """Records as JSON: as they came where that was kept, else made of their columns."""
    if not rows:
        return []
    some = batch.take(np.asarray(rows, np.int64))
    if SAID in some:
        return [plain(one) for one in texts(some, SAID)]
    told = zip(*(some.arrow(name).to_pylist() for name in some.names), strict=True)
    return [
        json.dumps(dict(zip(some.names, one, strict=True)), default=repr)[:_SHOWN] for one in told
    ]


def texts(batch: Batch, column: str) -> Array | list[str]:
    """(n,) strings of a column; empty where there is none."""
    if column not in batch:
        return [""] * len(batch)
    return ["" if one is None else str(one) for one in batch.arrow(column).to_pylist()]


def stored_key(key: str) -> str | None:
    """A sender's key as databases can hold and index it: by its digest where it is long or odd.

    >>> stored_key("order 7"), stored_key(""), stored_key("x" * 999)[:14]
    ('order 7', None, 'sha256:3256fef')
    """
    if not key:
        return None
    if len(key) > LONGEST or "\x00" in key or key.startswith("sha256:"):
        return "sha256:" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    return key


def plain(text: str) -> str:
    r"""Without what no database can hold: NUL characters and halves of characters.

    >>> plain("a\x00b"), plain("\ud800")
    ('a\ufffdb', '?')
    """
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
