"""Records that were sent before, as they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from foretaste.data import Batch, Floats, Ints, Mask
from foretaste.streaming import Aspect
from foretaste.tallies import CountTail, Tally, source_keys

_PRICE = np.log10(2)  # looks: at copies of the record, at copies its source sent


@dataclass(frozen=True, eq=False)
class Copies:
    """What came lately, and how often honest records come again.

    span:    records after which the older half of what is remembered is forgotten
    content: how often each content id came
    sources: how many copies each source sent
    door, close, sent: how many copies trusted records had before them, in all, of their source
    """

    span: int
    content: Tally
    sources: Tally
    door: CountTail
    close: CountTail
    sent: CountTail


@dataclass(frozen=True)
class Repetition:
    """Holds records that come again and again more often than those of trusted rows did.

    At the door it counts copies that came before, of the record and of anything its source sent;
    a first copy is innocent there, and is pulled with all others when the window ends. Heartbeats
    and newsletters repeat in trusted rows too, so they may. Counts beyond any trusted one follow
    the power law of the trusted ones (`tallies.CountTail`).

    span: records that are remembered at least, up to twice as many and a window; fewer where
        fewer are trusted. Remembered are 16 bytes for each of them and each of their sources.

    Blind to copies with any change (`near_repetition`), to copies slower than one in `span`
    records, and to sources who repeat each other's records as often as honest ones do.

    Needs nothing but ids; looks at `source` (n,) of strings where there is one.

    >>> rows = Batch([f"{i}" for i in range(500)], {})
    >>> state = Repetition().start(rows)
    >>> surprise, state = Repetition().judge(Batch(["x"] * 40, {}), state)
    >>> float(surprise[0]), bool(surprise[20] > 4)
    (0.0, True)

    References
    ----------
    Lee et al. (2022). Deduplicating Training Data Makes Language Models Better. arXiv:2107.06499
    Carlini et al. (2023). Poisoning Web-Scale Training Datasets is Practical. arXiv:2302.10149
    """

    span: int = 1_000

    needs: ClassVar[tuple[str, ...]] = ()
    aspect: ClassVar = Aspect.DUPLICATION

    def start(self, trusted: Batch) -> Copies:
        span = int(np.clip(len(trusted) // 2, 1, self.span))
        content, before, after = Tally.replay(trusted.keys, span)
        empty = Tally.empty()
        none = CountTail.of(np.zeros(0, np.int64))
        state = Copies(span, content, empty, CountTail.of(before), CountTail.of(after - 1), none)
        if "source" not in trusted:
            return state
        counts = []
        for at in range(0, len(trusted), span):
            part = slice(at, at + span)
            rows = trusted.take(np.arange(len(trusted))[part])
            sent, state = _sent(rows, before[part], state)
            counts.append(sent)
            state = replace(state, sources=state.sources.turned(span))
        return replace(state, sent=CountTail.of(np.concatenate([np.zeros(0, np.int64), *counts])))

    def judge(self, batch: Batch, state: Copies) -> tuple[Floats, Copies]:
        keys = batch.keys
        before = state.content.before(keys)
        fair = state.content.fair(state.span, np.arange(len(batch)))
        surprise = state.door.surprise(before * fair)
        content = state.content.plus(keys, len(batch))
        if "source" in batch:
            sent, state = _sent(batch, before, state)
            surprise = np.maximum(surprise, state.sent.surprise(sent * fair))
        return np.maximum(surprise - _PRICE, 0.0), replace(state, content=content)

    def settle(self, window: Batch, admitted: Mask, state: Copies) -> Floats:
        copies = state.content.seen(window.keys) - 1
        return state.close.surprise(copies * state.content.fair(state.span))

    def learn(self, window: Batch, admitted: Mask, state: Copies) -> Copies:
        content, sources = state.content.turned(state.span), state.sources.turned(state.span)
        return replace(state, content=content, sources=sources)

    def explain(self, batch: Batch, row: int, state: Copies) -> str:
        times = max(int(state.content.seen(batch.keys[[row]])[0]), 1)
        usual = len(state.close.shares)
        told = f"came {times} times lately; no trusted record more than {usual} times"
        if "source" not in batch or times > usual:
            return told
        sent = int(state.sources.seen(source_keys(batch.take([row])))[0])
        return f"{told}; its source sent {sent} copies, no trusted one more than {_most(state)}"


def _sent(batch: Batch, before: Ints, state: Copies) -> tuple[Ints, Copies]:
    """(n,) how many copies the source of each copy has sent, this one counted; else 0."""
    again = before > 0
    who = source_keys(batch)[again]
    counts = np.zeros(len(batch), np.int64)
    counts[again] = state.sources.before(who) + 1
    return counts, replace(state, sources=state.sources.plus(who, len(batch)))


def _most(state: Copies) -> int:
    return len(state.sent.shares) - 1
