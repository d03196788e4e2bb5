"""How a server is set up: its gates, its limits, who is let in."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from foretaste.errors import BadInput
from foretaste.gate.settings import GateSettings, beside, tables
from foretaste.telemetry.opening import Settings as TelemetrySettings

NAME = r"^[A-Za-z0-9_.-]{1,64}$"
Named = Annotated[str, Field(pattern=NAME)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(_Table):
    """What one server takes.

    body:    bytes of a request; batch: records of it
    seconds: until a request is given up, which lets nothing in; upload: for its body to come
    waiting: requests that may wait for one gate; bytes: of them all
    rate:    records a second a token may send
    connections: open at once
    """

    body: Annotated[int, Field(gt=0)] = 8 << 20
    batch: Annotated[int, Field(gt=0)] = 5_000
    seconds: Annotated[float, Field(gt=0)] = 10.0
    upload: Annotated[float, Field(gt=0)] = 10.0
    waiting: Annotated[int, Field(gt=0)] = 1_000
    bytes: Annotated[int, Field(gt=0)] = 64 << 20
    rate: Annotated[float, Field(gt=0)] = 50_000.0
    connections: Annotated[int, Field(gt=0)] = 1_000


class Tls(_Table):
    """Files of a certificate; with `clients`, only those who show one signed by it get in."""

    certificate: Path
    key: Path
    clients: Path | None = None


class ServerSettings(_Table):
    """A server's settings file.

    gates:  name -> settings of a gate; each needs a store
    tokens: file of tokens; where there is none, the server listens on this machine only
    ledger: folder of a ledger in which windows and decisions are written down
    hosts:  names by which the server may be called; empty: any, if there are tokens
    """

    gates: dict[Named, GateSettings]
    tokens: Path | None = None
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, lt=65_536)] = 8_765
    hosts: tuple[str, ...] = ()
    tls: Tls | None = None
    limits: Limits = Limits()
    telemetry: TelemetrySettings = TelemetrySettings(logs="none")
    ledger: Path | None = None

    @model_validator(mode="after")
    def _whole(self) -> ServerSettings:
        if not self.gates:
            raise ValueError("a server needs at least one gate")
        lacking = [name for name, gate in self.gates.items() if gate.store is None]
        if lacking:
            raise ValueError(f"gates of a server need a store: {', '.join(lacking)}")
        if self.tokens is None and not is_local(self.host):
            raise ValueError(
                f"without tokens a server listens on this machine only, not on {self.host}; "
                "make one with: foretaste serve --new-token NAME --tokens FILE"
            )
        return self


def is_local(host: str) -> bool:
    """Whether only this machine can reach a server that listens there.

    >>> is_local("127.0.0.1"), is_local("::1"), is_local("0.0.0.0"), is_local("example.org")
    (True, True, False, False)
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def server_of(said: Mapping[str, Any]) -> ServerSettings:
    """From plain values; raises `BadInput`."""
    try:
        return ServerSettings.model_validate(said)
    except ValidationError as error:
        raise BadInput(f"settings of a server: {error}") from error


def read_server(path: Path) -> dict[str, Any]:
    """A settings file, YAML or TOML, its paths meant from where it stands."""
    said = tables(path)
    gates = said.get("gates")
    if isinstance(gates, dict):
        moved = {n: beside(path, gate) for n, gate in gates.items() if isinstance(gate, dict)}
        said["gates"] = {**gates, **moved}
    for name in ("tokens", "ledger"):
        if isinstance(said.get(name), str):
            said[name] = str(path.parent / said[name])
    if isinstance(said.get("tls"), dict):
        files = {n: str(path.parent / str(file)) for n, file in said["tls"].items()}
        said["tls"] = files
    return said
