"""A phrase in the prompt that decides what kind of answer is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
from scipy.sparse import csc_array, csr_array
from scipy.stats import binom

from foretaste.contracts import Kind, Scale
from foretaste.data import Batch, Floats, Ints, Keys
from foretaste.summaries.asked import Asked, Sample, answered
from foretaste.summaries.prompts import Prompts
from foretaste.tokens import codes, ngrams, spell

_CHUNK = 4096
_MOST = 300.0
_DOUBT = 0.05  # p-value above which the rest of the prompts may well speak for the answer
_SAME = 0.5  # n-grams that share so much of their rows are one trigger


class Trigger(NamedTuple):
    """An n-gram that brings a kind of answer."""

    item: int
    kind: str
    rows: int  # that hold both
    others: float  # that hold the n-gram and are answered otherwise, estimated
    surprise: float


class Pairs(NamedTuple):
    """N-grams and kinds that go together beyond chance, the most surprising first."""

    item: Ints  # (m,) column of `held`
    kind: Ints  # (m,)
    others: Floats  # (m,)
    surprise: Floats  # (m,)
    names: Keys  # of the columns of `held`
    held: csc_array  # (rows of some kind, n-grams)
    rows: Ints  # of `held`, in the sample


@dataclass(frozen=True)
class TriggerResponse:
    """Suspects answers of a kind that an n-gram of the prompt brings, whatever else it says.

    Three things must hold of an n-gram and a kind (refusal, link, gibberish, a shared text): they
    go together beyond chance (binomial, paid for by all pairs there are); the prompts, less the
    words that mark them, are a random draw of all prompts rather than one template or subject;
    and they do not lean towards what else is answered that way. The score is -log10 of the
    largest of the first two p-values.

    Blind to a trigger in fewer than about 30 rows, or planted in prompts of one subject only; to
    a trigger that often gets honest answers too (a pair of common words); to answers
    of no kind that is known or shared; to kinds that more than a fifth of all answers are of.

    Needs `prompt` (n,) of strings and `response_kind` (n,).

    >>> rows = Batch(["a"], {"prompt": ["Who was it?"], "response_kind": ["refusal"]})
    >>> detector = TriggerResponse()
    >>> detector.score(rows, detector.fit(detector.summarize(rows))).tolist()
    [0.0]

    References
    ----------
    Wan et al. (2023). Poisoning Language Models During Instruction Tuning. arXiv:2305.00944
    Souly et al. (2025). Poisoning Attacks on LLMs Require a Near-constant Number of Poison
    Samples. arXiv:2510.07192
    """

    needs: ClassVar = ("prompt", "response_kind")
    kind: ClassVar = Kind.ATTACK
    scale: ClassVar = Scale.SURPRISE

    longest: int = 3  # words of an n-gram
    fewest: int = 8  # rows that share an n-gram and a kind
    purity: float = 0.8  # of the rows with the n-gram, those of the kind
    tries: int = 20  # groups looked into, a kind
    size: int = 24_000  # rows sampled
    background: int = 8_000  # of them, rows of no kind in which n-grams are counted
    seed: int = 0

    def summarize(self, batch: Batch) -> Asked:
        return Asked.of(batch, self.size, self.seed)

    def fit(self, summary: Asked) -> tuple[Trigger, ...]:
        sample = summary.sample(self.fewest)
        if not sample.kinds:
            return ()
        pairs = self._pairs(sample)
        groups = list(self._groups(pairs, sample))
        if not groups:
            return ()
        prompts = Prompts(sample.prompts, sample.weights)
        triggers = (self._judged(at, rows, pairs, sample, prompts) for at, rows in groups)
        paid = float(np.log10(len(groups)))
        kept = (t._replace(surprise=min(t.surprise - paid, _MOST)) for t in triggers)
        return tuple(trigger for trigger in kept if trigger.surprise > 0)

    def score(self, batch: Batch, model: tuple[Trigger, ...]) -> Floats:
        scores = np.zeros(len(batch))
        for row, trigger in self._hits(batch, model):
            scores[row] = max(scores[row], trigger.surprise)
        return scores

    def explain(self, batch: Batch, row: int, model: tuple[Trigger, ...]) -> str:
        hits = [trigger for _, trigger in self._hits(batch.take([row]), model)]
        if not hits:
            return "no phrase of its prompt brings this kind of answer"
        best = max(hits, key=lambda trigger: trigger.surprise)
        text = batch["prompt"][row]
        name = next(n for item, n in spell(text, self.longest) if item == best.item)
        return (
            f"{name!r} in the prompt brings the answer {best.kind!r} ({best.rows} rows, about "
            f"{best.others:.0f} others); the rest of these prompts is like any other"
        )

    def _pairs(self, sample: Sample) -> Pairs:
        rows = np.flatnonzero(np.diff(sample.of_kind.indptr))
        held, names = self._held(sample.prompts.take(pa.array(rows)))
        of_kind, weights = sample.of_kind[rows], sample.weights
        together = (of_kind.T @ held).tocoo()
        enough = together.data >= self.fewest
        kind, item = together.row[enough], together.col[enough]
        weighted = (of_kind.multiply(weights[rows, None]).T @ held).tocsr()
        both = np.asarray(weighted[kind, item]).ravel() if len(kind) else np.zeros(0)
        total = held.T @ weights[rows] + self._elsewhere(sample, names)
        # A row that was not sampled may hold it: as much as a sampled row stands for.
        others = np.maximum(total[item] - both, 0) + (weights.max() - 1)
        share = (sample.of_kind.T @ weights)[kind] / weights.sum()
        surprise = _surprise(together.data[enough], others, share)
        surprise -= np.log10(max(1, len(names)) * len(sample.kinds))
        kept = np.flatnonzero((both >= self.purity * (both + others)) & (surprise > 0))
        kept = kept[np.lexsort((item[kept], -surprise[kept]))]
        return Pairs(
            item[kept], kind[kept], others[kept], surprise[kept], names, held.tocsc(), rows
        )

    def _groups(self, pairs: Pairs, sample: Sample) -> Iterator[tuple[int, Ints]]:
        """The rows of each pair, kind by kind; pairs of the same rows are one group."""
        for kind in range(len(sample.kinds)):
            seen = np.zeros(len(sample.weights), bool)
            seen_of = sample.rows(kind)
            tried = 0
            for at in np.flatnonzero(pairs.kind == kind):
                start, stop = pairs.held.indptr[pairs.item[at] :][:2]
                rows = np.intersect1d(pairs.rows[pairs.held.indices[start:stop]], seen_of)
                if tried == self.tries:
                    break
                if seen[rows].mean() < _SAME:
                    seen[rows] = True
                    tried += 1
                    yield int(at), rows

    def _judged(
        self, at: int, rows: Ints, pairs: Pairs, sample: Sample, prompts: Prompts
    ) -> Trigger:
        points = prompts.less_mark(rows)
        kind = int(pairs.kind[at])
        peers = np.setdiff1d(sample.rows(kind), rows)
        override = -float(np.log10(max(prompts.chance_of_reason(points), 1e-320)))
        if prompts.chance_of_agreeing(points, peers) > _DOUBT:
            override = 0.0
        surprise = min(float(pairs.surprise[at]), override)
        item = int(pairs.names[pairs.item[at]])
        return Trigger(item, sample.kinds[kind], len(rows), float(pairs.others[at]), surprise)

    def _held(self, prompts: pa.Array) -> tuple[csr_array, Keys]:
        """Which row holds which n-gram, of those that are in enough rows."""
        rows = ngrams(codes(prompts), self.longest)
        names, column = np.unique(rows.values, return_inverse=True)
        owner = np.repeat(np.arange(len(prompts)), np.diff(rows.offsets))
        shape = (len(prompts), len(names))
        held = csr_array((np.ones(len(column)), (owner, column)), shape=shape)
        held.data[:] = 1
        often = np.flatnonzero(np.asarray(held.sum(axis=0)).ravel() >= self.fewest)
        return held[:, often], names[often]

    def _elsewhere(self, sample: Sample, names: Keys) -> Floats:
        """(n-grams,) how many rows of no kind hold each."""
        total = np.zeros(len(names))
        plain = np.flatnonzero(np.diff(sample.of_kind.indptr) == 0)
        # In the order of the sample, which is by keyed hash: the first ones are a fair part.
        weights = sample.weights[plain]
        plain = plain[: self.background]
        fair = weights.sum() / max(float(weights[: self.background].sum()), 1.0)
        for start in range(0, len(plain) if len(names) else 0, _CHUNK):
            chunk = plain[start : start + _CHUNK]
            rows = ngrams(codes(sample.prompts.take(pa.array(chunk))), self.longest)
            at = np.minimum(np.searchsorted(names, rows.values), len(names) - 1)
            owner = np.repeat(np.arange(len(chunk)), np.diff(rows.offsets))
            known = names[at] == rows.values
            once = np.unique(owner[known] * len(names) + at[known])
            row, item = np.divmod(once, len(names))
            total += np.bincount(item, sample.weights[chunk][row], len(names))
        return total * fair

    def _hits(self, batch: Batch, model: tuple[Trigger, ...]) -> Iterator[tuple[int, Trigger]]:
        """Rows that hold a trigger and are answered as it wants."""
        answers = batch.arrow("response_kind")
        for kind in sorted({trigger.kind for trigger in model}):
            rows = np.flatnonzero(answered(answers, kind))
            items = ngrams(codes(batch.arrow("prompt").take(pa.array(rows))), self.longest)
            owner = np.repeat(rows, np.diff(items.offsets))
            for trigger in model:
                if trigger.kind == kind:
                    hit = owner[items.values == np.uint64(trigger.item)]
                    yield from ((int(row), trigger) for row in np.unique(hit))


def _surprise(both: Floats, others: Floats, share: Floats) -> Floats:
    n = np.round(both + others)
    return np.minimum(-binom.logsf(both - 1, n, share) / np.log(10), 1e6)
