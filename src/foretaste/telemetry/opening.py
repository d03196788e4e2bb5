"""All that listens to a gate, from settings."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event, Thread
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from foretaste.errors import BadInput
from foretaste.gate.keeper import Keeper
from foretaste.gate.observing import Alert, Observer, Observers
from foretaste.telemetry.alerts import Alerts, Pace
from foretaste.telemetry.following import Drifting, tiers
from foretaste.telemetry.logs import Log, write_json
from foretaste.telemetry.ocsf import Findings, finding
from foretaste.telemetry.prometheus import Metrics
from foretaste.telemetry.syslog import Syslog
from foretaste.telemetry.tracing import Traces, otlp
from foretaste.telemetry.webhook import Webhook, plain

_TICK = 5.0  # seconds
_BODIES: dict[str, Callable[[str, Alert], dict[str, Any]]] = {"plain": plain, "ocsf": finding}


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WebhookSettings(_Table):
    """Where alerts are posted; the secret comes from the environment, never from a file."""

    url: str
    secret_env: str = "FORETASTE_WEBHOOK_SECRET"  # noqa: S105 (the name of a variable)
    body: Literal["plain", "ocsf"] = "plain"
    cleartext: bool = False


class SyslogSettings(_Table):
    """Where alerts are sent as CEF."""

    address: str
    trusted: Path | None = None
    facility: int = 16


class Settings(_Table):
    """The table `[telemetry]` of a gate's settings.

    logs:  JSON on standard error: never, of batches and windows, or of each stopped record, too
    otlp:  collector of traces, such as http://127.0.0.1:4318/v1/traces
    ocsf:  file that alerts are appended to
    """

    metrics: bool = True
    logs: Literal["none", "batches", "records"] = "batches"
    otlp: str | None = None
    webhooks: tuple[WebhookSettings, ...] = ()
    syslog: tuple[SyslogSettings, ...] = ()
    ocsf: Path | None = None
    pace: Pace = Pace()


class Telemetry:
    """Everything that was asked for, running; `follow` has it told of a gate.

    >>> with Telemetry(Settings(logs="none")) as telemetry:
    ...     telemetry.observers.on_backlog("mail", 3)
    ...     b'foretaste_held_backlog{gate="mail"} 3.0' in telemetry.metrics.exposition()
    True
    """

    def __init__(self, settings: Settings) -> None:
        self.metrics = Metrics() if settings.metrics else None
        self._provider = otlp(settings.otlp) if settings.otlp else None
        self._mail: list[Webhook | Syslog] = [
            *(_webhook(one) for one in settings.webhooks),
            *(_syslog(one) for one in settings.syslog),
        ]
        ears: list[Observer] = [self.metrics] if self.metrics else []
        if settings.logs != "none":
            write_json()
            ears.append(Log(each=settings.logs == "records"))
        if self._provider is not None:
            ears.append(Traces(self._provider))
        told: list[Observer] = [*ears, *self._mail]
        if settings.ocsf is not None:
            told.append(Findings(settings.ocsf))
        self.alerts = Alerts(Observers(*told), pace=settings.pace)
        self.observers = Observers(*ears, self.alerts)
        self._following = [self.observers]
        if self.metrics is not None:
            self.metrics.count("notices_lost", "Notices never delivered", "where", self._lost)
            self.metrics.count("observer_failures", "Observers that broke", "who", self._broken)
        self._over = Event()
        self._thread = Thread(target=self._ticking, name="foretaste-alerts", daemon=True)
        self._thread.start()

    def __enter__(self) -> Telemetry:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def follow(self, keeper: Keeper) -> None:
        """Is told from now on what this keeper decides; its name has to stand."""
        tier = tiers(keeper.gate)
        if tier is not None and self.metrics is not None:
            self.metrics.tiers[keeper.name] = tier
        drifting = Drifting(keeper.gate, self.observers)
        keeper.observers = Observers(*self.observers.observers, drifting)
        self._following.append(keeper.observers)

    def close(self) -> None:
        """Sends what still waits, for some seconds."""
        self._over.set()
        self._thread.join()
        for one in self._mail:
            one.close()
        if self._provider is not None:
            self._provider.shutdown()

    def _lost(self) -> Counter[str]:
        lost: Counter[str] = Counter()
        for one in self._mail:
            lost[type(one).__name__.lower()] += one.outbox.lost
        return lost

    def _broken(self) -> Counter[str]:
        return sum((one.failures for one in self._following), Counter())

    def _ticking(self) -> None:
        while not self._over.wait(_TICK):
            self.alerts.tick()


def settings_of(said: Mapping[str, Any]) -> Settings:
    """From plain values; raises `BadInput`."""
    try:
        return Settings.model_validate(said)
    except ValidationError as error:
        raise BadInput(f"settings of telemetry: {error}") from error


def _webhook(settings: WebhookSettings) -> Webhook:
    secret = os.environ.get(settings.secret_env, "")
    if not secret:
        raise BadInput(f"set {settings.secret_env} to the secret shared with {settings.url}")
    body = _BODIES[settings.body]
    return Webhook(settings.url, secret.encode(), body, settings.cleartext)


def _syslog(settings: SyslogSettings) -> Syslog:
    return Syslog(settings.address, trusted=settings.trusted, facility=settings.facility)
