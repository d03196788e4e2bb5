"""Batches that were ruled on, and windows, made up."""

import numpy as np

from foretaste.data import Batch
from foretaste.gate.decision import Pulled, Reason, WindowRecord
from foretaste.gate.observing import Alert, Severity
from foretaste.gate.ruled import Ruled, Window
from foretaste.streaming import Aspect

CODES = {"a": 0, "h": 1, "r": 2}


def ruled(word, window=0, source="ann", check="joint_outlier", start=0):
    """A record a letter: admitted, held or rejected."""
    n = len(word)
    columns = {"arrived": np.arange(n, dtype=float), "source": [source] * n}
    why = Reason(check=check, surprise=9.0, text="odd")
    return Ruled(
        batch=Batch([f"r{start + i}" for i in range(n)], columns),
        codes=np.array([CODES[letter] for letter in word], np.int64),
        ids=[f"d{start + i}" for i in range(n)],
        sequence=np.arange(start, start + n),
        window=np.full(n, window, np.int64),
        scores={Aspect.INTEGRITY: np.zeros(n)},
        reasons={i: (why,) for i, letter in enumerate(word) if letter != "a"},
    )


def window(number=0, records=100, pulled=0, check="joint_outlier", failures=()):
    why = (Reason(check=check, surprise=9.0, text="odd"),)
    taken = tuple(
        Pulled(id=f"d{i}", record=f"r{i}", sequence=i, reasons=why) for i in range(pulled)
    )
    record = WindowRecord(
        schema=1,
        window=number,
        id="w",
        first=number * records,
        records=records,
        admitted=records - pulled,
        held=0,
        rejected=0,
        pulled=taken,
        content="c",
        failures=failures,
    )
    return Window(Batch([], {}), Batch([], {}), record)


def alert(**changes):
    said = {
        "rule": "sender",
        "fingerprint": "f00",
        "title": "A source has many of its records stopped",
        "text": "30 among the last 1000 records",
        "severity": Severity.MEDIUM,
        "first": 1_790_000_000.0,
        "last": 1_790_000_060.5,
        "count": 2,
        "techniques": ("AML.T0020",),
        "checks": ("joint_outlier",),
        "sources": ("eve",),
        "decisions": ("d1", "d2"),
    }
    return Alert(**{**said, **changes})
