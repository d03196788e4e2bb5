"""How often a key came lately, and how often keys of honest streams come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from foretaste.data import Batch, Floats, Ints, Keys, content_id

_FLATTEST, _STEEPEST = 1.0, 4.0  # powers by which a tail of counts may fall
_FORGED = np.uint64(0x9E3779B97F4A7C15)  # tells who is named from who was
_DEVIATIONS = 1.5  # of chance, by which a count may be larger than what is behind it


def source_keys(batch: Batch) -> Keys:
    """(n,) 64 bits of each row's `source`; 0 where it has none.

    A record whose signature is missing or wrong (`credential`) is not of the source it names: it
    gets a key of its own, so that whoever borrows a name does not spoil it.

    >>> source_keys(Batch(list("ab"), {"source": ["ann", "ann"]})).tolist()[0] > 0
    True
    """
    coded = pc.dictionary_encode(batch.arrow("source"))
    names = [_key(name) for name in coded.dictionary.to_pylist()]
    known = np.array([*names, 0], np.uint64)
    found: Keys = known[pc.fill_null(coded.indices, len(names)).to_numpy(zero_copy_only=False)]
    if "credential" in batch:
        forged = batch.arrow("credential").flatten()[0].is_valid()
        found[forged.to_numpy(zero_copy_only=False)] ^= _FORGED
    return found


def _key(name: object) -> int:
    return int(content_id(str(name).encode("utf-8", "surrogatepass"))[:16], 16)


def ranks(keys: Keys) -> Ints:
    """(n,) how many of the same came before each in the same array.

    >>> ranks(np.array([7, 8, 7, 7], np.uint64)).tolist()
    [0, 0, 1, 2]
    """
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    new = np.ones(len(keys), bool)
    new[1:] = ordered[1:] != ordered[:-1]
    at = np.arange(len(keys))
    found = np.empty(len(keys), np.int64)
    found[order] = at - np.maximum.accumulate(np.where(new, at, 0))
    return found


@dataclass(frozen=True, eq=False)
class Tally:
    """Exact counts of keys over the last `span` records, or up to a window more than twice that.

    keys, counts:         (m,) ascending; of the open generation
    old_keys, old_counts: of the one before it
    records, old_records: that each generation has counted

    >>> tally = Tally.empty().plus(np.array([5, 5, 9], np.uint64), 3)
    >>> tally.seen(np.array([5, 6, 9], np.uint64)).tolist()
    [2, 0, 1]
    """

    keys: Keys
    counts: Ints
    old_keys: Keys
    old_counts: Ints
    records: int
    old_records: int

    @classmethod
    def empty(cls) -> Self:
        """Nothing came yet."""
        none, zero = np.empty(0, np.uint64), np.empty(0, np.int64)
        return cls(none, zero, none, zero, 0, 0)

    @classmethod
    def replay(cls, keys: Keys, span: int) -> tuple[Self, Ints, Ints]:
        """Of trusted keys (n,) or (n, b), a row a record, as if they had come through a gate.

        Gives what is then remembered, (n, ...) how often each had come before, and (n, ...) how
        often it had come when its stretch of `span` records was over.
        """
        tally, before, after = cls.empty(), [], []
        for start in range(0, len(keys), span):
            part = keys[start : start + span]
            before.append(tally.before(part.ravel()).reshape(part.shape))
            tally = tally.plus(part.ravel(), len(part))
            after.append(tally.seen(part.ravel()).reshape(part.shape))
            tally = tally.turned(span)
        none = np.zeros(keys.shape, np.int64)
        return tally, np.concatenate([none[:0], *before]), np.concatenate([none[:0], *after])

    def seen(self, keys: Keys) -> Ints:
        """(n,) how often each came."""
        new, old = (
            _found(self.keys, self.counts, keys),
            _found(self.old_keys, self.old_counts, keys),
        )
        return new + old

    def before(self, keys: Keys) -> Ints:
        """(n,) how often each came, those before it in the array counted."""
        return self.seen(keys) + ranks(keys)

    def plus(self, keys: Keys, records: int, amounts: Ints | None = None) -> Self:
        """With so many records more, whose keys these are."""
        unique, inverse = np.unique(keys, return_inverse=True)
        more = np.bincount(inverse, amounts, len(unique)).astype(np.int64)
        at = np.searchsorted(self.keys, unique)
        known = np.zeros(len(unique), bool)
        inside = at < len(self.keys)
        known[inside] = self.keys[at[inside]] == unique[inside]
        counts = self.counts.copy()
        counts[at[known]] += more[known]
        return type(self)(
            np.insert(self.keys, at[~known], unique[~known]),
            np.insert(counts, at[~known], more[~known]),
            self.old_keys,
            self.old_counts,
            self.records + records,
            self.old_records,
        )

    def fair(self, span: int, more: Ints | int = 0) -> Floats:
        """What to multiply counts by, that more may be remembered than twice the span.

        more: records that came since
        """
        remembered = np.maximum(self.records + self.old_records + np.asarray(more), 1)
        found: Floats = np.minimum(1.0, 2 * span / remembered)
        return found

    def turned(self, span: int) -> Self:
        """The oldest are forgotten, if the open generation has counted `span` records."""
        if self.records < span:
            return self
        none, zero = np.empty(0, np.uint64), np.empty(0, np.int64)
        return type(self)(none, zero, self.keys, self.counts, 0, self.records)


def _found(keys: Keys, counts: Ints, wanted: Keys) -> Ints:
    if not len(keys):
        return np.zeros(len(wanted), np.int64)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, counts[at], 0)


@dataclass(frozen=True, eq=False)
class CountTail:
    """Turns counts into -log10 of how often honest records have as many.

    shares: (top + 1,) of the trusted records, how many have that many or more
    rows:   trusted records
    power:  by which shares fall beyond the highest count seen

    By rank where trusted records have such counts; beyond, by the power law that fits them, never
    steeper than the fourth power: counts of copies have heavy tails. A count is taken for what it
    is at least, one and a half deviations of chance below itself: all records that share a count
    share its luck, so ranks of records alone promise too much.

    >>> tail = CountTail.of(np.array([0] * 95 + [1] * 4 + [2]))
    >>> tail.surprise(np.array([0, 1, 2, 20])).round(1).tolist()
    [0.0, 0.0, 0.0, 3.6]

    References
    ----------
    Hill (1975). A Simple General Approach to Inference About the Tail of a Distribution.
    doi:10.1214/aos/1176343247
    """

    shares: Floats
    rows: int
    power: float

    @classmethod
    def of(cls, counts: Ints) -> Self:
        """Of (n,) counts of trusted records."""
        if not len(counts):
            return cls(np.ones(1), 0, _FLATTEST)
        top = min(int(counts.max()), 100_000)
        held = np.bincount(np.minimum(counts, top), minlength=top + 1)[::-1].cumsum()[::-1]
        many = counts[counts > 0]
        spread = float(np.log((many + 1) / 1.5).sum())
        power = float(np.clip((len(many) + 6) / (spread + 2), _FLATTEST, _STEEPEST))
        return cls(held.astype(np.float64), len(counts), power)

    def surprise(self, counts: NDArray[np.int64] | Floats) -> Floats:
        """(n,) of (n,); nothing is surprising where no row was trusted."""
        counts = np.maximum(counts, 0)
        counts = np.maximum(counts - _DEVIATIONS * np.sqrt(counts), 0.0)
        top = len(self.shares) - 1
        held = np.append(self.shares, 0.0)[np.clip(counts, 0, top + 1).astype(np.int64)]
        beyond = np.log10((np.maximum(counts, top + 1) + 1) / (top + 2)) * self.power
        found: Floats = np.maximum(beyond - np.log10((held + 1) / (self.rows + 1)), 0.0)
        return found if self.rows else np.zeros(len(counts))
