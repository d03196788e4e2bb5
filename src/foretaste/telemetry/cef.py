"""Alerts as CEF, the line a SIEM reads."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version

from foretaste.gate.observing import Alert, Severity

_LEVELS = {
    Severity.INFO: 1,
    Severity.LOW: 3,
    Severity.MEDIUM: 5,
    Severity.HIGH: 8,
    Severity.CRITICAL: 10,
}


def line(gate: str, alert: Alert) -> str:
    r"""One line, without a line break, whatever senders wrote.

    >>> found = Alert("sender", "f1", "A|title", "a=b", Severity.HIGH, 1.0, 2.0, sources=("eve",))
    >>> print(line("mail", found))
    CEF:0|Foretaste|Foretaste gate|...|sender|A\|title|8|rt=2000 start=1000 end=2000
    cnt=1 externalId=f1 act=raised msg=a\=b
    cs1=mail cs1Label=gate cs2=eve cs2Label=sources

    References
    ----------
    Micro Focus (2021). ArcSight Common Event Format, Implementation Standard 26.
    """
    fields = {
        "rt": str(int(alert.last * 1000)),
        "start": str(int(alert.first * 1000)),
        "end": str(int(alert.last * 1000)),
        "cnt": str(alert.count),
        "externalId": alert.fingerprint,
        "act": "resolved" if alert.resolved else "raised",
        "msg": alert.text,
        **_labelled(
            {
                "gate": gate,
                "sources": ", ".join(alert.sources),
                "checks": ", ".join(alert.checks),
                "atlas": ", ".join(alert.techniques),
                "decisions": ", ".join(alert.decisions),
            }
        ),
    }
    head = ("Foretaste", "Foretaste gate", version("foretaste"), alert.rule, alert.title)
    told = "|".join(_header(part) for part in head)
    said = " ".join(f"{key}={_value(value)}" for key, value in fields.items() if value)
    return f"CEF:0|{told}|{_LEVELS[alert.severity]}|{said}"


def _labelled(values: Mapping[str, str]) -> dict[str, str]:
    """Custom strings: `cs1` and what it is called."""
    made: dict[str, str] = {}
    for place, (name, value) in enumerate(values.items(), 1):
        if value:
            made[f"cs{place}"], made[f"cs{place}Label"] = value, name
    return made


def _header(text: str) -> str:
    return _clean(text, " ").replace("\\", "\\\\").replace("|", "\\|")


def _value(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("=", "\\=")
    escaped = escaped.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\r")
    return _clean(escaped, " ")


def _clean(text: str, instead: str) -> str:
    """Without control characters and other line breaks, and fit for UTF-8."""
    kept = "".join(c if c.isprintable() else instead for c in text)
    return kept.encode("utf-8", "replace").decode()
