"""What a running server holds: its gates, its tokens, its rates, its telemetry."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from foretaste.bookkeeping.following import Following
from foretaste.errors import ForetasteError
from foretaste.gate.keeper import Keeper
from foretaste.gate.settings import Opening
from foretaste.gate.stores import begun
from foretaste.ledger.book import Book
from foretaste.serving.bearers import bearer
from foretaste.serving.lane import Bounds, Errand, Lane, Submission
from foretaste.serving.problems import Refused, of_error
from foretaste.serving.rates import Rates
from foretaste.serving.settings import ServerSettings
from foretaste.serving.tokens import Scope, Token, Tokens
from foretaste.telemetry.opening import Telemetry

T = TypeVar("T")


class House:
    """Opens the gates of a server; a gate that cannot be opened closes all."""

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self.tokens = None if settings.tokens is None else Tokens(settings.tokens)
        self.rates = Rates(settings.limits.rate)
        self.telemetry = Telemetry(settings.telemetry)
        self.lanes: dict[str, Lane] = {}
        self._book = None if settings.ledger is None else Book.open(settings.ledger)
        self._followers: list[Following] = []
        try:
            for name in settings.gates:
                self.lanes[name] = self._lane(name)
        except BaseException:
            self.shut()
            raise

    def shut(self) -> None:
        """Closes all gates; what waits is turned away."""
        for lane in self.lanes.values():
            lane.shut()
        for one in self._followers:
            one.close()
        self.telemetry.close()

    def who(self, authorization: str, scope: Scope) -> Token:
        """Whose request it is; raises `Refused` where it may not do that."""
        return bearer(self.tokens, authorization, scope)

    def lane(self, name: str, token: Token) -> Lane:
        """A gate that the token's tenant may use; others are not even there."""
        lane = self.lanes.get(name)
        tenants = self.settings.gates[name].tenants if lane else ()
        if lane is None or (token.tenant and tenants and token.tenant not in tenants):
            raise Refused(404, "there is no such gate")
        return lane

    def alone(self, name: str, token: Token) -> bool:
        """Whether nobody but the token's tenant uses a gate."""
        return not token.tenant or self.settings.gates[name].tenants == (token.tenant,)

    async def decided(self, lane: Lane, token: Token, body: bytes, lines: bool) -> bytes:
        """Sends records through a gate, and waits for the answer no longer than is allowed."""
        until = time.monotonic() + self.settings.limits.seconds
        submission = Submission(body, lines, token.tenant, until)
        wait = self.rates.wait(token.name, submission.most, token.rate)
        if wait:
            raise Refused(429, "this token sent too many records; nothing was let in", wait)
        return await self._answer(lane, submission, submission.future)

    async def errand(self, lane: Lane, do: Callable[[Keeper], T]) -> T:
        """Something else done by the gate's own thread, between records."""
        work = Errand(do, time.monotonic() + self.settings.limits.seconds)
        return await self._answer(lane, work, work.future)

    async def looked(self, look: Callable[[], T]) -> T:
        """Something read from a journal, beside what is being decided."""
        try:
            async with asyncio.timeout(self.settings.limits.seconds):
                return await asyncio.to_thread(look)
        except (ForetasteError, TimeoutError) as error:
            raise of_error(error) from error

    async def _answer(self, lane: Lane, work: Submission | Errand[Any], future: Future[T]) -> T:
        try:
            lane.put(work)
            async with asyncio.timeout(self.settings.limits.seconds):
                return await asyncio.wrap_future(future)
        except Exception as error:
            raise of_error(error) from error

    def _lane(self, name: str) -> Lane:
        limits = self.settings.limits
        stored, keeper = begun(Opening(self.settings.gates[name]))
        keeper.name = name
        self.telemetry.follow(keeper)
        if self._book is not None:
            self._followers.append(Following(self._book, keeper, stored))
        bounds = Bounds(limits.batch, limits.waiting, limits.bytes)
        return Lane(name, keeper, stored.records, bounds)
