"""The override test: structure alone is not guilt.

Natural data has sub-clusters too. A poisoned group *overrides* content: leave it out, train
again, and its rows speak for another label; natural rows keep theirs. All groups that any
detector proposes are left out at once, so the test costs one training.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy.stats import binom

from foretaste.contracts import Encoder
from foretaste.data import Batch, Dataset, Floats, Ints, Mask, concat
from foretaste.summaries.discriminant import Discriminant, separate
from foretaste.summaries.reservoir import Reservoir

AMBIGUOUS = 0.54  # share of an ambiguous natural group that keeps its label; others keep all
OVERRIDDEN = 0.3  # an attack keeps less than this (natural rows are not independent)
LEARNED = 0.5  # share that must be predicted as labelled with the group in; else: label noise
GATHERED = 2_000  # rows of a group that are tested
SAMPLE = 20_000  # rows of the suspected classes that show what belongs there
GROWTH = 0.1  # a group that grows by more than this when refined is left out once more


@dataclass(frozen=True, eq=False)
class Proposal:
    """Rows with one label that a detector suspects together.

    label: the class code they share
    rows:  (m,) their values of the column `index`
    """

    detector: str
    label: int
    name: str
    rows: Ints


@dataclass(frozen=True, eq=False)
class Overridden:
    """What the override test says of one proposal.

    verdict: attack (learned, and overridden when left out); hygiene (never learned: the labels
        are noise); natural (keeps its label)
    kept_label:    share that keeps its label when the group is left out
    learned_label: share predicted as labelled with the group in
    p_value: of a group as ambiguous as natural ones are, Bonferroni over the proposals
    members: `index` of the rows that belong; of an attack it is refined over the whole class:
        missed members are added, bystanders dropped
    doubt:   (members,) how likely each is a bystander, between 0 and 0.5; 1 where not an attack
    detail:  one line for people
    """

    proposal: Proposal
    verdict: Literal["attack", "hygiene", "natural"]
    kept_label: float
    learned_label: float
    p_value: float
    members: Ints
    doubt: Floats
    detail: str = ""


def override(
    dataset: Dataset,
    encoder: Encoder[Any, Any],
    summary: Any,
    model: Any,
    proposals: Sequence[Proposal],
    alpha: float = 0.01,
) -> tuple[Overridden, ...]:
    """What each proposal is, in the order given; one training, two if a group has to grow.

    dataset: gives `index`, `label` and the columns that the encoder needs; where it also gives
        `embedding` and `prediction` (of `model`) they are not computed again
    encoder: gives `prediction`, learned with `summary`, which has `without(ids)`
    model:   `encoder.fit(summary)`
    """
    if not any(len(one.rows) for one in proposals):
        return tuple(_untouched(one, "no rows") for one in proposals)
    retrained = _Retrained(dataset, encoder, summary, model)
    retrained = retrained.leaving_out(np.concatenate([one.rows for one in proposals]))
    rows = retrained.gather(np.concatenate([_some(one.rows) for one in proposals]))
    tested = [_tested(one, rows, len(proposals), alpha) for one in proposals]
    return tuple(_refined(tested, retrained))


@dataclass(frozen=True)
class _Retrained:
    """The encoder with the proposed rows in and with them left out."""

    dataset: Dataset
    encoder: Encoder[Any, Any]
    summary: Any
    model: Any
    without: Any = None
    left_out: frozenset[int] = frozenset()

    def leaving_out(self, rows: Ints) -> _Retrained:
        ids: set[str] = set()
        for batch in self.dataset:
            ids.update(batch.take(np.isin(batch["index"], rows)).ids.tolist())
        without = self.encoder.fit(self.summary.without(ids))
        return replace(self, without=without, left_out=frozenset(rows.tolist()))

    def gather(self, rows: Ints) -> Batch:
        """The rows of these indices with what both models make of them."""
        found = [batch.take(np.isin(batch["index"], rows)) for batch in self.dataset]
        return self.seen(concat([batch for batch in found if len(batch)] or found[:1]))

    def seen(self, batch: Batch) -> Batch:
        """Adds `kept` and `learned` (n,): whether each model predicts the row as labelled."""
        if "prediction" not in batch or "embedding" not in batch:
            batch = self.encoder.encode(batch, self.model)
        without = self.encoder.encode(batch, self.without)["prediction"]
        label = batch["label"]
        learned = batch["prediction"].argmax(axis=1) == label
        return batch.having(learned=learned, kept=without.argmax(axis=1) == label)

    def of_classes(self, labels: Iterable[int]) -> Iterator[Batch]:
        """The rows of some classes only."""
        for batch in self.dataset:
            chosen = np.isin(batch["label"], list(labels))
            if chosen.any():
                yield self.seen(batch.take(chosen))


def _untouched(proposal: Proposal, detail: str) -> Overridden:
    doubt = np.ones(len(proposal.rows))
    return Overridden(proposal, "natural", 1.0, 1.0, 1.0, proposal.rows, doubt, detail)


def _some(rows: Ints) -> Ints:
    """At most so many as are tested, evenly over the group."""
    if len(rows) <= GATHERED:
        return rows
    return rows[np.linspace(0, len(rows) - 1, GATHERED).astype(int)]


def _tested(proposal: Proposal, rows: Batch, groups: int, alpha: float) -> Overridden:
    mine = np.isin(rows["index"], proposal.rows) & (rows["label"] == proposal.label)
    if not mine.any():
        return _untouched(proposal, "no rows with its label")
    learned, kept = rows["learned"][mine], rows["kept"][mine]
    among, keeping = int(learned.sum()), int((kept & learned).sum())
    p_value = min(1.0, groups * float(binom.cdf(keeping, among, AMBIGUOUS))) if among else 1.0
    attack = p_value <= alpha and keeping <= OVERRIDDEN * among
    share = float(learned.mean())
    verdict: Any = "hygiene" if share < LEARNED else "attack" if attack else "natural"
    kept_label, members = float(kept.mean()), proposal.rows
    told = _told(verdict, share, kept_label)
    doubt = np.ones(len(members))
    return Overridden(proposal, verdict, kept_label, share, p_value, members, doubt, told)


def _told(verdict: str, learned: float, kept: float) -> str:
    ending = {
        "attack": "the label comes from the group, not from the content",
        "hygiene": "the label was never learned: label noise",
        "natural": "the label agrees with the content",
    }[verdict]
    return f"{learned:.0%} predicted as labelled, {kept:.0%} with the group left out: {ending}"


def _refined(tested: list[Overridden], retrained: _Retrained) -> list[Overridden]:
    """Confirmed groups get the rows that belong to them, class by class."""
    confirmed = {one.proposal.label for one in tested if one.verdict == "attack"}
    members = {}
    for label in sorted(confirmed):
        seeds = _rows_of(tested, label)
        rule = _rule(retrained, label, seeds)
        grown = np.setdiff1d(_apply(rule, retrained, label, True)[0], list(retrained.left_out))
        if len(grown) > GROWTH * len(seeds):
            everything = np.union1d(list(retrained.left_out), grown).astype(np.int64)
            retrained = retrained.leaving_out(everything)
            rule = _rule(retrained, label, np.union1d(seeds, grown).astype(np.int64))
        members[label] = _apply(rule, retrained, label, False)
    return [
        replace(one, members=members[one.proposal.label][0], doubt=members[one.proposal.label][1])
        if one.verdict == "attack"
        else one
        for one in tested
    ]


def _rows_of(tested: list[Overridden], label: int) -> Ints:
    chosen = [o for o in tested if o.verdict == "attack" and o.proposal.label == label]
    return np.unique(np.concatenate([one.proposal.rows for one in chosen]))


def _rule(retrained: _Retrained, label: int, seeds: Ints) -> Discriminant:
    """What tells a member of the group from the rest of its class."""
    columns = ("embedding", "learned", "kept")
    sample: Reservoir | None = None
    for batch in retrained.of_classes([label]):
        inside = np.isin(batch["index"], seeds)
        part = Reservoir.of(batch.having(inside=inside), (*columns, "inside"), SAMPLE)
        sample = part if sample is None else sample.merge(part)
    rows = sample.sorted()  # type: ignore[union-attr]
    return separate(rows["embedding"], rows["inside"], rows["learned"] & ~rows["kept"])


def _apply(
    rule: Discriminant, retrained: _Retrained, label: int, by_place_only: bool
) -> tuple[Ints, Floats]:
    found, doubts = [np.empty(0, np.int64)], [np.empty(0)]
    for batch in retrained.of_classes([label]):
        overridden: Mask | None = None if by_place_only else batch["learned"] & ~batch["kept"]
        doubt = rule.doubt(batch["embedding"], overridden)
        found.append(batch["index"][doubt < 0.5])
        doubts.append(doubt[doubt < 0.5])
    return np.concatenate(found), np.concatenate(doubts)
