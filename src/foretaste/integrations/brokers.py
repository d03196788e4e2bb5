"""A gate between the topics of a message broker: what is common to all of them.

Messages are decided in batches of whatever has arrived, one batch at a time. A message is
acknowledged when its decision is in the journal and the message has been sent on; until then the
broker keeps it and gives it again, also to a gate that was started anew. A record has a key, its
sender's or one that follows from its place at the broker and its content, so that one that comes
again gets the decision it got before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from foretaste.errors import BadInput
from foretaste.streaming import Ruling

HEADERS = 8_192  # bytes that headers need at most
LARGEST = 64 << 20  # bytes of a body, where the broker has no limit below


@dataclass(frozen=True)
class Route:
    """Where records come from and go to: subjects, topics, streams or queues.

    records: comes from; admitted, held, rejected: go to
    windows: where the end of each window is told; empty: nowhere
    group:   name under which the broker remembers what was acknowledged
    at_once: messages in the gate's hands at most
    """

    records: str
    admitted: str
    held: str
    rejected: str
    windows: str = ""
    group: str = "foretaste"
    at_once: int = 500

    def __post_init__(self) -> None:
        names = [one for one in (self.records, *self.outgoing) if one]
        if len(set(names)) < len(names):
            raise BadInput(f"records would go where others come from or go to: {', '.join(names)}")
        if self.at_once < 1:
            raise BadInput(f"at least one message is taken at a time, not {self.at_once}")

    @property
    def outgoing(self) -> tuple[str, ...]:
        """All names that something is sent to."""
        told = (self.windows,) if self.windows else ()
        return (self.admitted, self.held, self.rejected, *told)

    def to(self, ruling: Ruling) -> str:
        """Where a record goes."""
        names = {Ruling.ADMIT: self.admitted, Ruling.HOLD: self.held}
        return names.get(ruling, self.rejected)


@dataclass(frozen=True)
class Arrived:
    """A message as it came.

    place: the same each time it comes, and no other's; empty where the broker has no such thing
    key:   what the broker keeps in order by, if it does
    """

    body: bytes
    place: str = ""
    key: bytes | None = None


@dataclass(frozen=True)
class Parcel:
    """A message to be sent on: the record as it came, its decision in the headers.

    name: the same each time it is sent
    """

    to: str
    name: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    key: bytes | None = None


class Lane(Protocol):
    """One kind of broker.

    largest: bytes of a body that it takes, headers not counted; known once it is prepared
    """

    broker: Any
    largest: int

    async def prepare(self) -> None:
        """Connects, makes what is not there, subscribes; nothing is consumed yet."""

    async def send(self, parcels: Sequence[Parcel]) -> Sequence[Any]:
        """Returns when the broker has them for good; of each, the exception that says it has not.

        What is returned for those that it has does not matter, so long as it is no exception.
        """


async def each(
    send: Callable[[Parcel], Awaitable[Any]], parcels: Sequence[Parcel]
) -> Sequence[Any]:
    """Sends parcels one by one, without waiting for one before the next is sent."""
    return await asyncio.gather(*map(send, parcels), return_exceptions=True)


async def unread(message: Any) -> Any:
    """A message of FastStream, nothing of it looked at: odd headers must not cost a record."""
    from faststream.message import StreamMessage

    return StreamMessage(message, body=b"")


async def whole(message: Any) -> Any:
    """The message undecoded: what is no JSON must get through, too."""
    return message
