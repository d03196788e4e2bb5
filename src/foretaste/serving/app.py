"""The web service: what may be asked of a gate, and by whom."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from foretaste.errors import MissingExtra

try:
    from fastapi import FastAPI
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException
except ImportError as error:
    raise MissingExtra("a gate as a web service", "gate") from error

from foretaste.serving import asking, watching
from foretaste.serving.doorman import LOCAL, Doorman
from foretaste.serving.house import House
from foretaste.serving.problems import Problem, on_crash, on_invalid, on_refused
from foretaste.serving.settings import ServerSettings

ABOUT = """Every record that is sent gets a decision before anything learns from it.

`admit` means that it was let in at the door; when its window is over it may still be pulled, and
what stands then is said by the windows. `hold` waits for a person, `reject` breaks the contract of
the stream. Whatever is answered with another status than 200 was not let in. A record with a key
of its own may be sent again: it is decided on once."""


def app_of(settings: ServerSettings, house: Callable[[ServerSettings], House] = House) -> FastAPI:
    """The web service with the gates of some settings; they are opened when it starts."""

    @asynccontextmanager
    async def open_(app: FastAPI) -> AsyncIterator[None]:
        opened = house(settings)
        app.state.house = opened
        try:
            yield
        finally:
            opened.shut()

    app = FastAPI(
        title="Foretaste gate",
        description=ABOUT,
        version=version("foretaste"),
        docs_url=None,  # would load scripts from elsewhere
        redoc_url=None,
        lifespan=open_,
    )
    app.include_router(asking.router)
    app.include_router(watching.router)
    app.add_exception_handler(HTTPException, on_refused)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(Exception, on_crash)
    hosts = settings.hosts or (() if settings.tokens else LOCAL)
    app.add_middleware(Doorman, hosts=hosts, tls=settings.tls is not None)
    app.openapi = _described(app)  # type: ignore[method-assign]
    return app


def _described(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """The description with what every operation may answer, and how to say who asks."""
    usual = app.openapi

    def described() -> dict[str, Any]:
        said = usual()
        parts = said.setdefault("components", {})
        parts.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
        parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for schema in ("HTTPValidationError", "ValidationError"):
            parts["schemas"].pop(schema, None)
        return said

    return described
