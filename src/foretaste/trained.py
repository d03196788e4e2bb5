"""What is done to trained models, on one page, as `contracts` is for rows.

An `Inspector` judges a model or the file it came in, an `Explainer` says what a model looked at,
a `Mender` takes a backdoor out. None of them loads a file by itself: what a file holds is given
as a `Subject`, so a hostile file is opened in one place only.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

from numpy.random import Generator

from foretaste.contracts import Victim
from foretaste.data import Array, Batch, Ints


class Severity(StrEnum):
    """How bad it is."""

    NOTE = "note"  # worth knowing
    WARNING = "warning"  # broken or unusual; nobody needs to have meant it
    CRITICAL = "critical"  # what accidents do not make: an attack


class Open(Victim, Protocol):
    """A victim through which gradients flow.

    net:     a torch module; net["body"] gives the last hidden layer, net["head"] is linear on it
    classes: k
    """

    net: Any
    classes: int

    def inputs(self, rows: Batch) -> Any:
        """A tensor of what `logits` takes: (n, c, h, w) in [-1, 1], or (n, length) word numbers."""

    def logits(self, inputs: Any) -> Any:
        """(n, k) tensor; gradients flow through it."""


@dataclass(frozen=True)
class Running:
    """How a network in TorchScript is run, where its program may be run at all.

    shape:     (h, w, c) of the images it takes; it gets them as (n, c, h, w), of values 0 to 1
    mean, std: then subtracted and divided by; one number, or one a channel
    classes:   names in the order of its outputs; () for those of the rows, in natural order
    seconds:   that each inspector may take with it
    """

    shape: tuple[int, int, int]
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    classes: tuple[str, ...] = ()
    seconds: float = 1_800.0


@dataclass(frozen=True, eq=False)
class Subject:
    """What is inspected; what is not at hand is None.

    path:   the file or folder a model came in, never loaded by whoever only looks at it
    parent: a trusted file of the same model, from which this one is said to be made
    digest: the SHA-256 it should have
    key, signature: files of an Ed25519 public key and of the signature over `path`
    victim: the model itself
    rows:   some rows the model is meant for, with labels; nobody needs to have poisoned them
    running: how to run it, if it is TorchScript; None: it is code, and is not run
    """

    path: Path | None = None
    parent: Path | None = None
    digest: str | None = None
    key: Path | None = None
    signature: Path | None = None
    victim: Open | None = None
    rows: Batch | None = None
    running: Running | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Suspicion:
    """One reason to mistrust a part of a model.

    part:    what is suspected: "class 3", "tensor head.weight", "archive/data.pkl"
    score:   the inspector's own measure, higher is worse; NaN for a plain fact
    p_value: how often a clean model would score so high; NaN for a plain fact
    picture: (h, w, c) uint8, a trigger as it was recovered
    """

    part: str
    severity: Severity
    reason: str
    score: float = float("nan")
    p_value: float = float("nan")
    picture: Array | None = None


class Inspector(Protocol):
    """Judges a trained model or a checkpoint file.

    needs: the fields of a `Subject` that have to be there
    """

    needs: ClassVar[tuple[str, ...]]

    def inspect(self, subject: Subject) -> tuple[Suspicion, ...]:
        """Nothing for a model that gives no reason to mistrust it."""


class Explainer(Protocol):
    """Says which parts of a row made a model predict a class."""

    needs: ClassVar[tuple[str, ...]]

    def attribute(self, victim: Open, rows: Batch, codes: Ints) -> list[Array]:
        """Relevance for class `codes[i]`, a row each: (h, w) of pixels, or (words,) of a text."""


class Mended(NamedTuple):
    """A model after a repair, and what was changed in one line."""

    victim: Open
    changed: str


class Mender(Protocol):
    """Takes a backdoor out of a trained model."""

    needs: ClassVar[tuple[str, ...]]

    def mend(self, victim: Open, rows: Batch, rng: Generator) -> Mended:
        """rows: clean ones, with labels; the victim given is left as it was."""
