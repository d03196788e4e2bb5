"""Records that are not from whom they say, by the keys of those who are registered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from foretaste.data import Batch, Floats, Ints, Keys, Mask, content_id
from foretaste.streaming import Aspect


@dataclass(frozen=True, eq=False)
class Numbers:
    """Which numbers came of each key.

    keys:    (m,) of those who signed, in the order in which they first did
    highest: (m,) the largest number that came
    came:    (m, late) whether `highest - i` came
    """

    keys: Keys
    highest: Ints
    came: NDArray[np.bool_]


@dataclass(frozen=True)
class OriginSignature:
    """Holds records whose signature is missing, wrong, old, or came before.

    The reader that makes a batch of records has checked each signature against the keys of the
    registered providers, and says in `credential` what it found. A fact, and so held at once: a
    source that has a key and did not sign (a spoofed name); an unknown or wrong key; a record that
    was altered; a provider that speaks for another; a key that is not valid yet, has expired or was
    revoked when the record came; a signature that is too old, or from the future; a number that
    came before, or lies too far behind the largest that came. Sources without a key are left alone.

    fresh: seconds since a record was signed, at most; 0: any
    skew:  seconds that a sender's clock may be ahead
    late:  how far behind the largest number of its key a record may come, for brokers mix them

    Blind to what an honest provider was tricked to sign, and to poison signed with a stolen key:
    a signature proves who sent a record and that nobody altered it, not that it is clean. Blind to
    records that were withheld, to those repeated here that were sent to another gate, and to
    sources that have no key, even where their name looks like that of one (letters of another
    script; case and spaces are seen through). After a roll back of the gate, what was rolled back
    may be sent again as long as it is fresh.

    Needs `credential` (n,): a struct of fault, signer, sequence, signed, since, until and revoked,
    null where there is nothing to say; looks at `arrived`. Grows with the number of keys.

    >>> import pyarrow as pa
    >>> one = {"fault": None, "signer": "acme+52ed4c35", "sequence": 7, "signed": 100.0,
    ...     "since": -np.inf, "until": np.inf, "revoked": np.inf}
    >>> rows = Batch(list("abc"), {"arrived": [101.0] * 3, "credential": pa.array(
    ...     [one, {**one, "fault": "not signed"}, one])})
    >>> OriginSignature().judge(rows, OriginSignature().start(rows))[0].tolist()
    [0.0, inf, inf]

    References
    ----------
    Carlini et al. (2023). Poisoning Web-Scale Training Datasets is Practical. arXiv:2302.10149
    Kent (2005). IP Encapsulating Security Payload, section 3.4.3: sequence number verification.
    RFC 4303.
    """

    fresh: float = 86_400.0
    skew: float = 300.0
    late: int = 1_024

    needs: ClassVar = ("credential",)
    aspect: ClassVar = Aspect.ORIGIN

    def start(self, trusted: Batch) -> Numbers:
        nothing = np.zeros(0, np.int64)
        return Numbers(nothing.astype(np.uint64), nothing, np.zeros((0, self.late), bool))

    def judge(self, batch: Batch, state: Numbers) -> tuple[Floats, Numbers]:
        told = _Told.of(batch)
        wrong = told.faulty | self._untimely(batch, told)
        fine = np.flatnonzero(told.signed & ~wrong)
        if len(fine):
            state = _room(state, told.keys(fine), self.late)
            at = {int(key): place for place, key in enumerate(state.keys)}
            for row, key in zip(fine.tolist(), told.keys(fine).tolist(), strict=True):
                wrong[row] = not _new(state, at[key], int(told.sequence[row]), self.late)
        return np.where(wrong, np.inf, 0.0), state

    def learn(self, window: Batch, admitted: Mask, state: Numbers) -> Numbers:
        return state

    def explain(self, batch: Batch, row: int, state: Numbers) -> str:
        one = batch.take([row])
        said = batch.arrow("credential")[row].as_py()
        if said is None or (said["fault"] is None and said["signer"] is None):
            return "not signed, and no key is registered for its source"
        if said["fault"] is not None:
            return str(said["fault"]).splitlines()[0]
        name = f"record {said['sequence']} of {said['signer']}"
        arrived = float(one["arrived"][0])
        for why, true in self._times(said, arrived):
            if true:
                return f"{name}: {why}"
        return f"{name}: its number came before, or lies more than {self.late} behind"

    def _times(self, said: dict[str, Any], arrived: float) -> list[tuple[str, bool]]:
        age = arrived - said["signed"]
        return [
            ("its key was revoked", arrived >= said["revoked"]),
            ("its key has expired", arrived >= said["until"]),
            ("its key does not count yet", arrived < said["since"]),
            (f"signed {-age:.0f} seconds in the future", age < -self.skew),
            (f"signed {age:.0f} seconds ago", bool(self.fresh) and age > self.fresh),
        ]

    def _untimely(self, batch: Batch, told: _Told) -> Mask:
        arrived = np.asarray(batch["arrived"], np.float64)
        known = (told.since <= arrived) & (arrived < told.until) & (arrived < told.revoked)
        fresh = arrived - told.at <= (self.fresh or np.inf)
        found: Mask = told.signed & ~(known & fresh & (told.at - arrived <= self.skew))
        return found


@dataclass(frozen=True, eq=False)
class _Told:
    """The columns of `credential`."""

    faulty: Mask
    signed: Mask
    signers: list[str | None]
    sequence: Ints
    at: Floats
    since: Floats
    until: Floats
    revoked: Floats

    @classmethod
    def of(cls, batch: Batch) -> _Told:
        column = batch.arrow("credential")
        names = [field.name for field in column.type]
        parts = dict(zip(names, column.flatten(), strict=True))  # a null struct has null fields
        numbers = {
            name: np.asarray(parts[name].to_numpy(zero_copy_only=False), np.float64)
            for name in ("signed", "since", "until", "revoked")
        }
        sequence = pc.fill_null(parts["sequence"], -1).to_numpy(zero_copy_only=False)
        return cls(
            parts["fault"].is_valid().to_numpy(zero_copy_only=False),
            parts["signer"].is_valid().to_numpy(zero_copy_only=False),
            parts["signer"].to_pylist(),
            sequence.astype(np.int64),
            *(numbers[name] for name in ("signed", "since", "until", "revoked")),
        )

    def keys(self, rows: Ints) -> Keys:
        """64 bits of the name of each key."""
        names = [str(self.signers[row]) for row in rows.tolist()]
        known = {name: int(content_id(name.encode())[:16], 16) for name in set(names)}
        return np.array([known[name] for name in names], np.uint64)


def _room(state: Numbers, keys: Keys, late: int) -> Numbers:
    """With a place for each key."""
    new = [key for key in dict.fromkeys(keys.tolist()) if key not in set(state.keys.tolist())]
    if not new:
        return state
    return replace(
        state,
        keys=np.concatenate([state.keys, np.array(new, np.uint64)]),
        highest=np.concatenate([state.highest, np.full(len(new), -1, np.int64)]),
        came=np.concatenate([state.came, np.zeros((len(new), late), bool)]),
    )


def _new(state: Numbers, at: int, number: int, late: int) -> bool:
    """Whether a number has not come yet; from now on it has."""
    ahead = number - int(state.highest[at])
    row = state.came[at]
    if ahead > 0:
        step = min(ahead, late)
        row[step:] = row[: late - step].copy()
        row[:step] = False
        row[0] = True
        state.highest[at] = number
        return True
    if -ahead >= late or row[-ahead]:
        return False
    row[-ahead] = True
    return True
