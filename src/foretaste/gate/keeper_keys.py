"""Which records of a submission are new, and what is answered on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from foretaste.data import Batch
from foretaste.errors import BadInput, KeyReused
from foretaste.gate.decision import Decision
from foretaste.gate.journal_rows import decision_of, plain, stored_key, texts

if TYPE_CHECKING:
    from sqlalchemy import Row


def unseen(batch: Batch, keys: Sequence[str | None], before: Mapping[str, Row[Any]]) -> list[int]:
    """Rows that were not decided before, each key once; raises `KeyReused`."""
    ids, new, reused = batch.ids.tolist(), [], []
    known = {key: row.record for key, row in before.items()}
    for row, key in enumerate(keys):
        if key is None or key not in known:
            new.append(row)
            if key is not None:
                known[key] = plain(ids[row])
        elif known[key] != plain(ids[row]):
            reused.append(row)
    if reused:
        said = texts(batch, "key")
        raise KeyReused(dict.fromkeys(said[row] for row in reused))
    return new


def answers(
    batch: Batch, before: Mapping[str, Row[Any]], made: Mapping[int, Decision]
) -> tuple[Decision, ...]:
    """A decision a row: made now, made before, or made of the same record further up."""
    if len(made) == len(batch):
        return tuple(made.values())
    said = texts(batch, "key")
    fresh = {said[row]: decision for row, decision in made.items()}
    told = []
    for row, key in enumerate(said):
        if row in made:
            told.append(made[row])
        elif key in fresh:
            told.append(fresh[key])
        else:
            old = decision_of(before[stored_key(key) or ""])
            told.append(old.model_copy(update={"key": key}))
    return tuple(told)


def waiting(held: Mapping[str, Row[Any]], ids: Sequence[str], verdict: str) -> list[Row[Any]]:
    """Those nobody decided about yet, oldest first."""
    for one in ids:
        if one not in held:
            raise BadInput(f"{one} is not the decision on a held record")
        if held[one].verdict not in ("waiting", verdict):
            raise BadInput(f"{one} was found {held[one].verdict} by {held[one].by} before")
    rows = {one: held[one] for one in ids if held[one].verdict == "waiting"}
    return sorted(rows.values(), key=lambda row: row.sequence)
