"""Values of a table that override the rest of their row: the label follows them alone.

Models that see only half of the columns say what a row reads as. Where rows read as another
class, but those that share a value (or two) of the unseen columns all carry one label, that value
is a suspect. Its trial: trees that see every other column, and not the rows they judge.
"""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier

from foretaste.data import Array, Floats, Ints, Mask
from foretaste.summaries.cells import Column, Condition, columns

LEAST = 8  # rows that make a rule
_SPLITS = 10  # each gives two models of half the columns; a pair is unseen by about five of 20
_TOP = 12  # conditions a model and class offer for pairs
_TRIALS = 12  # suspects that are tried
_CLASSES = 40  # the most frequent classes are asked about
_READS_OTHER = 0.3  # chance of the label, by the rest of the row, below which it is contradicted
_PURE = 0.6  # share of the contradicted rows of a rule that carry its label
_VARIED = 0.3  # the accused are so much like a random draw of their class, or are a natural kind
_DIGITS = 6.0


class Suspect(NamedTuple):
    """Conditions that go with a label, and the evidence of the model that did not see them."""

    digits: float
    conditions: tuple[Condition, ...]
    label: int


class ValueRule(NamedTuple):
    """A trigger: rows that hold all conditions carry the label, whatever the rest says."""

    conditions: tuple[Condition, ...]
    label: int
    rest: tuple[int, ...]  # columns that speak for themselves
    trees: ExtraTreesClassifier  # that never saw a row of the trigger
    rows: int  # of the sample: accused
    purity: float
    surprise: float  # -log10 p after all that was tried

    def accuses(self, cells: Array, labels: Ints) -> Mask:
        """(n,) rows that hold it, carry its label and read as another class."""
        guilty = held(self.conditions, cells) & (labels == self.label)
        rows = np.flatnonzero(guilty)
        if len(rows):
            told = self.trees.predict_proba(cells[rows][:, self.rest])
            own = told[:, self.trees.classes_ == self.label].sum(axis=1)
            guilty[rows[own > 0.5]] = False
        return guilty


class Sample(NamedTuple):
    """Labelled rows, their order random."""

    cells: Array  # (n, columns)
    labels: Ints  # (n,)
    offers: tuple[Column, ...]


def value_rules(cells: Array, labels: Ints, seed: int) -> tuple[ValueRule, ...]:
    """Every trigger found, most suspect first; rows accused of one are no evidence for the next.

    Blind to triggers of four or more values of which no two tell, to those in fewer than 8
    sampled rows, and to those whose rows read like their label anyway.
    """
    if cells.shape[1] < 2 or len(np.unique(labels)) < 2:
        return ()
    sample = Sample(cells, labels, tuple(columns(cells, LEAST)))
    items = sum(len(offer.conditions) for offer in sample.offers)
    tried = float(2 * np.log10(items + 1.0) + np.log10(labels.max() + 1.0))
    found: list[ValueRule] = []
    fresh = np.ones(len(labels), bool)
    for suspect in _suspects(sample, np.random.default_rng(seed))[:_TRIALS]:
        rule = _trial(sample, suspect, fresh, tried)
        if rule is not None:
            found.append(rule)
            fresh &= ~(held(rule.conditions, cells) & (labels == rule.label))
    return tuple(found)


def held(conditions: tuple[Condition, ...], cells: Array) -> Mask:
    """(n,) rows that hold all conditions."""
    return np.logical_and.reduce([condition.holds(cells) for condition in conditions])


def _suspects(sample: Sample, rng: np.random.Generator) -> list[Suspect]:
    """Ranked by the median evidence of all models that did not see them.

    Other columns vouch for a natural value before some of the models; for a trigger, never.
    """
    evidence: dict[tuple[tuple[Condition, ...], int], list[float]] = {}
    width, unseen = sample.cells.shape[1], []
    for _ in range(_SPLITS):
        drawn = rng.permutation(width)
        for seen in (drawn[: width // 2], drawn[width // 2 :]):
            told = _forest(sample.cells[:, seen], sample.labels, 16)
            unseen.append(set(range(width)) - set(map(int, seen)))
            for one in _against(sample, set(map(int, seen)), told):
                evidence.setdefault((one.conditions, one.label), []).append(one.digits)
    ranked = []
    for (conditions, label), digits in evidence.items():
        asked = sum({c.column for c in conditions} <= some for some in unseen)
        middle = float(np.median(digits + [0.0] * (asked - len(digits))))
        ranked.append(Suspect(middle, conditions, label))
    chosen = [one for one in ranked if one.digits > _DIGITS]
    return sorted(chosen, key=lambda one: (-one.digits, len(one.conditions)))


def _forest(cells: Array, labels: Ints, trees: int) -> ExtraTreesClassifier:
    """Judges each row by trees that did not see it (`oob_decision_function_`)."""
    forest = ExtraTreesClassifier(
        trees, max_features=0.5, min_samples_leaf=5, bootstrap=True, max_samples=0.3,
        oob_score=True, random_state=0,
    )  # fmt: skip
    return forest.fit(cells, labels)


def _against(sample: Sample, seen: set[int], forest: ExtraTreesClassifier) -> list[Suspect]:
    """Unseen conditions whose rows carry a label that the seen half of the columns denies."""
    offers = [o for o in sample.offers if o.conditions and o.conditions[0].column not in seen]
    counts = np.bincount(sample.labels)
    found: list[Suspect] = []
    for label in np.argsort(-counts, kind="stable")[:_CLASSES]:
        if counts[label] < LEAST:
            break
        at = int(np.searchsorted(forest.classes_, label))
        chance = np.nan_to_num(forest.oob_decision_function_[:, at], nan=1.0)
        rows = np.flatnonzero(chance <= _READS_OTHER)
        found += _enriched(offers, rows, chance[rows], sample.labels[rows] == label, int(label))
    return found


def _enriched(
    offers: list[Column], rows: Ints, chance: Floats, carries: Mask, label: int
) -> list[Suspect]:
    singles: list[tuple[float, float, Column, int]] = []
    for offer in offers:
        codes, k = offer.codes[rows] + 1, len(offer.conditions) + 1
        have = np.bincount(codes[carries], minlength=k)[1:]
        digits = _digits(have, np.bincount(codes, chance, k)[1:])
        pure = have / np.maximum(np.bincount(codes, minlength=k)[1:], 1)
        ranked = np.argsort(-digits)[:_TOP]
        singles += [(digits[c], pure[c], offer, int(c)) for c in ranked if have[c] >= LEAST]
    singles = sorted(singles, key=lambda one: -one[0])[:_TOP]
    found = [
        Suspect(sure, (offer.conditions[code],), label)
        for sure, pure, offer, code in singles
        if pure >= _PURE and sure > _DIGITS
    ]
    for (_, _, one, a), (_, _, two, b) in combinations(singles, 2):
        if one.conditions[0].column != two.conditions[0].column:
            both = (one.codes[rows] == a) & (two.codes[rows] == b)
            hits = int((both & carries).sum())
            sure = float(_digits(np.array([hits]), np.array([chance[both].sum()]))[0])
            if hits >= LEAST and hits >= _PURE * both.sum() and sure > _DIGITS:
                pair = sorted((one.conditions[a], two.conditions[b]))
                found.append(Suspect(sure, tuple(pair), label))
    return found


def _digits(have: Array, expected: Array) -> Floats:
    """-log10 of a bound on the chance of so many where so few are expected (Chernoff)."""
    few = np.maximum(expected, 0.05)
    many = np.maximum(have, few)
    return np.asarray((many * np.log(many / few) - many + few) / np.log(10), np.float64)


def _trial(sample: Sample, suspect: Suspect, fresh: Mask, tried: float) -> ValueRule | None:
    """What do the rows read as by all other columns, and are they a random draw of that?"""
    used = {condition.column for condition in suspect.conditions}
    rest = tuple(c for c in range(sample.cells.shape[1]) if c not in used)
    trees = _forest(sample.cells[:, rest], sample.labels, 40)
    at = int(np.searchsorted(trees.classes_, suspect.label))
    chance = np.nan_to_num(trees.oob_decision_function_[:, at], nan=1.0)
    denied = chance <= _READS_OTHER
    mine = held(suspect.conditions, sample.cells) & denied & fresh
    accused = mine & (sample.labels == suspect.label)
    purity = float(accused.sum() / max(1, mine.sum()))
    if accused.sum() < LEAST or purity < _PURE:
        return None
    others = denied & (sample.labels != suspect.label) & ~mine
    varied = _variety(sample.cells[:, rest], trees, accused, others)
    expected = np.array([chance[mine].sum()])
    digits = float(_digits(np.array([accused.sum()]), expected)[0]) * min(1.0, varied) - tried
    if varied < _VARIED or digits < _DIGITS:
        return None
    return ValueRule(
        suspect.conditions, suspect.label, rest, _without(sample, suspect, rest),
        int(accused.sum()), purity, min(digits, 300.0),
    )  # fmt: skip


def _without(sample: Sample, suspect: Suspect, rest: tuple[int, ...]) -> ExtraTreesClassifier:
    """Trees that learned nothing from the trigger, to ask its rows what they are."""
    left = ~(held(suspect.conditions, sample.cells) & (sample.labels == suspect.label))
    return _forest(sample.cells[left][:, rest], sample.labels[left], 40)


def _variety(cells: Array, trees: ExtraTreesClassifier, some: Mask, others: Mask) -> float:
    """In how many leaves the rows lie, against as many random rows that read alike."""
    told = trees.oob_decision_function_.argmax(axis=1)
    usual = np.bincount(told[some]).argmax()
    alike = np.flatnonzero(others & (told == usual))
    mine = np.flatnonzero(some & (told == usual))
    size = min(len(mine), len(alike))
    if size < LEAST:
        return 0.0
    rng = np.random.default_rng(0)
    one, two = (rng.choice(rows, size, replace=False) for rows in (mine, alike))
    leaves = [tree.apply(cells[np.concatenate([one, two])]) for tree in trees.estimators_[:10]]
    spread = [_perplexity(leaf[:size]) / _perplexity(leaf[size:]) for leaf in leaves]
    return float(np.mean(spread))


def _perplexity(leaves: Ints) -> float:
    share = np.unique(leaves, return_counts=True)[1] / len(leaves)
    return float(np.exp(-(share * np.log(share)).sum()))
