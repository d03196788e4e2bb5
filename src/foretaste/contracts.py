"""The whole theory on one page.

Detectors and encoders are map, merge, fit, map: `summarize` each batch on its own, merge the
summaries in any order, `fit` once, then `score` (or `encode`) each batch on its own. Laws,
checked for every one of them by `foretaste.testing`:

    merge is associative and commutative; summarize(no rows) is its identity
    a row's score depends on that row and the model, not on its batch-mates
    the same seed gives the same answer, on every engine

From these laws the same method runs over a data set here, on a cluster and in a stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, Self, TypeVar, runtime_checkable

from numpy.random import Generator

from foretaste.data import Array, Batch, Floats, Ints, Mask


class Kind(StrEnum):
    """What a detector's finding means."""

    HYGIENE = "hygiene"  # natural dirt: worth cleaning, nobody's fault
    ATTACK = "attack"  # structure that accidents do not make; the detector tested that itself
    STRUCTURE = "structure"  # an attack only if the override test confirms the group


class Scale(StrEnum):
    """What a detector's score is, so that calibration can make a p-value of it."""

    RAW = "raw"  # any number: its null distribution is fitted, or taken from trusted rows
    SURPRISE = "surprise"  # -log10 of a p-value that already pays for all that was tried
    FACT = "fact"  # above zero is a plain fact (an exact copy, a hidden character)


class Summary(Protocol):
    """What a method keeps of the rows it has seen; its size does not grow with them."""

    def merge(self, other: Self) -> Self: ...


S = TypeVar("S", bound=Summary)
M = TypeVar("M")


class Detector(Protocol[S, M]):
    """Scores how suspicious each row is."""

    needs: ClassVar[tuple[str, ...]]
    kind: ClassVar[Kind]
    scale: ClassVar[Scale]

    def summarize(self, batch: Batch) -> S: ...

    def fit(self, summary: S) -> M: ...

    def score(self, batch: Batch, model: M) -> Floats:
        """(n,) higher is more suspicious; NaN is "cannot tell", and holds the row."""

    def explain(self, batch: Batch, row: int, model: M) -> str:
        """One line a reviewer can act on."""


@runtime_checkable
class Proposer(Protocol):
    """A detector that names groups itself; others propose their flagged rows, class by class."""

    def propose(self, batch: Batch, model: Any) -> Ints:
        """(n,) the group each row belongs to, or -1."""


class Encoder(Protocol[S, M]):
    """Adds the columns that detectors need."""

    needs: ClassVar[tuple[str, ...]]
    gives: ClassVar[tuple[str, ...]]

    def summarize(self, batch: Batch) -> S: ...

    def fit(self, summary: S) -> M: ...

    def encode(self, batch: Batch, model: M) -> Batch:
        """The same rows with the columns `gives` added."""


@dataclass(frozen=True)
class Edits:
    """What is to be other in a data set, in the words of its roles.

    changed: index over all rows found -> role -> value
    added:   role -> value, of each row that comes after all others

    A value is what a batch has: text, a class name (None: no label), numbers; of `features` as a
    record a dict of the fields that change; of `image` the pixels (h, w, c) of uint8.
    """

    changed: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    added: Sequence[Mapping[str, Any]] = ()

    def values(self, role: str) -> list[Any]:
        """Every new value of a role.

        >>> Edits({3: {"label": "ham"}}, [{"label": "spam", "text": "hi"}]).values("label")
        ['ham', 'spam']
        """
        rows = (*self.changed.values(), *self.added)
        return [row[role] for row in rows if role in row]


class Source(Protocol):
    """An opened data set: a `Dataset` that knows its format and can write itself back.

    Each batch has the columns `index` (int64, position over all rows found) and `location`,
    and a column for each role found:

    text, prompt, response, rejected   large_string
    image      large_binary (an encoded file) or an (n, h, w[, c]) uint8 tensor
    label      large_string, null where missing; class codes are given later
    features   struct of float64 and large_string fields, or an (n, d) float tensor
    source, user, item   large_string
    digest     large_string: recorded of the content by whoever listed it, in hexadecimal digits
    time       float64, seconds since 1970 (NaN where missing); rating   float64
    """

    @property
    def path(self) -> str: ...

    @property
    def format(self) -> str: ...

    @property
    def roles(self) -> Mapping[str, str]:
        """Role -> the column or field it was read from."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Everything the input has."""

    def __iter__(self) -> Iterator[Batch]: ...

    def write(self, out: Path, chosen: Mask) -> None:
        """Writes the rows whose index is chosen, in the input's own format and layout.

        chosen: (rows found,) so that a mask and its negation add up to the input exactly;
            refused rows are written as they came
        """

    def rewrite(self, out: Path, edits: Edits) -> Mapping[int, str]:
        """Writes all rows, some changed and some new, in the input's own format and layout.

        Gives the new location of each row that had to move, by its index; new rows count on.
        Raises `BadInput` where the format cannot hold what is to be written.
        """


class Reader(Protocol):
    """A path or URL -> `Source`. One file a format; the reader that claims a path opens it."""

    @classmethod
    def claims(cls, path: str) -> float:
        """How sure it is, 0 to 1, from name and first bytes; never raises."""

    def open(self, path: str, roles: Mapping[str, str]) -> Source:
        """roles: what the user said; the rest is inferred."""


class Poisoned(NamedTuple):
    """A batch after an attack, with the truth about it."""

    batch: Batch
    touched: Mask  # (n,) which rows the attacker changed or added


class Probe(NamedTuple):
    """What the attacker shows the finished model, and which outcomes are what he wanted."""

    rows: Batch
    hit: Callable[[Array], Mask]  # (n, ...) outcomes of those rows -> (n,)


class Attack(Protocol):
    """Poisons a batch; all chance comes from `rng`.

    An attack changes rows where they stand, or says `adds = True` and puts new ones at the end.
    Optional verbs, asked for by name:

    probe(rows, rng) -> Probe           what a model that learned the poison is shown
    trigger(rows, rng) -> Batch         every row with the trigger in it (with `target`: a probe)
    aimed(rows, rng) -> Self            the same attack, aimed at some of these unseen rows
    drawn(batch, count, target, rng)    class method: settings that suit this data
    """

    needs: ClassVar[tuple[str, ...]]

    def poison(self, batch: Batch, rng: Generator) -> Poisoned: ...


class Meddler(Protocol):
    """An attack inside training: it changes the gradients of a step."""

    def meddle(self, gradients: Mapping[str, Array], step: int, rng: Generator) -> dict[str, Array]:
        """The gradients, by parameter name, that the optimiser gets to see instead."""


class Victim(Protocol):
    """A trained model, as an attack meets it."""

    def predict(self, rows: Batch) -> Array:
        """(n, ...) an outcome a row: class probabilities (n, k), answers (n,), numbers (n,)."""


class Weighted(Victim, Protocol):
    """A victim of which the weights can be read and changed: what is attacked after training.

    Its last layer is `head.weight` (k, d) and `head.bias` (k,), linear on the features.
    """

    @property
    def weights(self) -> dict[str, Array]:
        """Copies of all weights, by parameter name."""

    def having(self, weights: Mapping[str, Array]) -> Self:
        """The same model with some weights replaced; the one asked is left as it was."""

    def features(self, pixels: Array) -> Array:
        """(n, d) of (n, h, w, c) images: the last hidden layer."""


W = TypeVar("W", bound=Weighted)


class Tamperer(Protocol):
    """An attack on a trained model: it changes the weights.

    With `target` and `trigger` it is a backdoor, and is probed like any other. Optional verb:

    studied(victim, rows, rng) -> Self  the same attack, its trigger made to suit this victim;
                                        asked for before `tamper` and `trigger`
    """

    needs: ClassVar[tuple[str, ...]]

    def tamper(self, victim: W, rows: Batch, rng: Generator) -> W:
        """The model that is shipped instead; the one given is left as it was.

        rows: clean ones that the attacker has to try things on, none of those measured on
        """


class Forger(Protocol):
    """An attack by a file: it writes one that does something to whoever loads it."""

    def forge(self, path: Path, rng: Generator) -> Path:
        """The file written. Nothing runs while it is written."""


class Recipe(Protocol):
    """A way to train a model; what an attack does is measured on what it trains.

    measure: what `quality` is: "accuracy", "hit rate" …; higher is better

    Optional verb, asked for by name; without it victims cannot be trained on:

    tune(victim, rows, seed) -> Victim  the model trained on, with other rows; the one given is
                                        left as it was
    """

    needs: ClassVar[tuple[str, ...]]
    measure: ClassVar[str]

    def train(self, rows: Batch, seed: int) -> Victim: ...

    def quality(self, outcomes: Array, rows: Batch) -> float:
        """How good the outcomes are for rows of which the truth is known."""


class Repaired(NamedTuple):
    """A batch after a repair."""

    batch: Batch
    changed: Mask  # (n,) which rows of the batch given were changed


class Repair(Protocol):
    """Gives back a cleaner data set, and which rows it changed."""

    needs: ClassVar[tuple[str, ...]]

    def repair(self, batch: Batch) -> Repaired: ...
