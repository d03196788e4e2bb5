"""Records that do not say what their label claims."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from foretaste.data import UNLABELLED, Array, Batch, Floats, Ints, Mask
from foretaste.streaming import Aspect
from foretaste.summaries.excess import blamed, sources
from foretaste.summaries.oblivious_trees import ObliviousTrees
from foretaste.summaries.reservoir import Reservoir
from foretaste.summaries.softmax import Softmax
from foretaste.summaries.vote import finite
from foretaste.surprise import Tail

_FOLDS = 3  # stretches of the trusted rows, each judged by what the others taught
_LEAST = 50  # rows of a class that have a tail of their own


@dataclass(frozen=True, eq=False)
class Reader:
    """What reads a label out of content: trees, or a linear model where that reads better."""

    trees: ObliviousTrees | None
    linear: Softmax | None
    classes: int

    @property
    def nothing(self) -> bool:
        """Of one class alone nothing can be read."""
        return self.trees is None and self.linear is None

    def scores(self, vectors: Array) -> Floats:
        """(n, k) of each class."""
        if self.trees is not None:
            return self.trees.scores(vectors)
        if self.linear is not None:
            return np.asarray(self.linear.inputs(vectors) @ self.linear.weights, np.float64)
        return np.zeros((len(vectors), self.classes))

    def against(self, vectors: Array, label: Ints) -> Floats:
        """(n,) how far ahead of its label another class is; labels are below k."""
        scores = self.scores(vectors)
        rows = np.arange(len(label))
        own = scores[rows, label]
        scores[rows, label] = -np.inf
        return np.asarray(scores.max(axis=1) - own)


@dataclass(frozen=True, eq=False)
class Claims:
    """What labels go with what content.

    reader:  reads labels
    tails:   class -> how far honest records of that class are behind another
    trusted: sample of the trusted rows, in their order
    learned: sample of rows let in since
    windows: since the start
    seen:    trusted rows with a label
    """

    reader: Reader
    tails: tuple[Tail, ...]
    trusted: Batch
    learned: Reservoir
    windows: int
    seen: int


@dataclass(frozen=True)
class LabelContent:
    """Holds records whose content speaks for another label, alone or with others like them.

    Boosted trees, or a linear model where it predicts trusted rows better, learn from trusted rows
    which content goes with which label. How far honest records fall behind another label is taken
    from trusted rows, stretch by stretch, each judged by a model that never saw it, and class by
    class. At the door a record is held for its own content. When its window is over, those of one
    label, of one source and all together are counted: where surprising ones are more than `slack`
    times as frequent as among trusted rows, those that are rather wrong than right are pulled, so
    that a modest rate of flips is stopped before anything learns from it.

    slack: how many times as often as trusted ones honest records may disagree with their labels
    rows: of each class that are learned from
    refresh_every: windows between two lessons from rows that were let in; 0: never. What is taught
        is at most half of what is trusted, and honest records are judged by trusted ones as before
    seed: of the sample, which an attacker must not know

    Blind to records whose label is wrong and likely, as of rows between two classes; to labels that
    were wrong among trusted rows; and to a label's change of meaning, which it holds.

    Needs `embedding` (n, d) and `label` (n,) of class codes; looks at `source` if there is one.

    >>> rng = np.random.default_rng(0)
    >>> label = np.arange(600) % 2
    >>> vectors = rng.normal(size=(600, 3)) + 6 * label[:, None]
    >>> trusted = Batch([f"{i}" for i in range(600)], {"embedding": vectors, "label": label})
    >>> check = LabelContent()
    >>> flipped = trusted.take([0, 1]).having(label=[1, 1])
    >>> (check.judge(flipped, check.start(trusted))[0] > 2).tolist()
    [True, False]

    References
    ----------
    Vovk, Gammerman, Shafer (2005). Algorithmic Learning in a Random World (label-conditional).
    Northcutt, Jiang, Chuang (2021). Confident Learning. arXiv:1911.00068
    Xiao, Xiao, Eckert (2012). Adversarial Label Flips Attack on Support Vector Machines.
    doi:10.3233/978-1-61499-098-7-870
    """

    needs: ClassVar = ("embedding", "label")
    aspect: ClassVar = Aspect.INTEGRITY
    slack: float = 2.0
    rows: int = 10_000
    refresh_every: int = 0
    seed: int = 0

    def start(self, trusted: Batch) -> Claims:
        known = trusted.take(trusted["label"] != UNLABELLED)
        k = int(max(len(trusted.classes), known["label"].max(initial=-1) + 1))
        kept = _columns(known)
        reader, tails = _taught(kept, kept.take([]), k, self.rows)
        empty = Reservoir(kept.take([]), max(1, self.rows // 2), self.seed)
        sample = kept.take(_sample(kept["label"], k, self.rows)[0])
        return Claims(reader, tails, sample, empty, 0, len(known))

    def judge(self, batch: Batch, state: Claims) -> tuple[Floats, Claims]:
        return _surprise(batch, state), state

    def settle(self, window: Batch, admitted: Mask, state: Claims) -> Floats:
        label = window["label"]
        nameless = label == UNLABELLED
        everyone = np.where(nameless, -1, 0)
        codes = np.unique(label, return_inverse=True)[1]
        groups = (everyone, np.where(nameless, -1, codes), np.where(nameless, -1, sources(window)))
        return blamed(_surprise(window, state), groups, self.slack)

    def learn(self, window: Batch, admitted: Mask, state: Claims) -> Claims:
        windows = state.windows + 1
        if not self.refresh_every:
            return replace(state, windows=windows)
        fresh = _columns(window.take(admitted & (window["label"] != UNLABELLED)))
        most = min(state.learned.size, max(1, len(state.trusted) // 2))
        learned = state.learned.merge(Reservoir.of(fresh, ("embedding", "label"), most, self.seed))
        state = replace(state, learned=learned, windows=windows)
        if windows % self.refresh_every:
            return state
        k = state.reader.classes
        reader, tails = _taught(state.trusted, learned.sorted(), k, self.rows)
        return replace(state, reader=reader, tails=tails)

    def explain(self, batch: Batch, row: int, state: Claims) -> str:
        label = int(batch["label"][row])
        scores = state.reader.scores(finite(batch["embedding"][[row]]))[0]
        if not 0 <= label < len(scores):
            return f"labelled {batch.class_name(label)}, as no trusted row is"
        best = int(scores.argmax())
        odds = float(np.exp(np.clip(scores[best] - scores[label], 0, 30)))
        says = f"labelled {batch.class_name(label)}; its content"
        if best == label:
            return f"{says} agrees, less than is usual"
        return f"{says} speaks for {batch.class_name(best)}, {odds:.3g} to 1"


def _surprise(batch: Batch, state: Claims) -> Floats:
    """(n,) by the tail of the class that the label says."""
    label, k = batch["label"], state.reader.classes
    found = np.zeros(len(label))
    known = (label >= 0) & (label < k)
    found[(label >= k)] = np.log10(state.seen + 1)
    if state.reader.nothing or not known.any():
        return found
    rows = np.flatnonzero(known)
    far = state.reader.against(finite(batch["embedding"][rows]), label[rows])
    for code in np.unique(label[rows]):
        mine = label[rows] == code
        found[rows[mine]] = state.tails[code].surprise(far[mine])
    return found


def _columns(rows: Batch) -> Batch:
    kept = {"embedding": finite(rows["embedding"]), "label": rows["label"]}
    return Batch(rows.arrow_ids(), kept)


def _sample(label: Ints, k: int, most: int) -> tuple[Ints, Floats]:
    """At most so many rows of each class, evenly over time, and how many each stands for."""
    chosen, weight = [np.zeros(0, np.int64)], [np.zeros(0)]
    for code in range(k):
        mine = np.flatnonzero(label == code)
        step = max(1.0, len(mine) / most)
        at = mine[np.arange(0, len(mine), step).astype(np.int64)] if len(mine) else mine
        chosen.append(at)
        weight.append(np.full(len(at), step))
    rows, share = np.concatenate(chosen), np.concatenate(weight)
    order = np.argsort(rows)
    return rows[order], share[order]


def _taught(trusted: Batch, learned: Batch, k: int, most: int) -> tuple[Reader, tuple[Tail, ...]]:
    """Learns from both kinds of rows; trusted ones say how sure honest ones are."""
    vectors, label = trusted["embedding"], trusted["label"]
    present = np.unique(label)
    if len(present) < 2:
        return Reader(None, None, k), tuple(Tail.of(np.zeros(0)) for _ in range(k))
    fold = np.arange(len(label)) * _FOLDS // max(1, len(label))
    readers = {}
    for kind in (_trees, _linear):
        far = np.full(len(label), np.nan)
        for one in range(_FOLDS):
            model = kind(trusted.take(fold != one), learned, k, most)
            far[fold == one] = model.against(vectors[fold == one], label[fold == one])
        readers[kind] = far
    kind = min(readers, key=lambda one: np.logaddexp(0, readers[one]).sum())
    far = readers[kind]
    every = Tail.of(far)
    tails = []
    for code in range(k):
        mine = label == code
        tails.append(Tail.of(far[mine]) if mine.sum() >= _LEAST else every)
    return kind(trusted, learned, k, most), tuple(tails)


def _rows(trusted: Batch, learned: Batch, k: int, most: int) -> tuple[Array, Ints, Floats]:
    at, weight = _sample(trusted["label"], k, most)
    vectors = np.concatenate([trusted["embedding"][at], learned["embedding"]])
    label = np.concatenate([trusted["label"][at], learned["label"]])
    return vectors, label, np.concatenate([weight, np.ones(len(learned))])


def _trees(trusted: Batch, learned: Batch, k: int, most: int) -> Reader:
    vectors, label, weight = _rows(trusted, learned, k, most)
    start = np.zeros((len(label), k))
    return Reader(ObliviousTrees.fit(vectors, label, weight, start), None, k)


def _linear(trusted: Batch, learned: Batch, k: int, most: int) -> Reader:
    vectors, label, weight = _rows(trusted, learned, k, most)
    return Reader(None, Softmax.fit(vectors, label, weight, k), k)
