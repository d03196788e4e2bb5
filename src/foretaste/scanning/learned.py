"""Methods and what they made of the rows; one that fails is reported, the rest goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from foretaste.data import Batch
from foretaste.scanning.watch import Watch
from foretaste.store import Spool


@dataclass
class Learned:
    """A method and what it made of the rows, or why it could not."""

    name: str
    method: Any
    summary: Any = None
    model: Any = None
    failure: str = ""
    stage: str = ""  # encoders: where their columns are


def summarize_all(dataset: Spool, learned: list[Learned], watch: Watch, name: str) -> None:
    """Walks the data once for all methods that learn."""
    if not learned:
        return
    with watch.stage(name, dataset.rows) as tick:
        for batch in dataset:
            for one in (one for one in learned if not one.failure):
                with watch.part(one.name):
                    _take_in(one, batch)
            tick(len(batch))


def _take_in(one: Learned, batch: Batch) -> None:
    try:
        summary = one.method.summarize(batch)
        one.summary = summary if one.summary is None else one.summary.merge(summary)
    except Exception as error:  # noqa: BLE001 (a method that fails is reported, the rest goes on)
        one.failure = told(error)


def fit_all(learned: list[Learned], watch: Watch) -> None:
    """Fits each method on its own summary."""
    for one in (one for one in learned if not one.failure):
        with watch.stage(f"fit: {one.name}"):
            try:
                one.model = one.method.fit(one.summary)
            except Exception as error:  # noqa: BLE001 (as above)
                one.failure = told(error)


def told(error: Exception) -> str:
    """An error in one short line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]
