"""Alerts as OCSF events, which lakes and SIEMs share."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any

from foretaste.gate.observing import Alert, Observer, Severity
from foretaste.telemetry import atlas

SCHEMA = "1.8.0"
_CLASS, _CATEGORY = 2004, 2
_SEVERITIES = {
    Severity.INFO: (1, "Informational"),
    Severity.LOW: (2, "Low"),
    Severity.MEDIUM: (3, "Medium"),
    Severity.HIGH: (4, "High"),
    Severity.CRITICAL: (5, "Critical"),
}
_CREATE, _UPDATE, _CLOSE = (1, "Create"), (2, "Update"), (3, "Close")
_NEW, _RESOLVED = (1, "New"), (4, "Resolved")
_RULE = (1, "Rule")


def finding(gate: str, alert: Alert) -> dict[str, Any]:
    """A Detection Finding (class 2004), of schema 1.8.0.

    The techniques are those of MITRE ATLAS. Senders are `resources`, as an OCSF actor is a person
    or a process and a sender may be neither.

    >>> found = finding("mail", Alert("backlog", "f", "t", "x", Severity.HIGH, 1.0, 2.0))
    >>> found["class_uid"], found["severity"], found["activity_name"], found["time"]
    (2004, 'High', 'Create', 2000)

    References
    ----------
    Open Cybersecurity Schema Framework. https://schema.ocsf.io/1.8.0/classes/detection_finding
    """
    activity, status = _CREATE if alert.count == 1 else _UPDATE, _NEW
    if alert.resolved:
        activity, status = _CLOSE, _RESOLVED
    severity = _SEVERITIES[alert.severity]
    event: dict[str, Any] = {
        "class_uid": _CLASS,
        "class_name": "Detection Finding",
        "category_uid": _CATEGORY,
        "category_name": "Findings",
        "activity_id": activity[0],
        "activity_name": activity[1],
        "type_uid": _CLASS * 100 + activity[0],
        "type_name": f"Detection Finding: {activity[1]}",
        "severity_id": severity[0],
        "severity": severity[1],
        "status_id": status[0],
        "status": status[1],
        "is_alert": True,
        "time": _milliseconds(alert.last),
        "start_time": _milliseconds(alert.first),
        "end_time": _milliseconds(alert.last),
        "count": alert.count,
        "message": f"{alert.title}: {alert.text}",
        "metadata": _metadata(),
        "finding_info": _info(alert),
        "resources": _resources(gate, alert),
        "unmapped": {"gate": gate, "checks": list(alert.checks)},
    }
    if alert.decisions:
        event["evidences"] = [{"data": {"decision": one}, "uid": one} for one in alert.decisions]
    return event


class Findings(Observer):
    """Appends every alert to a file as one line of OCSF.

    path: made where it is not there; a collector may move it away at any time
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()

    def on_alert(self, gate: str, alert: Alert) -> None:
        line = json.dumps(finding(gate, alert)) + "\n"
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(line)


def _metadata() -> dict[str, Any]:
    product = {
        "name": "Foretaste gate",
        "vendor_name": "Foretaste",
        "version": version("foretaste"),
    }
    return {"version": SCHEMA, "product": product, "log_name": "alerts"}


def _info(alert: Alert) -> dict[str, Any]:
    info: dict[str, Any] = {
        "uid": alert.fingerprint,
        "title": alert.title,
        "desc": alert.text,
        "created_time": _milliseconds(alert.first),
        "first_seen_time": _milliseconds(alert.first),
        "last_seen_time": _milliseconds(alert.last),
        "analytic": {"name": alert.rule, "type_id": _RULE[0], "type": _RULE[1]},
    }
    if alert.techniques:
        info["attacks"] = [
            {
                "version": atlas.VERSION,
                "technique": {
                    "uid": one,
                    "name": atlas.TITLES[one],
                    "src_url": f"https://atlas.mitre.org/techniques/{one}",
                },
            }
            for one in alert.techniques
        ]
    return info


def _resources(gate: str, alert: Alert) -> list[dict[str, Any]]:
    senders = [{"type": "source", "name": one} for one in alert.sources]
    return [{"type": "gate", "name": gate}, *senders]


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
