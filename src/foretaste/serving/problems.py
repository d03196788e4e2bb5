"""What a sender is told when something is not as it should be: problem details of RFC 9457."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from foretaste.errors import BadInput, NotDurable
from foretaste.serving.lane import LaneBusy, LaneShut, NoRecords, TooMany

TYPE = "application/problem+json"


class Problem(BaseModel):
    """Problem details; nothing that was sent has been let in.

    title: what the status means; detail: what is wrong this time, and what to do
    """

    model_config = ConfigDict(extra="forbid")

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class Refused(HTTPException):
    """A request that ends here; wait: seconds after which it may be tried again."""

    def __init__(self, status: int, detail: str, wait: float | None = None) -> None:
        headers = None if wait is None else {"Retry-After": str(max(1, round(wait + 0.5)))}
        super().__init__(status, detail, headers)


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """One as a response."""
    title = HTTPStatus(status).phrase
    said = Problem(title=title, status=status, detail=detail)
    return JSONResponse(said.model_dump(), status, headers, TYPE)


def of_error(error: BaseException) -> Refused:
    """What an error in a gate is to the sender."""
    if isinstance(error, Refused):
        return error
    for kind, (status, detail, wait) in _MEANT.items():
        if isinstance(error, kind):
            return Refused(status, detail or str(error), wait)
    return Refused(500, "the gate failed; nothing was let in")


_MEANT: Mapping[type[BaseException], tuple[int, str, float | None]] = {
    NoRecords: (422, "", None),
    TooMany: (413, "", None),
    LaneBusy: (503, "too much waits for this gate; nothing was let in, send it again", 1),
    LaneShut: (503, "this gate is closed; nothing was let in, send it again later", 5),
    NotDurable: (503, "the decision could not be written down; nothing was let in", 5),
    TimeoutError: (504, "not decided in time, so not admitted; send it again, same keys", 1),
    BadInput: (409, "", None),
}


async def on_refused(request: Request, error: Any) -> JSONResponse:
    """For `HTTPException`s."""
    return problem(error.status_code, str(error.detail), dict(error.headers or {}))


async def on_invalid(request: Request, error: Any) -> JSONResponse:
    """For requests that are not as the interface says."""
    wrong = error.errors() if isinstance(error, RequestValidationError) else ()
    told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in wrong[:3])
    return problem(422, told or "not as the interface says")


async def on_crash(request: Request, error: Exception) -> JSONResponse:
    """For what nobody thought of."""
    return problem(500, "the server failed; nothing was let in")


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the description of an operation."""
    said = {TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {s: {"description": HTTPStatus(s).phrase, "content": said} for s in statuses}
