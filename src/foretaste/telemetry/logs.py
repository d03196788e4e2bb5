"""What a gate does, as JSON, one line an event."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TextIO

from foretaste.gate.observing import Alert, Drift, Observer, Severity
from foretaste.gate.ruled import RULINGS, Ruled, Window

LOGGER = "foretaste.gate"
_LEVELS = {
    Severity.INFO: logging.INFO,
    Severity.LOW: logging.INFO,
    Severity.MEDIUM: logging.WARNING,
    Severity.HIGH: logging.ERROR,
    Severity.CRITICAL: logging.CRITICAL,
}


class OneLine(logging.Formatter):
    r"""Formats whatever is logged as one line of JSON, in ASCII.

    A line break in a record's text cannot forge a second event.

    >>> made = logging.makeLogRecord({"name": "a", "levelname": "INFO", "msg": "b\nc"})
    >>> json.loads(OneLine().format(made))["message"]
    'b\nc'
    """

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        said: dict[str, Any] = {"time": when, "level": record.levelname, "logger": record.name}
        fields = getattr(record, "fields", None)
        if isinstance(fields, Mapping):
            said.update(fields)
        else:
            said["message"] = record.getMessage()
        if record.exc_info:
            said["error"] = self.formatException(record.exc_info)
        return json.dumps(said, default=str)


class Log(Observer):
    """Logs a line for each batch, window, drift, failure and alert.

    each: a line, too, for each record that was not admitted
    """

    def __init__(self, each: bool = False) -> None:
        self._each = each
        self._logger = logging.getLogger(LOGGER)

    def on_ruled(self, gate: str, ruled: Ruled, seconds: float) -> None:
        self._line(
            logging.INFO,
            gate,
            "ruled",
            records=len(ruled),
            admitted=int(ruled.admitted.sum()),
            held=int(ruled.held.sum()),
            rejected=int(ruled.rejected.sum()),
            seconds=round(seconds, 6),
        )
        for row in sorted(ruled.reasons) if self._each else ():
            reasons = [why.model_dump() for why in ruled.reasons[row]]
            said = {"decision": ruled.ids[row], "ruling": RULINGS[ruled.codes[row]].value}
            self._line(logging.INFO, gate, "stopped", **said, reasons=reasons)

    def on_window(self, gate: str, window: Window) -> None:
        record = window.record.model_dump(exclude={"pulled", "record_schema"})
        self._line(logging.INFO, gate, "window", pulled=len(window.record.pulled), **record)

    def on_drift(self, gate: str, drift: Drift) -> None:
        self._line(logging.WARNING, gate, "drift", **asdict(drift))

    def on_backlog(self, gate: str, held: int) -> None:
        self._line(logging.DEBUG, gate, "backlog", held=held)

    def on_failure(self, gate: str, error: str) -> None:
        self._line(logging.ERROR, gate, "failure", error=error)

    def on_alert(self, gate: str, alert: Alert) -> None:
        self._line(_LEVELS[alert.severity], gate, "alert", **asdict(alert))

    def _line(self, level: int, gate: str, event: str, **fields: Any) -> None:
        if self._logger.isEnabledFor(level):
            told = {"event": event, "gate": gate, **fields}
            self._logger.log(level, event, extra={"fields": told})


def write_json(stream: TextIO | None = None, level: int = logging.INFO) -> logging.Handler:
    """Has everything that is logged under `foretaste` written as JSON; gives the handler.

    stream: standard error where none is given
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(OneLine())
    logger = logging.getLogger("foretaste")
    logger.addHandler(handler)
    logger.setLevel(level)
    return handler
