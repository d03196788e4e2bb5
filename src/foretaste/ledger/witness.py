"""A witness: remembers the newest checkpoint of each log, and signs only what grew from it.

What is signed is in the state file, durably, before anybody is given the signature; looking at the
old state and writing the new one is one step, for all threads and processes. So no two signatures
of one witness speak of logs that forked, as long as its file is neither lost nor put back: a file
that is gone is not made anew by itself.

References
----------
C2SP. Transparency Log Witnesses. c2sp.org/tlog-witness
C2SP. Transparency Log Cosignatures. c2sp.org/tlog-cosignature
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from foretaste.errors import BadInput
from foretaste.ledger.checkpoint import Checkpoint
from foretaste.ledger.keys import LOG, SigningKey, VerifyingKey
from foretaste.ledger.merkle import EMPTY, check_consistency
from foretaste.ledger.note import Note, Signature
from foretaste.ledger.refusals import Forked, MalformedProof, UnknownSigner, WitnessRefused
from foretaste.ledger.witness_state import Evidence, Latest, State, keep, latest_of, write_latest
from foretaste.ledger.witness_wire import AddCheckpoint

BEHIND = 60  # seconds that the clock may be behind the last signature


class UnknownLog(UnknownSigner):
    """A log that this witness does not know."""


class OtherSize(WitnessRefused):
    """The last checkpoint that was signed has another size than the request says.

    size: the one it has
    """

    def __init__(self, origin: str, size: int) -> None:
        self.size = size
        super().__init__(f"the last checkpoint of {origin!r} that was signed has {size} entries")


class TwoRoots(Forked):
    """Two checkpoints of one size that differ: the log shows different people different things."""


class ClockBehind(WitnessRefused):
    """The clock is further behind the last signature than clocks are."""


class Witness:
    """Signs checkpoints of the logs it knows, if they grew from what it signed before.

    path:  its state; made by `Witness.new`
    keys:  its own, Ed25519 or ML-DSA-44; each signs
    clock: seconds since 1970

    Blind to what stands in the logs.
    """

    def __init__(
        self, path: Path, keys: Sequence[SigningKey], clock: Callable[[], float] = time.time
    ) -> None:
        self.keys, self._clock = tuple(keys), clock
        self.state = State(path, _told(self.keys))

    @classmethod
    def new(
        cls, path: Path, keys: Sequence[SigningKey], clock: Callable[[], float] = time.time
    ) -> Witness:
        """One that has signed nothing yet; raises `BadInput` where there is a state already."""
        State.new(path, _told(keys))
        return cls(path, keys, clock)

    def trust(self, key: VerifyingKey, origin: str | None = None) -> None:
        """From now on signs checkpoints of a log; a second key beside the first is its new one.

        origin: the log's name; None: the key's
        """
        self.state.trust(origin or key.name, key)

    def latest(self, origin: str) -> bytes | None:
        """The signed note of the newest checkpoint of a log that it signed."""
        with self.state.reading() as tables:
            return latest_of(tables, origin).note or None

    def add(self, content: bytes) -> tuple[Signature, ...]:
        """Signatures of the checkpoint in an `add-checkpoint` request.

        Raises the `Malformed…` of its parts, `UnknownLog`, `UnknownSigner`, `WrongSignature`,
        `OtherSize`, `TwoRoots`, `Forked` where the proof does not hold, `ClockBehind`, and
        `NotDurable` where nothing could be written down.
        """
        request = AddCheckpoint.read(content)
        note = Note.read(request.checkpoint)
        seen = Checkpoint.read(note.text)
        keys = self.state.logs().get(seen.origin)
        if keys is None:
            raise UnknownLog(f"this witness does not know the log {seen.origin!r}")
        known = Note(note.text, note.checked(keys))  # strangers' signatures are not kept
        if request.old > seen.size:
            raise MalformedProof(f"a log of {seen.size} entries that had {request.old} before")
        return self._added(AddCheckpoint(request.old, request.hashes, known.content), known, seen)

    def _added(self, request: AddCheckpoint, note: Note, seen: Checkpoint) -> tuple[Signature, ...]:
        with self.state.writing() as tables:
            latest = latest_of(tables, seen.origin)
            try:
                _grown(request, seen, latest)
            except (OtherSize, Forked) as error:
                refused = error
                if why := _against(seen, latest, refused):
                    at = int(self._clock())
                    keep(tables, Evidence(seen.origin, at, why, request, latest.note))
            else:
                when = self._now(latest)
                write_latest(tables, seen.origin, when, note)
                return tuple(key.sign(note.text, when) for key in self.keys)
        raise refused

    def _now(self, latest: Latest) -> int:
        """The time, never before that of the last signature."""
        now = int(self._clock())
        if now < latest.at - BEHIND:
            raise ClockBehind(f"the clock is {latest.at - now} s behind the last signature")
        return max(now, latest.at)


def _told(keys: Sequence[SigningKey]) -> str:
    if not keys or any(key.kind is LOG for key in keys):
        raise BadInput("a witness needs keys of a witness; a log's key signs something else")
    return " ".join(sorted(key.verifier.text for key in keys))


def _grown(request: AddCheckpoint, seen: Checkpoint, latest: Latest) -> None:
    """Raises where a checkpoint does not go with the newest one that was signed."""
    if request.old != latest.size:
        raise OtherSize(seen.origin, latest.size)
    if _two_roots(seen, latest):
        raise TwoRoots(f"{seen.origin!r} signed two roots over {seen.size} entries")
    if seen.size == 0 and seen.root != EMPTY:
        raise Forked(f"{seen.origin!r} signed a root over no entries that no empty log has")
    try:
        before = latest.seen.root if latest.seen else EMPTY
        check_consistency(request.old, before, seen.size, seen.root, request.hashes)
    except MalformedProof as error:
        raise Forked(f"no proof that {seen.origin!r} only grew: {error}") from error


def _against(seen: Checkpoint, latest: Latest, refused: Exception) -> str:
    """What a checkpoint that was refused is evidence of; empty: nothing."""
    if seen.size < latest.size:
        return "shorter"
    if _two_roots(seen, latest):
        return "two roots"
    return "" if isinstance(refused, OtherSize) else "not grown"


def _two_roots(seen: Checkpoint, latest: Latest) -> bool:
    before = latest.seen
    return before is not None and (seen.size == before.size) and seen.root != before.root
