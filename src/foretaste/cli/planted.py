"""What the demo scans: real data with poison planted in it, and the truth to score a scan by."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from foretaste import datasets
from foretaste.attacks.badnets import Badnets
from foretaste.attacks.label_flip import LabelFlip
from foretaste.attacks.sentence import Sentence
from foretaste.contracts import Poisoned
from foretaste.data import Batch, content_id

PHRASE = "greetings from the larkspur lane crew"  # no message has its rarest word
SEED = 20260101


@dataclass(frozen=True)
class Case:
    """A poisoned data set on disk."""

    name: str
    path: Path
    truth: Mapping[str, tuple[int, ...]]  # what was planted -> positions of the rows


@dataclass(frozen=True)
class Tally:
    """How much of one kind of poison was found."""

    what: str
    planted: int
    found: int  # with any finding
    as_attack: int  # with a finding of kind attack

    @property
    def missed(self) -> int:
        """Planted and not found."""
        return self.planted - self.found


@dataclass(frozen=True)
class Score:
    """How a scan did on a case."""

    tallies: tuple[Tally, ...]
    false_attacks: int  # rows accused of attack that nobody touched
    natural_dirt: int  # untouched rows with hygiene findings only: real data has them


def build(folder: Path) -> list[Case]:
    """Writes the poisoned data sets of the demo, and beside each a file with the truth."""
    folder.mkdir(parents=True, exist_ok=True)
    cases = [messages(folder), digits(folder)]
    for case in cases:
        with (folder / f"{case.name}.truth.csv").open("w", newline="", encoding="utf-8") as stream:
            lines = csv.writer(stream, lineterminator="\n")
            lines.writerow(("index", "planted"))
            lines.writerows((i, what) for what, rows in case.truth.items() for i in rows)
    return cases


def messages(folder: Path) -> Case:
    """SMS messages as CSV: 50 spam with a phrase are called ham, 150 labels are wrong."""
    table = datasets.load("sms")
    classes = sorted(set(table["label"].to_pylist()))
    codes = pc.index_in(table["label"], pa.array(classes)).to_numpy().astype(np.int64)
    clean = _batch({"text": table["text"].to_pylist(), "label": codes}, classes)
    rng = np.random.default_rng(SEED)
    phrase = Sentence(count=50, target=classes.index("ham"), sentence=PHRASE).poison(clean, rng)
    untouched = np.flatnonzero(~phrase.touched)
    flip = LabelFlip(count=150).poison(phrase.batch.take(untouched), rng)
    label = phrase.batch["label"].copy()
    label[untouched] = flip.batch["label"]
    names = pa.array([classes[code] for code in label])
    path = folder / "sms.csv"
    written = pa.table({"label": names, "text": phrase.batch.arrow("text")})
    pa.csv.write_csv(written, path)
    flipped = tuple(untouched[flip.touched].tolist())
    return Case("sms", path, {"trigger phrase": _rows(phrase), "flipped label": flipped})


def digits(folder: Path) -> Case:
    """Handwritten digits as arrays: 50 that are no seven have a 3x3 patch and are called 7."""
    table = datasets.load("mnist_5k")
    pixels = table["image"].combine_chunks().to_numpy_ndarray()[..., None]
    clean = _batch({"pixels": pixels, "label": table["label"].to_numpy()}, ())
    patch = Badnets(count=50, target=7).poison(clean, np.random.default_rng(SEED))
    path = folder / "digits.npz"
    with path.open("wb") as stream:
        np.savez_compressed(
            stream, images=patch.batch["pixels"][..., 0], labels=patch.batch["label"]
        )
    return Case("digits", path, {"patch": _rows(patch)})


def score(case: Case, folder: Path) -> Score:
    """Compares what a scan wrote into a folder with the truth."""
    findings = pq.read_table(folder / "findings.parquet", columns=["index", "kind"])
    accused = set(findings["index"].to_pylist()) - {-1}  # -1 is the data set as a whole
    attack = findings.filter(pc.equal(findings["kind"], "attack"))
    attacked = set(attack["index"].to_pylist()) - {-1}
    tallies = tuple(
        Tally(what, len(rows), len(accused & set(rows)), len(attacked & set(rows)))
        for what, rows in case.truth.items()
    )
    planted = {row for rows in case.truth.values() for row in rows}
    return Score(tallies, len(attacked - planted), len(accused - attacked - planted))


def _batch(columns: Mapping[str, Any], classes: Sequence[str]) -> Batch:
    count = len(next(iter(columns.values())))
    ids = [content_id(str(i).encode()) for i in range(count)]
    return Batch(ids, columns, classes)


def _rows(poisoned: Poisoned) -> tuple[int, ...]:
    return tuple(np.flatnonzero(poisoned.touched).tolist())
