"""A server that runs until it is told to stop."""

from __future__ import annotations

import ssl
from typing import Any

from foretaste.errors import BadInput, MissingExtra

try:
    import uvicorn
    from fastapi import FastAPI
except ImportError as error:
    raise MissingExtra("a gate as a web service", "gate") from error

from foretaste.serving.app import app_of
from foretaste.serving.house import House
from foretaste.serving.settings import ServerSettings, Tls

_GRACE = 10  # seconds that requests have to end when the server does
_IDLE = 10  # seconds that a connection may be silent between requests


def server_for(settings: ServerSettings) -> uvicorn.Server:
    """A server with its gates open; `run()` keeps it up, `should_exit` ends it.

    Raises what opening a gate raises, before anything listens.
    """
    if settings.tls is not None:
        _secured(settings.tls)
    house = House(settings)
    app = app_of(settings, lambda _: house)
    where = (settings.host, settings.port)
    return listening(app, where, settings.tls, settings.limits.connections)


def listening(
    app: FastAPI, where: tuple[str, int], tls: Tls | None, connections: int
) -> uvicorn.Server:
    """A server of anything; where: host and port; connections: open at once."""
    config = uvicorn.Config(
        app,
        host=where[0],
        port=where[1],
        limit_concurrency=connections,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=_GRACE,
        server_header=False,
        proxy_headers=False,
        access_log=False,
        log_level="warning",
        ws="none",
        **({} if tls is None else _secured(tls)),
    )
    return uvicorn.Server(config)


def address(settings: ServerSettings) -> str:
    """Where a server is reached."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{'https' if settings.tls else 'http'}://{host}:{settings.port}"


def _secured(tls: Tls) -> dict[str, Any]:
    for file in (tls.certificate, tls.key, tls.clients):
        if file is not None and not file.is_file():
            raise BadInput(f"there is no file {file}, which TLS needs")
    return {
        "ssl_certfile": str(tls.certificate),
        "ssl_keyfile": str(tls.key),
        "ssl_ca_certs": None if tls.clients is None else str(tls.clients),
        "ssl_cert_reqs": ssl.CERT_NONE if tls.clients is None else ssl.CERT_REQUIRED,
        "ssl_ciphers": "ECDHE+AESGCM:ECDHE+CHACHA20",
    }
