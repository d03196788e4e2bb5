"""Records sent to a gate, decisions asked for, held records decided about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from foretaste.gate.decision import Decision, WindowRecord
from foretaste.gate.journal_rows import Held
from foretaste.gate.journal_tables import DecisionRow, HeldRow
from foretaste.gate.keeper import Keeper
from foretaste.serving.doorman import body_of
from foretaste.serving.house import House
from foretaste.serving.lane import Lane
from foretaste.serving.problems import Refused, responses
from foretaste.serving.settings import NAME
from foretaste.serving.tokens import Scope, Token

JSON, LINES = "application/json", "application/x-ndjson"
_ALWAYS = (401, 403, 404, 421, 422, 500, 503, 504)
_RECORD = {"type": "object", "description": "A record, as the stream's contract says."}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {
                "schema": {
                    "oneOf": [_RECORD, {"type": "array", "items": _RECORD, "minItems": 1}],
                }
            },
            LINES: {"schema": {"type": "string", "description": "One record a line."}},
        },
    }
}

Gate = Annotated[str, Path(pattern=NAME, description="Name of a gate.")]
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="Id of a decision.")]
Ids = Annotated[
    list[Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]], Field(min_length=1, max_length=1_000)
]
Line = Annotated[str, Field(min_length=1, max_length=1_000, pattern=r"\S")]
After = Annotated[int, Query(ge=-1, le=2**53, description="Those that came after this one.")]
Limit = Annotated[int, Query(ge=1, le=1_000, description="How many, at most.")]

router = APIRouter(prefix="/v1/gates/{gate}", responses=responses(*_ALWAYS))


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Decisions(_Said):
    """One decision a record, in the order in which they were sent."""

    decisions: tuple[Decision, ...]


class Review(_Said):
    """What a person found of held records."""

    ids: Ids
    verdict: Literal["clean", "poison"]
    by: Line
    why: Line


class HeldRecords(_Said):
    """Held records, oldest first; `next` is the `after` of the following ones."""

    held: tuple[Held, ...]
    next: int | None = None


class WindowEntry(_Said):
    """A window that is over.

    rows: that a learner may have, with those that people found clean meanwhile
    file: SHA-256 of the file in the store that holds them, which is its name
    """

    record: WindowRecord
    rows: int
    file: str


class Windows(_Said):
    """Windows that are over, oldest first."""

    windows: tuple[WindowEntry, ...]


@router.post(
    "/records",
    response_model=Decisions,
    responses=responses(400, 408, 413, 415, 429),
    openapi_extra={**_BODY, "security": [{"token": ["submit"]}]},
)
async def submit(gate: Gate, request: Request) -> Response:
    """Send one record, an array of records, or NDJSON with a record a line; get the decisions."""
    house, token, lane = _let_in(request, gate, Scope.SUBMIT)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (JSON, LINES):
        raise Refused(415, f"records come as {JSON} or {LINES}")
    limits = house.settings.limits
    body = await body_of(request, limits.body, limits.upload)
    answer = await house.decided(lane, token, body, kind == LINES)
    return Response(answer, media_type=JSON)


@router.post(
    "/windows/close",
    response_model=WindowRecord | None,
    openapi_extra={"security": [{"token": ["admin"]}]},
)
async def close(gate: Gate, request: Request) -> WindowRecord | None:
    """End the open window before it is full; null where it has no record."""
    house, token, lane = _let_in(request, gate, Scope.ADMIN)
    if not house.alone(gate, token):
        raise Refused(403, "others use this gate, too: its windows are the operator's to end")
    return await house.errand(lane, lambda keeper: keeper.close_window(token.name))


@router.get("/held", response_model=HeldRecords, openapi_extra={"security": [{"token": ["read"]}]})
async def held(
    gate: Gate,
    request: Request,
    verdict: Literal["waiting", "clean", "poison"] = "waiting",
    after: After = -1,
    limit: Limit = 100,
) -> HeldRecords:
    """See what is held, oldest first, and why."""
    house, token, lane = _let_in(request, gate, Scope.READ)
    tenant = token.tenant or None
    found = await house.looked(lambda: lane.keeper.held(verdict, after, limit, tenant))
    more = found[-1].decision.sequence if len(found) == limit else None
    return HeldRecords(held=found, next=more)


@router.post(
    "/reviews",
    response_model=HeldRecords,
    responses=responses(409),
    openapi_extra={"security": [{"token": ["review"]}]},
)
async def review(gate: Gate, request: Request, said: Review) -> HeldRecords:
    """Write down what a person found; what is clean is let in with the open window."""
    house, token, lane = _let_in(request, gate, Scope.REVIEW)
    by = f"{said.by} ({token.name})"
    ids = list(dict.fromkeys(said.ids))

    def done(keeper: Keeper) -> tuple[Held, ...]:
        with keeper.journal.transaction() as told:
            rows = keeper.journal.of(told, HeldRow, ids)
        if any(one not in rows or not _own(token, rows[one].tenant) for one in ids):
            raise Refused(404, "not all of these are held records")
        return keeper.review(ids, said.verdict, by, said.why)

    return HeldRecords(held=await house.errand(lane, done))


@router.get(
    "/decisions/{id}",
    response_model=Decision,
    openapi_extra={"security": [{"token": ["read"]}]},
)
async def decision(gate: Gate, id: Id, request: Request) -> Decision:
    """See one decision again."""
    house, token, lane = _let_in(request, gate, Scope.READ)
    found = await house.looked(lambda: _decision(lane.keeper, id, token))
    if found is None:
        raise Refused(404, "there is no such decision")
    return found


@router.get("/windows", response_model=Windows, openapi_extra={"security": [{"token": ["read"]}]})
async def windows(gate: Gate, request: Request, after: After = -1, limit: Limit = 100) -> Windows:
    """See which windows are over, and which of their records were pulled."""
    house, token, lane = _let_in(request, gate, Scope.READ)
    return await house.looked(lambda: _windows(lane.keeper, after, limit, token))


def _let_in(request: Request, gate: str, scope: Scope) -> tuple[House, Token, Lane]:
    house: House = request.app.state.house
    token = house.who(request.headers.get("authorization", ""), scope)
    return house, token, house.lane(gate, token)


def _own(token: Token, tenant: str) -> bool:
    return not token.tenant or token.tenant == tenant


def _decision(keeper: Keeper, id: str, token: Token) -> Decision | None:
    with keeper.journal.transaction() as told:
        rows = keeper.journal.of(told, DecisionRow, [id])
    mine = id in rows and _own(token, rows[id].tenant)
    return keeper.decision(id) if mine else None


def _windows(keeper: Keeper, after: int, limit: int, token: Token) -> Windows:
    """Of pulled records, only those of the token's tenant are named."""
    kept = keeper.windows(after)[:limit]
    names = [one.id for window in kept for one in window.record.pulled]
    mine = set(names)
    if token.tenant:
        with keeper.journal.transaction() as told:
            rows: dict[str, Any] = keeper.journal.of(told, DecisionRow, names)
        mine = {one for one in names if one in rows and rows[one].tenant == token.tenant}
    return Windows(
        windows=tuple(
            WindowEntry(record=_only(one.record, mine), rows=one.rows, file=one.file.stem)
            for one in kept
        )
    )


def _only(record: WindowRecord, ids: Sequence[str] | set[str]) -> WindowRecord:
    pulled = tuple(one for one in record.pulled if one.id in ids)
    return record.model_copy(update={"pulled": pulled})
