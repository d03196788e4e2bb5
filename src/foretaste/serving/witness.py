"""A witness as a web service: logs send their checkpoints, and get them signed.

    POST /add-checkpoint    the only thing that can be asked; C2SP tlog-witness
    GET  /healthz           whether it answers

A request needs no token: what counts is the log's signature. Tokens keep others from using it up.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from foretaste.errors import ForetasteError, LedgerRefused, MissingExtra, NotDurable
from foretaste.ledger.refusals import Forked, UnknownSigner, WrongSignature
from foretaste.ledger.witness import ClockBehind, OtherSize, TwoRoots, UnknownLog, Witness
from foretaste.ledger.witness_wire import (
    LARGEST,
    PATH,
    SIZE_TYPE,
    TEXT_TYPE,
    signature_lines,
    size_line,
)

try:
    import uvicorn
    from fastapi import FastAPI, Request
    from fastapi.responses import Response
    from starlette.exceptions import HTTPException
except ImportError as error:
    raise MissingExtra("a witness as a web service", "gate") from error

from foretaste.serving.bearers import bearer
from foretaste.serving.doorman import LOCAL, Doorman, body_of
from foretaste.serving.problems import Refused, on_crash, on_refused
from foretaste.serving.running import listening
from foretaste.serving.settings import Tls, is_local
from foretaste.serving.tokens import Scope, Tokens

_STATUS: tuple[tuple[type[ForetasteError], int], ...] = (  # the first that fits
    (UnknownLog, 404),
    (UnknownSigner, 403),
    (WrongSignature, 403),
    (TwoRoots, 409),
    (Forked, 422),
    (ClockBehind, 503),
    (NotDurable, 503),
    (LedgerRefused, 400),
)


class WitnessSettings(BaseModel):
    """Where a witness listens, and to whom.

    hosts:   names by which it may be called; empty: any, where it listens to other machines
    tokens:  file of tokens, of which one with the scope `submit` is wanted; None: none is
    body:    bytes of a request; upload: seconds for it to come; seconds: until it is given up
    connections: open at once
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, lt=65_536)] = 8_766
    hosts: tuple[str, ...] = ()
    tokens: Path | None = None
    tls: Tls | None = None
    body: Annotated[int, Field(gt=0)] = LARGEST
    upload: Annotated[float, Field(gt=0)] = 10.0
    seconds: Annotated[float, Field(gt=0)] = 30.0
    connections: Annotated[int, Field(gt=0)] = 200


def witness_app(witness: Witness, settings: WitnessSettings) -> FastAPI:
    """The web service of a witness."""
    app = FastAPI(title="Foretaste witness", openapi_url=None)
    tokens = None if settings.tokens is None else Tokens(settings.tokens)

    @app.post(PATH)
    async def add_checkpoint(request: Request) -> Response:
        """Sign a checkpoint that grew from the one that was signed before."""
        bearer(tokens, request.headers.get("authorization", ""), Scope.SUBMIT)
        content = await body_of(request, settings.body, settings.upload)
        return await _answer(witness, content, settings.seconds)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Say that the witness lives."""
        return {"status": "ok"}

    app.add_exception_handler(HTTPException, on_refused)
    app.add_exception_handler(Exception, on_crash)
    hosts = settings.hosts or (LOCAL if tokens is None and is_local(settings.host) else ())
    app.add_middleware(Doorman, hosts=hosts, tls=settings.tls is not None)
    return app


def witness_server(witness: Witness, settings: WitnessSettings) -> uvicorn.Server:
    """A server; `run()` keeps it up, `should_exit` ends it."""
    app = witness_app(witness, settings)
    return listening(app, (settings.host, settings.port), settings.tls, settings.connections)


async def _answer(witness: Witness, content: bytes, seconds: float) -> Response:
    try:
        async with asyncio.timeout(seconds):
            signed = await asyncio.to_thread(witness.add, content)
    except OtherSize as error:
        return Response(size_line(error.size), 409, {"Content-Type": SIZE_TYPE})
    except ForetasteError as error:
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
        raise Refused(status, str(error), 5 if status == 503 else None) from error
    except TimeoutError:
        raise Refused(504, "not signed in time; ask again", 5) from None
    return Response(signature_lines(signed), media_type=TEXT_TYPE)
