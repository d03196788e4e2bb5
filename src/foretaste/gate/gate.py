"""The gate: every record gets a decision before anything learns from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

from foretaste.data import Batch, Floats, Ints, Mask
from foretaste.errors import BadInput
from foretaste.gate.closing import closed
from foretaste.gate.decision import Reason
from foretaste.gate.preparing import chosen
from foretaste.gate.ruled import Ruled, Window, joined, number
from foretaste.gate.standing import Standing
from foretaste.gate.terms import Terms
from foretaste.gate.weighing import HOLD, REJECT, against, bounds, ruled, scores
from foretaste.store import Digest
from foretaste.streaming import Heeder


class Gate:
    """Judges records in the order in which they come, and learns only from those it let in.

    trusted: rows known to be clean, in the order in which they came: the anchor that no later
        record can move
    terms:   settings
    clock:   seconds since 1970; asked only where records do not say when they `arrived`

    A record is judged at the door with what was seen before it. When a window is full it is
    looked at as a whole; what was let in and now looks wrong is pulled, and only what then stands
    is learned from, by the gate and by whoever trains on `Window.rows`. The same trusted rows,
    settings and records give the same decisions, however the records are cut into batches;
    surprises are the same to the last digit where the cuts are, too.

    >>> rng = np.random.default_rng(0)
    >>> def rows(n, at=0.0):
    ...     return Batch([f"{at} {i}" for i in range(n)], {"features": rng.normal(at, 1, (n, 3))})
    >>> gate = Gate(rows(500), Terms(checks=("joint_outlier",)))
    >>> gate(rows(200)).admitted.mean() > 0.95, gate(rows(5, at=30.0)).held.tolist()
    (np.True_, [True, True, True, True, True])
    """

    def __init__(
        self,
        trusted: Batch,
        terms: Terms | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not len(trusted):
            raise BadInput("a gate needs trusted rows to compare with; these are none")
        self.terms = Terms() if terms is None else terms
        self.classes = trusted.classes
        timed = _timed(trusted, _arrivals(trusted))
        self.checks, self.prepared, self.skipped = chosen(timed, self.terms)
        self._clock = clock
        anchor = self.prepared.encode(timed)
        states = {name: check.start(anchor) for name, check in self.checks.items()}
        self.standing = Standing(states, _origin(self.terms, trusted))

    @property
    def digest(self) -> str:
        """Follows from settings, trusted rows and all that happened since."""
        return self.standing.chain.hex()

    def __call__(self, batch: Batch) -> Ruled:
        """Decides on every record; a window that fills up on the way is closed.

        batch: has the columns of the trusted rows; `arrived` (n,) seconds since 1970 is added
            where it is not given, `key` is what the sender calls a record
        """
        batch, at = self._stamped(batch), 0
        parts: list[Ruled] = []
        while at < len(batch) or not parts:
            room = self.terms.window - self.standing.size
            whole = not at and len(batch) <= room
            part = batch if whole else batch.take(np.arange(at, min(at + room, len(batch))))
            at += len(part)
            parts.append(self._judged(part))
        return joined(parts)

    def close(self) -> Window | None:
        """Ends the open window before it is full; None where it has no record."""
        if not self.standing.size:
            return None
        return closed(self.checks, self.standing, self.terms.alpha / 2)

    def heed(self, rows: Batch, clean: Mask) -> None:
        """What people decided about records that were held.

        rows:  as they were judged; those found clean are let in with the open window
        clean: (n,)
        """
        known, fine = self.prepared.encode_each(self._stamped(rows))
        states = self.standing.states
        for name, check in self.checks.items():
            if isinstance(check, Heeder):
                states[name] = check.heed(known, clean[fine], states[name])
        marks = np.where(clean, "clean", "poison").tolist()
        self.standing.extend("heed", *rows.ids.tolist(), *marks)

    def _stamped(self, batch: Batch) -> Batch:
        """With arrivals that never fall, whatever the clock or the record says."""
        if "arrived" in batch:
            said = np.asarray(batch["arrived"], np.float64)
        else:
            said = np.full(len(batch), self._clock())
        said = np.where(np.isfinite(said), said, self.standing.clock)
        risen = np.maximum.accumulate(np.maximum(said, self.standing.clock))
        return _timed(batch, risen)

    def _judged(self, part: Batch) -> Ruled:
        """Records that all fall into the open window."""
        standing, before = self.standing, self.standing.sequence
        rows, fine = self.prepared.encode_each(part)
        surprises = self._surprises(rows)
        bound = bounds(self.checks, standing.states, rows, self.terms.alpha / 2)
        codes = np.full(len(part), HOLD, np.int64)
        codes[fine] = ruled(self.checks, surprises, bound)
        reasons = self._reasons(rows, surprises, bound, np.flatnonzero(fine))
        for row in np.flatnonzero(~fine).tolist():
            reasons[row] = (Reason(check="encoding", surprise=None, text="cannot be encoded"),)
        told = scores(self.checks, surprises, len(rows))
        sequence = before + np.arange(len(part))
        ids = self._named(part)
        standing.sequence += len(part)
        standing.clock = float(part["arrived"][-1]) if len(part) else standing.clock
        standing.held += int((codes == HOLD).sum())
        standing.rejected += int((codes == REJECT).sum())
        standing.add(rows, codes[fine], sequence[fine], [ids[i] for i in np.flatnonzero(fine)])
        window = np.full(len(part), standing.window, np.int64)
        full = standing.size >= self.terms.window
        over = (closed(self.checks, standing, self.terms.alpha / 2),) if full else ()
        every = {aspect: _spread(values, fine) for aspect, values in told.items()}
        return Ruled(part, codes, ids, sequence, window, every, reasons, over)

    def _surprises(self, rows: Batch) -> dict[str, Floats]:
        """Of every check; one that fails cannot tell, so it lets nothing in."""
        found, states = {}, self.standing.states
        for name, check in self.checks.items():
            try:
                found[name], states[name] = check.judge(rows, states[name])
            except Exception as error:  # noqa: BLE001 whatever it is, the gate has to stay shut
                self.standing.failures.append(f"{name}: {type(error).__name__}: {error}")
                found[name] = np.full(len(rows), np.nan)
        return found

    def _reasons(
        self, rows: Batch, surprises: Mapping[str, Floats], bound: Floats, at: Ints
    ) -> dict[int, tuple[Reason, ...]]:
        """Row of the part -> why it was not let in."""
        found: dict[int, list[Reason]] = {}
        for name, surprise in surprises.items():
            for row in np.flatnonzero(against(surprise, bound)).tolist():
                text = explained(self, name, rows, row, float(surprise[row]))
                reason = Reason(check=name, surprise=number(surprise[row]), text=text)
                found.setdefault(int(at[row]), []).append(reason)
        return {row: tuple(why) for row, why in found.items()}

    def _named(self, part: Batch) -> list[str]:
        """A decision id a record: it follows from all before, from it, its arrival and signer."""
        arrived, ids = part["arrived"].tolist(), part.ids.tolist()
        if "credential" not in part:
            return [self.standing.extend(i, repr(t)) for i, t in zip(ids, arrived, strict=True)]
        told = map(repr, part.arrow("credential").to_pylist())
        each = zip(ids, arrived, told, strict=True)
        return [self.standing.extend(i, repr(t), said) for i, t, said in each]


def explained(gate: Gate, name: str, rows: Batch, row: int, surprise: float) -> str:
    """One line, even if the check that was asked for it fails."""
    if np.isnan(surprise):
        return f"{name} cannot tell"
    try:
        return gate.checks[name].explain(rows, row, gate.standing.states[name])
    except Exception as error:  # noqa: BLE001 a reason that cannot be given is no reason to let in
        return f"{name} found it odd and cannot say why ({type(error).__name__})"


def _timed(batch: Batch, arrived: Floats) -> Batch:
    """With arrivals, and with users as sources where nobody else is said to be one."""
    timed = batch.having(arrived=np.asarray(arrived, np.float64))
    if "source" not in batch and "user" in batch:
        return timed.having(source=batch.arrow("user"))
    return timed


def _arrivals(trusted: Batch) -> Floats:
    """When trusted rows came: as they say, or by their `time`; else all at once."""
    for column in ("arrived", "time"):
        if column in trusted:
            said = np.nan_to_num(np.asarray(trusted[column], np.float64))
            return np.maximum.accumulate(said)
    return np.zeros(len(trusted))


def _origin(terms: Terms, trusted: Batch) -> bytes:
    """Where the chain of decisions begins."""
    digest = Digest()
    digest.add(trusted)
    return bytes.fromhex(terms.digest()) + bytes.fromhex(digest.hexdigest())


def _spread(values: Floats, fine: Mask) -> Floats:
    spread = np.full(len(fine), np.nan)
    spread[fine] = values
    return spread
