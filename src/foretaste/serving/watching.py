"""Whether a server lives, whether it is ready, and what it counted."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel

from foretaste.errors import ForetasteError
from foretaste.serving.house import House
from foretaste.serving.lane import Lane
from foretaste.serving.problems import Refused, responses
from foretaste.serving.tokens import Scope

METRICS = "text/plain; version=0.0.4; charset=utf-8"

router = APIRouter(responses=responses(421, 500))


class Health(BaseModel):
    """A server that answers."""

    status: Literal["ok"] = "ok"


@router.get("/healthz", response_model=Health)
async def healthz() -> Health:
    """Say that the server lives."""
    return Health()


@router.get("/readyz", response_model=Health, responses=responses(503, 504))
async def readyz(request: Request) -> Health:
    """Say whether every gate decides, and can write down what it decides."""
    house: House = request.app.state.house
    ready = await house.looked(lambda: all(map(_ready, house.lanes.values())))
    if not ready:
        raise Refused(503, "a gate is closed, or its store cannot be reached", 5)
    return Health()


@router.get(
    "/metrics",
    responses={
        **responses(401, 403, 404),
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
    },
    response_class=Response,
    openapi_extra={"security": [{"token": ["read"]}]},
)
async def metrics(request: Request) -> Response:
    """Give all counts, for Prometheus; with tokens, to the operator's only."""
    house: House = request.app.state.house
    token = house.who(request.headers.get("authorization", ""), Scope.READ)
    if token.tenant:
        raise Refused(403, "counts are of all tenants, and the operator's to see")
    if house.telemetry.metrics is None:
        raise Refused(404, "nothing is counted here")
    return Response(house.telemetry.metrics.exposition(), media_type=METRICS)


def _ready(lane: Lane) -> bool:
    try:
        with lane.keeper.journal.transaction() as told:
            return lane.alive and lane.keeper.journal.gate(told) is not None
    except ForetasteError:
        return False
