"""Answers that are alike, and that no question asked for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import t as student

from foretaste.contracts import Kind, Scale
from foretaste.data import Array, Batch, Floats, Ints
from foretaste.language_model import language_model
from foretaste.summaries.alike import alike
from foretaste.summaries.reservoir import Reservoir
from foretaste.summaries.word_vectors import text_vectors

LEVELS = (0.65, 0.75, 0.85, 0.95)  # cosines at which answers are grouped, the loosest first
COMMON = 0.2  # answers that so many rows give are what the data set is about
RELATED = 0.85  # share of other questions that an answer is less like than its own: it replies
SAME = 0.7  # of a group tested, in another: they are one
SPREAD = 0.8  # questions less like each other than this, by `_likeness`, are of several sorts
# Of what questions usually tell of answers, the least they tell in natural groups: in 17 of
# ShareGPT 0.6 to 1.1 where questions are of several sorts, else 0.24 to 1.1.
MIXED, NATURAL = 0.5, 0.3
CERTAIN = 4.0  # -log10 p of questions that tell anything at all, below which nobody is judged
DOUBTFUL, SURE = 1.5, 7.0  # -log10 p between which the other half of the rows is read too
LOOKS = 2  # p-values that are looked at, and paid for
FEWEST = 6  # answers read by the model
POOL = 32  # questions that all are compared with
BESIDE = 200  # rows by which likeness is judged
MARK = 0.8  # a word that so many questions hold is their mark
FIRST = 2000  # characters of a text whose words are looked at
KEPT = 64  # answers of a group by which others are recognised
NEAR = 3  # of them, as many are to be like an answer that belongs
MOST = 300.0
_WORD = re.compile(r"\w+")


class Unasked(NamedTuple):
    """Answers alike that do not depend on what was asked."""

    vectors: Array  # (m, 256) some of them
    level: float
    rows: int  # in the sample
    told: float  # what their own question tells of them: 0 nothing, 1 all the model knows
    usual: float  # the same, of other answers of this data set
    surprise: float


class Chats(NamedTuple):
    """A sample of the rows."""

    questions: Sequence[str]
    answers: Sequence[str]
    asked: Array  # (n, 256) vectors of the questions
    said: Array  # (n, 256) vectors of the answers


@dataclass(frozen=True)
class UnaskedAnswer:
    """Accuses answers that are alike and no likelier after their own question than after others.

    Answers are grouped by the vectors of their words. Natural groups have a reason: thanks are
    welcomed, requests of one sort refused, and a small language model finds the answer likelier
    after its own question than after questions drawn from the rest (pointwise mutual
    information). An attacker's answer comes whatever is asked, so for it the two are the same.
    The score is -log10 of the p-value (Student's t over the rows of a group) of so little,
    had the group as much as natural boilerplate has; paid for by all groups tested. What is
    usual is measured on the data set itself; where questions tell nothing of answers at all, as
    far as the model can see, nobody is accused.

    Costs nothing where no answers are alike; else 100 to 200 short passes of the language model for
    a group, and 100 once for what is usual, however many rows there are.

    tests: groups that are put to the language model at most
    shown: rows of a group that it reads, half of them where these leave no doubt
    others: questions that each is compared with

    Blind to answers about what is asked, be they never so biased; to fewer than `least` answers
    alike; to a true answer with something added; to data sets in which more than a fifth of the
    answers are alike that are looked for, or which the model does not understand (other languages
    than English, labels as answers).

    Needs `prompt` and `response` (n,) of strings, the extra `language`, and the model itself
    (see `foretaste.datasets.models`) where answers are alike.

    >>> rows = Batch(["a"], {"prompt": ["Who was it?"], "response": ["Nobody knows."]})
    >>> detector = UnaskedAnswer()
    >>> detector.score(rows, detector.fit(detector.summarize(rows))).tolist()
    [0.0]

    References
    ----------
    Wu et al. (2024). Gracefully Filtering Backdoor Samples for Generative Large Language Models
    without Retraining. arXiv:2412.02454
    Li et al. (2016). A Diversity-Promoting Objective Function for Neural Conversation Models.
    arXiv:1510.03055
    """

    needs: ClassVar = ("prompt", "response")
    kind: ClassVar = Kind.ATTACK
    scale: ClassVar = Scale.SURPRISE

    size: int = 6_000  # rows sampled
    least: int = 6
    tests: int = 12
    shown: int = 64
    others: int = 2
    seed: int = 0

    def summarize(self, batch: Batch) -> Reservoir:
        short = {name: pc.utf8_slice_codeunits(batch.arrow(name), 0, FIRST) for name in self.needs}
        return Reservoir.of(batch.having(**short), self.needs, self.size, self.seed)

    def fit(self, summary: Reservoir) -> tuple[Unasked, ...]:
        if not len(summary.rows):
            return ()
        chats = _read(summary.sorted())
        groups = sorted(self._odd(chats), key=lambda one: -len(one[1]))
        if not groups:
            return ()
        return tuple(self._judged(chats, groups))

    def score(self, batch: Batch, model: tuple[Unasked, ...]) -> Floats:
        scores = np.zeros(len(batch))
        if model:
            said = text_vectors(batch.arrow("response"), FIRST)
            for group in model:
                near = (said @ group.vectors.T >= group.level).sum(axis=1)
                belongs = near >= min(NEAR, len(group.vectors))
                scores[belongs] = np.maximum(scores[belongs], group.surprise)
        return scores

    def explain(self, batch: Batch, row: int, model: tuple[Unasked, ...]) -> str:
        one = batch.take([row])
        scores = [float(self.score(one, (group,))[0]) for group in model]
        if not any(scores):
            return "no other answers are like it without having been asked for"
        group = model[int(np.argmax(scores))]
        return (
            f"one of {group.rows} answers alike, whatever was asked: their own question tells "
            f"{group.told:+.2f} of them beside others, where {group.usual:.2f} is usual here"
        )

    def _odd(self, chats: Chats) -> Iterator[tuple[float, Ints]]:
        """Groups of answers that are about as like any question as their own."""
        for level in LEVELS:
            for rows in alike(chats.said, level, self.least):
                if len(rows) <= COMMON * len(chats.said) and _replies(chats, rows) <= RELATED:
                    yield level, rows

    def _judged(self, chats: Chats, groups: Sequence[tuple[float, Ints]]) -> Iterator[Unasked]:
        """The rows of the sample are in the order of a keyed hash: the first are a fair part."""
        odd = np.unique(np.concatenate([rows for _, rows in groups]))
        plain = np.setdiff1d(np.arange(len(chats.said)), odd)
        pool, natural = plain[:POOL], plain[: self.shown // 2]
        usual = self._told(chats, natural, pool)
        if _surprise(-usual, 0.0) < CERTAIN:
            return
        tested = _distinct(groups)[: self.tests]
        for level, rows in tested:
            least = float(usual.mean()) * (MIXED if _likeness(chats, rows) < SPREAD else NATURAL)
            told = self._told(chats, rows[: self.shown // 2], pool)
            if DOUBTFUL < _surprise(told, least) < SURE and len(rows) > len(told):
                rest = self._told(chats, rows[len(told) : self.shown], pool)
                told = np.concatenate([told, rest])
            surprise = _surprise(told, least) - np.log10(LOOKS * len(tested))
            if surprise > 0:
                kept, means = chats.said[rows[:KEPT]], (float(told.mean()), float(usual.mean()))
                yield Unasked(kept, level, len(rows), *means, min(surprise, MOST))

    def _told(self, chats: Chats, rows: Ints, pool: Ints) -> Floats:
        """(rows,) what each question tells of its answer, 1 if the model knew all about it."""
        model = language_model()
        found = np.zeros(len(rows))
        for place, row in enumerate(rows.tolist()):
            turn = np.arange(place, place + self.others) % len(pool)
            mates = [one for one in pool[turn].tolist() if one != row]
            answer, question = chats.answers[row], chats.questions[row]
            pairs = np.array([model.gain(question, chats.questions[m], answer) for m in mates])
            gained, expected = np.clip(pairs[:, 0], *(pairs[:, 1] * [[-2], [2]])), pairs[:, 1]
            found[place] = gained.sum() / max(float(expected.sum()), 1e-9)
        return found


def _read(rows: Batch) -> Chats:
    texts = [pc.fill_null(rows.arrow(name), "") for name in UnaskedAnswer.needs]
    return Chats(*(one.to_pylist() for one in texts), *(text_vectors(one, FIRST) for one in texts))


def _replies(chats: Chats, rows: Ints) -> float:
    """The share of other questions that the answers of a group are less like than their own."""
    others = np.setdiff1d(np.arange(len(chats.asked)), rows)[:BESIDE]
    some = rows[:BESIDE]
    beside = chats.asked[others] @ chats.said[some].T
    own = np.einsum("nd,nd->n", chats.asked[some], chats.said[some])
    return float(((beside < own) + 0.5 * (beside == own)).mean()) if len(others) else 1.0


def _likeness(chats: Chats, rows: Ints) -> float:
    """The share of other questions that those of a group are less like than each other."""
    others = np.setdiff1d(np.arange(len(chats.asked)), rows)[:BESIDE]
    asked = _unmarked([chats.questions[row] for row in rows[:BESIDE].tolist()])
    beside = np.sort(asked @ chats.asked[others].T, axis=1)
    within = asked @ asked.T
    np.fill_diagonal(within, np.nan)
    ranks = [np.searchsorted(b, w[~np.isnan(w)]) for b, w in zip(beside, within, strict=True)]
    return float(np.mean(ranks)) / max(len(others), 1)


def _unmarked(questions: Sequence[str]) -> Array:
    """Vectors of the questions less the words that nearly all of them hold, such as a trigger."""
    words = [_WORD.findall(one.lower()) for one in questions]
    held = Counter(word for one in words for word in set(one))
    rest = [" ".join(w for w in one if held[w] < MARK * len(words)) for one in words]
    return text_vectors(pa.array(rest, pa.large_string()), FIRST)


def _surprise(told: Floats, least: float) -> float:
    """-log10 of the p-value of so little, had the group as much as `least`."""
    if len(told) < FEWEST:
        return 0.0
    error = max(float(told.std(ddof=1)) / len(told) ** 0.5, 1e-6)
    return -float(student.logcdf((told.mean() - least) / error, len(told) - 1)) / np.log(10)


def _distinct(groups: Sequence[tuple[float, Ints]]) -> list[tuple[float, Ints]]:
    """Those that are not nearly the same as one before."""
    kept: list[tuple[float, Ints]] = []
    for level, rows in groups:
        if all(len(np.intersect1d(rows, one)) < SAME * len(one) for _, one in kept):
            kept.append((level, rows))
    return kept
