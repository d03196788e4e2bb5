"""Alerts to a URL, signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from foretaste.errors import BadInput, MissingExtra
from foretaste.gate.observing import Alert, Observer
from foretaste.telemetry.outbox import Outbox, Tries, TryLater

_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})


def plain(gate: str, alert: Alert) -> dict[str, Any]:
    """An alert, field by field."""
    return {"type": "foretaste.alert", "schema": 1, "gate": gate, **asdict(alert)}


class Webhook(Observer):
    """Posts every alert to one URL as JSON.

    url:    https; http only to this machine, unless `cleartext`
    secret: bytes shared with whoever listens
    body:   what is sent of an alert; `plain`, or `ocsf.finding`
    cleartext: allows http to anywhere
    timeout: seconds a try may take

    The headers `webhook-id`, `webhook-timestamp`, `webhook-signature` are those of Standard
    Webhooks: HMAC-SHA256 over id, timestamp and body. The id stays the same over all tries, so a
    listener can drop what it has. Only the URL that was configured is ever asked: redirects are
    not followed, and nothing in a record changes where an alert goes.

    Needs the extra `gate` (httpx).

    References
    ----------
    Standard Webhooks. https://www.standardwebhooks.com
    """

    def __init__(
        self,
        url: str,
        secret: bytes,
        body: Callable[[str, Alert], dict[str, Any]] = plain,
        cleartext: bool = False,
        tries: Tries | None = None,
        timeout: float = 5.0,
    ) -> None:
        try:
            import httpx
        except ImportError as error:
            raise MissingExtra("webhooks", "gate") from error
        self.url, self._secret, self._body = _checked(url, cleartext), _long(secret), body
        self._httpx = httpx
        self._client = httpx.Client(timeout=timeout, follow_redirects=False)
        self.outbox = Outbox(self._post, tries)

    def on_alert(self, gate: str, alert: Alert) -> None:
        body = json.dumps(self._body(gate, alert), sort_keys=True).encode()
        state = f"{alert.fingerprint} {alert.first} {alert.last} {alert.severity} {alert.resolved}"
        self.outbox.put((hashlib.sha256(state.encode()).hexdigest()[:32], body))

    def close(self) -> None:
        """Posts what still waits, for some seconds."""
        self.outbox.close()
        self._client.close()

    def _post(self, notice: tuple[str, bytes]) -> None:
        name, body = notice
        when = int(time.time())
        headers = {
            "content-type": "application/json",
            "user-agent": "foretaste",
            "webhook-id": name,
            "webhook-timestamp": str(when),
            "webhook-signature": signature(self._secret, name, when, body),
        }
        try:
            with self._client.stream("POST", self.url, content=body, headers=headers) as answer:
                code, after = answer.status_code, answer.headers.get("retry-after", "")
        except self._httpx.TransportError as error:
            raise TryLater(f"{type(error).__name__}: {error}") from error
        if code in _LATER:
            raise TryLater(f"the listener answered {code}", float(after) if after.isdigit() else 0)
        if not 200 <= code < 300:
            raise BadInput(f"the listener answered {code}; it is not asked again")


def signature(secret: bytes, name: str, when: int, body: bytes) -> str:
    """What `webhook-signature` has to be; compare with `hmac.compare_digest`.

    name: webhook-id; when: webhook-timestamp, seconds since 1970

    >>> signature(b"0" * 24, "id", 0, b"{}")
    'v1,Ce1eccZiF8zPR75uT6P/ls1jDUAYslZk/gNYOknFhGo='
    """
    signed = f"{name}.{when}.".encode() + body
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _checked(url: str, cleartext: bool) -> str:
    parts = urlsplit(url)
    local = parts.hostname in {"127.0.0.1", "::1", "localhost"}
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadInput(f"a webhook has an address such as https://host/path, not {url!r}")
    if parts.scheme == "http" and not (local or cleartext):
        raise BadInput(f"alerts to {parts.hostname} would travel in clear text; use https")
    if parts.username or parts.password:
        raise BadInput("a webhook's address must not carry a password")
    return url


def _long(secret: bytes) -> bytes:
    if len(secret) < 24:
        raise BadInput(f"a webhook's secret has at least 24 bytes; this one has {len(secret)}")
    return secret
