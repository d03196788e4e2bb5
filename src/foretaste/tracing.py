"""Why did the model say that? The training rows that pushed it there, and those that pulled back.

The training rows are walked twice: once for their hidden layer, which goes to a file, and once
to tell what the leading rows say. Memory does not grow with them, but for linear text models,
of which the word counts are held.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np

from foretaste import readers
from foretaste.contracts import Source
from foretaste.data import Array, Batch, Dataset, Floats, Ints, concat
from foretaste.descent import torch_
from foretaste.encoders.pixels import Pixels
from foretaste.errors import BadInput
from foretaste.keeping import Kept, kept
from foretaste.store import codes
from foretaste.summaries.hidden_layers import Layers
from foretaste.summaries.influence import Pulls, gas, influence, settled, tracin
from foretaste.summaries.leading import Leading

Method = Literal["auto", "gas", "tracin", "influence"]
BEST = {"linear_table": "influence", "linear_text": "tracin"}  # benchmarks/results/influence.md
AT_ONCE = 1_024  # rows through the model, and queries against them
MOST = 1_000  # queries
EXCERPT = 160  # characters of a text


@dataclass(frozen=True)
class Cause:
    """A training row, and how much it pushed; below zero it pulled the other way."""

    index: int
    location: str
    label: str
    score: float
    text: str = ""


@dataclass(frozen=True)
class Answer:
    """What the model says of one row, and the training rows behind it, strongest first."""

    index: int
    location: str
    label: str  # as the row has it
    said: str
    chance: float
    text: str
    causes: tuple[Cause, ...]
    against: tuple[Cause, ...]


@dataclass(frozen=True)
class Traced:
    """method: what the scores are; rows: training rows walked; together: by mean over all answers.

    gas: cosines, so from -1 to 1; influence: loss in nats that leaving the row out would add;
    tracin: dot products of gradients, which have no unit
    """

    method: str
    rows: int
    answers: tuple[Answer, ...]
    together: tuple[Cause, ...]


@dataclass(frozen=True)
class Tracer:
    """How to trace.

    method: auto takes what found the most poison: `influence` for linear models of tables, `tracin`
            for those of texts (which are stopped short of their optimum), `gas` for networks
    top:    rows shown for each answer, and as many against it
    """

    method: Method = "auto"
    top: int = 20

    def __call__(self, model: Kept, data: Source, queries: Dataset) -> Traced:
        """Of rows in the data itself and of others alike; a row is no cause of its own answer."""
        asked = _asked(model, queries)
        method = self._method(model)
        with TemporaryDirectory(prefix="foretaste-trace-") as folder:
            layers = _walked(model, data, Path(folder))
            own = asked["index"] if getattr(queries, "path", None) == data.path else None
            leading = self._led(method, model, layers, asked, own)
        return _told(method, model, data, asked, leading)

    def _method(self, model: Kept) -> str:
        if self.method == "influence" and not hasattr(model.recipe, "penalty"):
            raise BadInput(
                f"influence functions hold at an optimum, and {model.name} stops before one; "
                "take gas or tracin"
            )
        return BEST.get(model.name, "gas") if self.method == "auto" else self.method

    def _led(
        self, method: str, model: Kept, layers: Layers, asked: Batch, own: Ints | None
    ) -> Leading:
        pulls = _pulls_of(model, asked, layers)
        recipe: Any = model.recipe
        centre, moves = layers.centre(), np.empty((0, 0, 0))
        if method == "influence":
            chances = layers.chances * (layers.codes >= 0)[:, None]
            whole = Pulls(layers.hidden, layers.chances)
            moves = settled(pulls, whole, chances, recipe.penalty(int((layers.codes >= 0).sum())))
        leading = Leading(len(asked), self.top)
        for start, rows in layers.pulls(AT_ONCE):
            if method == "influence":
                scores = influence(moves, rows)
            else:
                scores = gas(pulls, rows, centre) if method == "gas" else tracin(pulls, rows)
            at = layers.index[start : start + len(rows.error)]
            leading.see(scores, at, None if own is None else own[:, None] == at)
        return leading


def trace(
    model: str | Path,
    data: Any,
    query: int | str,
    tracer: Tracer | None = None,
    roles: Mapping[str, str] | None = None,
) -> Traced:
    """Names the training rows that made a model answer as it does, and those that opposed.

    model: a file that `foretaste train` wrote; data: the data set it was trained on
    query: the index of a row of `data`, or a path to rows in the same form
    """
    read, source = kept(Path(model)), readers.open(data, roles or {})
    if str(query).isdecimal() and not Path(str(query)).exists():
        return (tracer or Tracer())(read, source, One(source, int(query)))
    return (tracer or Tracer())(read, source, readers.open(query, source.roles))


@dataclass(frozen=True)
class One:
    """One row of a data set, as a data set."""

    source: Source
    row: int

    @property
    def path(self) -> str:
        return self.source.path

    def __iter__(self) -> Iterator[Batch]:
        found = (batch.take(batch["index"] == self.row) for batch in self.source if len(batch))
        yield from (batch for batch in found if len(batch))


def _walked(model: Kept, data: Dataset, folder: Path) -> Layers:
    """The hidden layer of every training row."""
    layers = Layers(folder)
    for batch in data:
        if len(batch):
            rows = prepared(model, batch)
            layers.add(*seen(model, rows), rows["label"], rows["index"])
    if not layers.rows:
        raise BadInput("no training row can be read")
    return layers.finished()


def prepared(model: Kept, batch: Batch) -> Batch:
    """Rows as the model takes them: labels as its codes, images of its size."""
    columns = {name: batch.arrow(name) for name in batch.names}
    if "label" in columns:
        columns["label"] = codes(columns["label"], model.classes)
    else:
        columns["label"] = np.full(len(batch), -1)
    rows = Batch(batch.arrow_ids(), columns, model.classes)
    if "pixels" in model.recipe.needs and "image" in rows:
        size: Any = getattr(model.victim, "shape", None)
        rows = Pixels().encode(rows, size).without("image")
    lacking = [column for column in model.recipe.needs if column not in rows]
    if lacking:
        raise BadInput(
            f"a {model.name} model needs {', '.join(lacking)}; the rows have {sorted(rows.names)}"
        )
    return rows


def _asked(model: Kept, queries: Dataset) -> Batch:
    """All queries as one batch."""
    read = [prepared(model, batch) for batch in queries if len(batch)]
    if not read:
        raise BadInput("there is no row to ask about")
    if sum(map(len, read)) > MOST:
        raise BadInput(f"at most {MOST:,} rows can be asked about at a time")
    common = set.intersection(*(set(one.names) for one in read))
    return concat([one.without(*(set(one.names) - common)) for one in read])


def seen(model: Kept, rows: Batch) -> tuple[Any, Floats]:
    """(n, d) what the last layer is applied to, and (n, k) what comes out."""
    victim: Any = model.victim
    if hasattr(victim, "hidden"):
        return victim.hidden(rows), victim.predict(rows)
    torch, found = torch_("tracing a network"), []
    with torch.inference_mode():
        for start in range(0, len(rows), AT_ONCE):
            part = rows.take(np.arange(start, min(start + AT_ONCE, len(rows))))
            found.append(victim.net["body"](victim.inputs(part)).double().numpy())
    return np.concatenate(found), victim.predict(rows)


def _pulls_of(model: Kept, asked: Batch, layers: Layers) -> Pulls:
    """What it would take to say what was said, only more so."""
    hidden, chances = seen(model, asked)
    return Pulls.of(layers.of_others(hidden), chances, chances.argmax(axis=1))


def _told(method: str, model: Kept, data: Dataset, asked: Batch, leading: Leading) -> Traced:
    """Walks the training rows again for what the leading ones are and say."""
    chances = model.victim.predict(asked)
    wanted = leading.rows()
    found = {cause.index: cause for batch in data for cause in _causes(batch, wanted)}

    def causes(ranked: list[tuple[int, float]]) -> tuple[Cause, ...]:
        rows = [(found[at], score) for at, score in ranked]
        return tuple(Cause(c.index, c.location, c.label, score, c.text) for c, score in rows)

    answers = tuple(
        Answer(
            int(asked["index"][i]), str(asked["location"][i]),
            model.classes[code] if (code := int(asked["label"][i])) >= 0 else "",
            model.classes[int(chances[i].argmax())], float(chances[i].max()), _text(asked, i),
            causes(leading.most(i)), causes(leading.least(i)),
        )
        for i in range(len(asked))
    )  # fmt: skip
    return Traced(method, leading.seen, answers, causes(leading.together()))


def _causes(batch: Batch, wanted: Array) -> Iterator[Cause]:
    for i in np.flatnonzero(np.isin(batch["index"], wanted)) if len(batch) else ():
        label = str(batch["label"][i]) if "label" in batch else ""
        at, where = int(batch["index"][i]), str(batch["location"][i])
        yield Cause(at, where, label, 0.0, _text(batch, int(i)))


def _text(batch: Batch, row: int) -> str:
    if "text" not in batch:
        return ""
    text = " ".join(str(batch["text"][row] or "").split())
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"
