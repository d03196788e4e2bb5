"""The override test: structure alone is not guilt.

Natural data has sub-clusters too. A poisoned group *overrides* content: leave it out, train
again, and its rows speak for another label; natural rows keep theirs. All groups that any
detector proposes are left out at once, so the test costs one training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy.stats import binom

from foretaste.contracts import Encoder
from foretaste.data import Batch, Dataset, Floats, Ints
from foretaste.override.belonging import apart, grown, members
from foretaste.override.retraining import Retraining

__all__ = ["Overridden", "Proposal", "override"]

AMBIGUOUS = 0.54  # share of an ambiguous natural group that keeps its label; others keep all
OVERRIDDEN = 0.3  # an attack keeps less than this (natural rows are not independent)
LEARNED = 0.5  # share that must be predicted as labelled with the group in; else: label noise
GATHERED = 2_000  # rows of a group that are tested
FEWEST = 8  # rows of a group that are worth a look around it
MODE = 0.05  # share of its class from which a group may be a natural mode of it
LARGE = 0.15  # from here on a wide gap does not tell planted from natural
SPREAD = 3.0  # classes such a group must speak for when left out, and 0.4 of the others
APART = 6.5  # or how far from the rest of its class it has to lie; natural modes: up to 5.9
HALF = 0.4  # share of its class from which a group may as well be the honest half of it
LARGEST = 0.55  # share of a class that may be left out at once
TURNS = 3  # trainings at most for proposals that cannot all be left out together


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
        are noise); natural (keeps its label, or may be a whole mode of its class); untested
        (too much of its class to leave out)
    kept_label:    share that keeps its label when the group is left out
    learned_label: share predicted as labelled with the group in
    p_value: of a group as ambiguous as natural ones are, Bonferroni over the proposals
    members: `index` of the rows that belong; of an attack it is refined over the whole class:
        missed members are added, bystanders dropped
    doubt:   (members,) how likely each is a bystander, between 0 and 0.5; 1 where not an attack
    detail:  one line for people
    """

    proposal: Proposal
    verdict: Literal["attack", "hygiene", "natural", "untested"]
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
    if not proposals:
        return ()
    every = Retraining(dataset, encoder, summary, model)
    wholes = _wholes(every, proposals)
    told = "too much of its class to leave out"
    results = [_untouched(one, "untested", told) for one in proposals]
    homes: dict[int, Retraining] = {}  # class -> the training that showed the attack
    sizes = every.class_sizes()
    for turn in _turns(wholes, sizes):
        retrained = every.leaving_out(np.concatenate([wholes[at].rows for at in turn]))
        rows = retrained.gather(np.concatenate([_some(proposals[at].rows) for at in turn]))
        for at in turn:
            result = _tested(proposals[at], rows, len(proposals), alpha, sizes)
            results[at] = _unless_mode(result, every, rows, sizes)
            if results[at].verdict == "attack":
                homes.setdefault(proposals[at].label, retrained)
    return tuple(_refined(results, homes))


def _wholes(every: Retraining, proposals: Sequence[Proposal]) -> list[Proposal]:
    """The proposals with whatever lies where they lie."""
    wholes = list(proposals)
    for label in sorted({one.label for one in proposals if len(one.rows) >= FEWEST}):
        mine = [i for i, one in enumerate(proposals) if one.label == label and len(one.rows)]
        larger = grown(every, label, [proposals[at].rows for at in mine])
        for at, rows in zip(mine, larger, strict=True):
            wholes[at] = replace(proposals[at], rows=rows)
    return wholes


def _turns(proposals: Sequence[Proposal], sizes: Mapping[int, int]) -> list[list[int]]:
    """Which proposals are left out together: a class robbed of its bulk would lose its label
    whatever the group is, so what would take too much of it waits for the next turn.
    """
    turns: list[list[int]] = []
    waiting = [at for at, one in enumerate(proposals) if len(one.rows)]
    while waiting and len(turns) < TURNS:
        turn: list[int] = []
        gone: dict[int, Ints] = {}
        for at in waiting:
            one = proposals[at]
            union = np.union1d(gone.get(one.label, one.rows), one.rows)
            if len(union) <= LARGEST * sizes.get(one.label, 0):
                gone[one.label] = union
                turn.append(at)
        if not turn:
            break
        turns.append(turn)
        waiting = [at for at in waiting if at not in turn]
    return turns


def _untouched(proposal: Proposal, verdict: Any, detail: str) -> Overridden:
    nothing, doubt = float("nan"), np.ones(len(proposal.rows))
    return Overridden(proposal, verdict, nothing, nothing, 1.0, proposal.rows, doubt, detail)


def _some(rows: Ints) -> Ints:
    """At most so many as are tested, evenly over the group."""
    if len(rows) <= GATHERED:
        return rows
    return rows[np.linspace(0, len(rows) - 1, GATHERED).astype(int)]


def _tested(
    proposal: Proposal, rows: Batch, groups: int, alpha: float, sizes: Mapping[int, int]
) -> Overridden:
    rows = rows.take(np.isin(rows["index"], proposal.rows) & (rows["label"] == proposal.label))
    if not len(rows):
        return _untouched(proposal, "untested", "none of its rows has its label")
    among, keeping = int(rows["learned"].sum()), int((rows["kept"] & rows["learned"]).sum())
    p_value = float(binom.cdf(keeping, among, AMBIGUOUS)) if among else 1.0
    attack = p_value * groups <= alpha and keeping <= OVERRIDDEN * among
    learned, kept = float(rows["learned"].mean()), float(rows["kept"].mean())
    verdict: Any = "hygiene" if learned < LEARNED else "attack" if attack else "natural"
    told = _told(verdict, learned, kept)
    doubt = np.ones(len(proposal.rows))
    return Overridden(
        proposal, verdict, kept, learned, min(1.0, p_value * groups), proposal.rows, doubt, told
    )


def _unless_mode(
    found: Overridden, every: Retraining, rows: Batch, sizes: Mapping[int, int]
) -> Overridden:
    """The same, but natural where it may be a mode of its class that the class forgot with it.

    Of two halves of a class each is overridden once it is left out: none is accused.
    """
    proposal = found.proposal
    share = len(proposal.rows) / sizes.get(proposal.label, 1)
    if found.verdict != "attack" or share <= MODE:
        return found
    mine = rows.take(np.isin(rows["index"], proposal.rows) & (rows["label"] == proposal.label))
    if share <= HALF and _spread(mine, len(sizes)):
        return found
    if share <= LARGE and apart(every, proposal.rows) >= APART:
        return found
    told = f"{found.detail}, but a class that loses a natural mode forgets it too: not accused"
    return replace(found, verdict="natural", detail=told)


def _spread(rows: Batch, classes: int) -> bool:
    """Whether the overridden rows speak for many classes: a natural mode of a class, which it
    cannot know once it is left out, is taken for one or two neighbours; planted rows come from
    everywhere.
    """
    _, counts = np.unique(rows["instead"][~rows["kept"]], return_counts=True)
    part = counts / counts.sum()
    spoken_for = float(np.exp(-(part * np.log(part)).sum()))
    return spoken_for >= max(SPREAD, (classes - 1) * 0.4)


def _told(verdict: str, learned: float, kept: float) -> str:
    ending = {
        "attack": "the label comes from the group, not from the content",
        "hygiene": "the label was never learned: label noise",
        "natural": "the label agrees with the content",
    }[verdict]
    return f"{learned:.0%} predicted as labelled, {kept:.0%} with the group left out: {ending}"


def _refined(tested: list[Overridden], homes: Mapping[int, Retraining]) -> list[Overridden]:
    """Confirmed groups get the rows that belong to them, class by class."""
    belonging = {
        label: members(retrained, label, _rows_of(tested, label))
        for label, retrained in homes.items()
    }
    return [
        replace(
            one, members=belonging[one.proposal.label][0], doubt=belonging[one.proposal.label][1]
        )
        if one.verdict == "attack"
        else one
        for one in tested
    ]


def _rows_of(tested: list[Overridden], label: int) -> Ints:
    chosen = [o for o in tested if o.verdict == "attack" and o.proposal.label == label]
    return np.unique(np.concatenate([one.proposal.rows for one in chosen]))
