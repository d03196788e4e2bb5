"""Taste the data before the model does.

The words (`ARCHITECTURE.md` draws the floors they live on):

    Dataset -> Encoder -> Detector -> p-values -> Finding -> Verdict
    Batch   -> Attack  -> what was touched        (to measure what would be found)
    Attack  x  Defence -> Recipe  -> Scorecard    (a campaign: what it does, what is left)
    Event   -> Book                               (a ledger: what was done, for others to check)

A detector is map, merge, fit, map: `summarize`, `merge`, `fit`, `score`; so the same file runs
over a data set here, on a cluster, and in a stream.

>>> import pyarrow as pa
>>> from foretaste import scan
>>> texts = [f"see you at the office at {hour} today" for hour in range(24)] * 3
>>> result = scan(pa.table({"text": texts, "label": ["ham", "ham", "spam"] * 24}))
>>> result.verdict.value
'dirty'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from foretaste.api import Options, Result, inspect, mend, redteam, scan
    from foretaste.data import Batch
    from foretaste.federating import Federation, federate
    from foretaste.ledger.book import Book
    from foretaste.ledger.event import Event, Thing
    from foretaste.mending import Remedy
    from foretaste.scanning.run import Settings
    from foretaste.tracing import trace
    from foretaste.training import Training, train

__all__ = [
    "Batch",
    "Book",
    "Event",
    "Federation",
    "Options",
    "Remedy",
    "Result",
    "Settings",
    "Thing",
    "Training",
    "federate",
    "inspect",
    "mend",
    "redteam",
    "scan",
    "trace",
    "train",
]

_HOMES = {
    "Batch": "foretaste.data",
    "Book": "foretaste.ledger.book",
    "Event": "foretaste.ledger.event",
    "Federation": "foretaste.federating",
    "Options": "foretaste.api",
    "Remedy": "foretaste.mending",
    "Result": "foretaste.api",
    "Settings": "foretaste.scanning.run",
    "Thing": "foretaste.ledger.event",
    "Training": "foretaste.training",
    "federate": "foretaste.federating",
    "inspect": "foretaste.api",
    "mend": "foretaste.api",
    "redteam": "foretaste.api",
    "scan": "foretaste.api",
    "trace": "foretaste.tracing",
    "train": "foretaste.training",
}


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used, so that the command line starts fast."""
    if name not in _HOMES:
        raise AttributeError(f"module 'foretaste' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
