"""Why the rows that a report shows were flagged: what speaks for their class, what is usual.

Bounded: only rows that are shown are explained. Nothing here can fail a scan; what could not be
explained is said in the notes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from foretaste.data import UNLABELLED, Array, Batch, Floats, Ints
from foretaste.explainers.layerwise_relevance import LayerwiseRelevance
from foretaste.explainers.occlusion import Occlusion
from foretaste.record import Concept
from foretaste.relevance import telling, without
from foretaste.scanning.concepts import concepts
from foretaste.scanning.encoding import ensure_models
from foretaste.scanning.learned import Learned, told
from foretaste.scanning.prototypes import Found, Near, Walked, gather, nearest, walk
from foretaste.scanning.run import Scanned
from foretaste.tokens import spans

TEXTS = 8  # texts of each detector of which the words are explained
LONGEST = 2_000  # characters of a text that are explained
PARTS = 64  # parts a text is cut into


@dataclass
class Why:
    """Why a model takes one row for what it does.

    says:    class code the model predicts; chance: how sure it is
    heat:    (h, w) relevance for that class
    part:    share of the picture that speaks most for it; instead: the class without that part
    words:   start, stop and relevance of each word
    usual:   honest rows of the same label; content: of the class that the content speaks for
    """

    says: int = UNLABELLED
    chance: float = float("nan")
    heat: Array | None = None
    part: float = 0.0
    instead: int = UNLABELLED
    words: list[tuple[int, int, float]] = field(default_factory=list)
    usual: tuple[Near, ...] = ()
    content: tuple[Near, ...] = ()


@dataclass(frozen=True, eq=False)
class Explained:
    """Everything that explains the rows shown.

    whys:  index -> why; near: the rows that prototypes are
    notes: how rows were explained, and what could not be, for people
    """

    walked: Walked
    whys: Mapping[int, Why]
    near: Found
    concepts: tuple[Concept, ...]
    notes: tuple[str, ...]


def explain(done: Scanned, shown: Mapping[int, int]) -> Explained:
    """Explains the rows shown.

    shown: index -> rank among the exhibits of a detector, the best it has with any
    """
    with done.watch.stage("why", len(shown)) as tick:
        walked = walk(done, set(shown))
        order = sorted(walked.rows, key=lambda index: (shown[index], index))
        task = _Task(done, walked, order, {index: Why() for index in order})
        if order and "label" in walked.take(order[:1]):
            task.run(sum(shown[index] < TEXTS for index in order))
        tick(len(order))
        return Explained(walked, task.whys, task.near, task.concepts, tuple(task.notes))


@dataclass
class _Task:
    done: Scanned
    walked: Walked
    order: list[int]
    whys: dict[int, Why]
    near: Found = field(default_factory=dict)
    concepts: tuple[Concept, ...] = ()
    notes: list[str] = field(default_factory=list)

    def run(self, texts: int) -> None:
        rows = self.walked.take(self.order)
        vectors = rows["embedding"] if "embedding" in rows.names else None
        if "prediction" in rows:
            self._predicted(rows["prediction"])
            if "pixels" in rows:
                vectors = self._attempt("heat maps", lambda: self._heat(rows), vectors)
            elif "text" in rows:
                self._attempt("words", lambda: self._words(rows.take(np.arange(texts))))
        if vectors is not None:
            self._attempt("prototypes", lambda: self._prototypes(rows["label"], vectors))

    def _attempt(self, what: str, explain: Callable[[], Any], otherwise: Any = None) -> Any:
        try:
            return explain()
        except Exception as error:  # noqa: BLE001 (what cannot be explained is said; the scan stands)
            self.notes.append(f"no {what}: {told(error)}")
            return otherwise

    def _predicted(self, prediction: Floats) -> None:
        for index, chances in zip(self.order, prediction, strict=True):
            self.whys[index].says = int(chances.argmax())
            self.whys[index].chance = float(chances.max())

    def _heat(self, rows: Batch) -> Array:
        """Fills in heat and the class without the hottest part; gives embeddings without it."""
        learned = next((one for one in _alive(self.done) if hasattr(one.method, "opened")), None)
        if learned is None:
            self.notes.append("no heat maps: no network here was trained on the images")
            return rows["embedding"]
        ensure_models(self.done.spool, [learned], self.done.watch)
        victim = learned.method.opened(learned.model)
        self.concepts = self._attempt(
            "concepts", lambda: concepts(self.done, victim, self.walked.honest), ()
        )
        method = LayerwiseRelevance()
        codes = np.array([self.whys[index].says for index in self.order])
        heats = method.attribute(victim, rows, codes)
        parts = [telling(heat) for heat in heats]
        bare = np.stack([without(*pair) for pair in zip(rows["pixels"], parts, strict=True)])
        instead = victim.probabilities(bare).argmax(axis=1)
        for index, heat, part, code in zip(self.order, heats, parts, instead, strict=True):
            why = self.whys[index]
            why.heat, why.part, why.instead = heat, float(part.mean()), int(code)
        self.notes.append(f"heat maps: layerwise relevance in the network of {learned.name}")
        vectors: Array = victim.features(bare)
        return vectors

    def _words(self, rows: Batch) -> None:
        chain = [one for one in _alive(self.done) if {"embedding", "prediction"} & _gives(one)]
        slow = [one.name for one in chain if getattr(one.method, "costly", False)]
        if slow:
            self.notes.append(f"no words: {slow[0]} is too slow to be asked for every word")
            return
        ensure_models(self.done.spool, chain, self.done.watch)
        cut = [str(text or "")[:LONGEST] for text in rows["text"]]
        columns = {"text": cut, "label": rows.arrow("label")}
        codes = np.array([self.whys[index].says for index in self.order[: len(rows)]])
        asked = Batch(rows.arrow_ids(), columns, rows.classes)
        found = Occlusion(most=PARTS).attribute(_Chain(chain), asked, codes)
        for index, text, relevance in zip(self.order, cut, found, strict=False):
            pairs = zip(spans(text), relevance.tolist(), strict=True)
            self.whys[index].words = [(a, b, value) for (a, b), value in pairs]
        names = " and ".join(one.name for one in chain)
        self.notes.append(f"words: left out one after the other, and {names} asked again")

    def _prototypes(self, labels: Ints, vectors: Array) -> None:
        whys = [self.whys[index] for index in self.order]
        own = self.walked.take(self.order)["embedding"]
        usual = nearest(self.walked.honest, own, labels.tolist())
        content = nearest(self.walked.honest, vectors, _spoken_for(labels, whys))
        for why, same, other in zip(whys, usual, content, strict=True):
            why.usual, why.content = same, other
        wanted = {near.index for why in whys for near in (*why.usual, *why.content)}
        self.near = gather(self.done, wanted)
        self.notes.append("prototypes: the nearest rows that nothing accuses, of a sample")


@dataclass(frozen=True)
class _Chain:
    """The encoders of a scan as one model that predicts."""

    encoders: Sequence[Learned]

    def predict(self, rows: Batch) -> Floats:
        """(n, k) class probabilities."""
        for one in self.encoders:
            rows = one.method.encode(rows, one.model)
        prediction: Floats = rows["prediction"]
        return prediction


def _alive(done: Scanned) -> list[Learned]:
    return [one for one in done.encoders.values() if not one.failure]


def _gives(one: Learned) -> set[str]:
    return set(one.method.gives)


def _spoken_for(labels: Ints, whys: Sequence[Why]) -> list[int]:
    """The class that the content speaks for, where it is not that of the label; else -1."""
    found = []
    for label, why in zip(labels.tolist(), whys, strict=True):
        candidates = [code for code in (why.instead, why.says) if code not in (label, UNLABELLED)]
        found.append(candidates[0] if candidates else UNLABELLED)
    return found
