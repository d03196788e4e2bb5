"""The user's own training code, run as a command."""

from __future__ import annotations

import csv
import json
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from foretaste.data import Array, Batch, Floats
from foretaste.errors import BadInput
from foretaste.files.pictures import encoded
from foretaste.handover import probabilities_of, table_of
from foretaste.recipes import accuracy, classes_of
from foretaste.roles.columns import floats

PLACES = ("{train}", "{test}", "{out}")
ANSWERS = ("prediction", "label")  # columns that labels are read from
TAIL = 2_000  # characters of what a failed command said


@dataclass(frozen=True)
class Commanded:
    """Rows to train on, kept until there are rows to predict: one run of the command does both."""

    words: tuple[str, ...]
    time_limit: float
    train: Batch
    classes: tuple[str, ...]

    def predict(self, rows: Batch) -> Floats:
        """(n, k) class probabilities."""
        if not len(rows):
            return np.empty((0, len(self.classes)))
        with TemporaryDirectory(prefix="foretaste-") as name:
            folder = Path(name)
            paths = [folder / "train.parquet", folder / "test.parquet", folder / "predictions"]
            pq.write_table(_plain(table_of(self.train, self.classes)), paths[0])
            pq.write_table(_plain(table_of(rows, self.classes, labels=False)), paths[1])
            words = _filled(self.words, dict(zip(PLACES, map(str, paths), strict=True)))
            _run(words, self.time_limit, folder / "log")
            answers, whose = _answers(paths[2], self.classes), f"the command {words[0]}"
        return probabilities_of(answers, self.classes, len(rows), whose)


@dataclass(frozen=True)
class OwnCommand:
    """Trains by the user's own command, which reads two files and writes a third.

    command:    as in `python train.py {train} {test} {out}`; {seed} too, if it is there. It is
                run in the current folder, without a shell
    time_limit: seconds that one run may take

    {train} and {test} are Parquet: `text`, `features`, `source` … as the data set has them, images
    as PNG in `image`, and in {train} the class names as `label` (null where missing). Into {out}
    go as many predictions as {test} has rows, in their order, as CSV with a header, JSON Lines or
    Parquet: labels in a column `prediction` or `label`, or a column of probabilities for each
    class, by its name.

    The command trains each time there is something to predict. It is no further confined, so name
    only what you would run anyway. Its victims cannot be tuned.

    Needs `label` (n,) of class codes, and what the command wants.

    >>> OwnCommand("python train.py {train} {test} {out}").time_limit
    3600.0
    """

    command: str
    time_limit: float = 3_600.0

    needs: ClassVar = ("label",)
    measure: ClassVar = "accuracy"

    def train(self, rows: Batch, seed: int) -> Commanded:
        words = _words(self.command)
        classes = tuple(rows.class_name(code) for code in range(classes_of(rows)))
        return Commanded(_filled(words, {"{seed}": str(seed)}), self.time_limit, rows, classes)

    def quality(self, outcomes: Array, rows: Batch) -> float:
        return accuracy(outcomes, rows)


def _words(command: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise BadInput(f"{command!r} cannot be split into words: {error}") from error
    missing = [place for place in PLACES if not any(place in word for word in words)]
    if missing:
        raise BadInput(f"{command!r} lacks {', '.join(missing)}; as in train.py {' '.join(PLACES)}")
    if not shutil.which(words[0]):
        raise BadInput(f"{words[0]} is no program that can be run here")
    return words


def _filled(words: Sequence[str], places: dict[str, str]) -> tuple[str, ...]:
    filled = []
    for word in words:
        for place, value in places.items():
            word = word.replace(place, value)
        filled.append(word)
    return tuple(filled)


def _plain(table: pa.Table) -> pa.Table:
    """The table without tensors, which few programs can read: images as files, vectors as lists."""
    for i, name in enumerate(table.column_names):
        column = table.column(i).combine_chunks()
        if not isinstance(column, pa.FixedShapeTensorArray):
            continue
        plain = _pictures(column.to_numpy_ndarray()) if name == "image" else column.storage
        table = table.set_column(i, name, plain)
    return table


def _pictures(images: Array) -> pa.Array:
    channels = images[..., None] if images.ndim == 3 else images
    try:
        return pa.array([encoded(one, b"") for one in channels], pa.large_binary())
    except (TypeError, ValueError) as error:
        raise BadInput(f"images of {images.shape[1:]} are no PNG; use own_function") from error


def _run(words: Sequence[str], limit: float, log: Path) -> None:
    """Runs to the end or to the limit; nothing of it is left running."""
    with log.open("wb") as said:
        try:
            process = subprocess.Popen(  # noqa: S603  the user's own command, and no shell
                words, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
        except OSError as error:
            raise BadInput(f"{words[0]} cannot be run: {error}") from error
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired as error:
            raise BadInput(f"{shlex.join(words)} took more than {limit:g} seconds") from error
        finally:
            _stop(process)
    if status:
        raise BadInput(f"{shlex.join(words)} ended with status {status}: {_tail(log)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends the command and whatever it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # all of it had ended; macOS says so by the second
    finally:
        process.wait()


def _tail(log: Path) -> str:
    said = log.read_bytes()[-TAIL:].decode(errors="replace").strip()
    return said or "it said nothing"


def _answers(path: Path, classes: Sequence[str]) -> Any:
    if not path.is_file():
        raise BadInput("the command wrote no file to {out}")
    try:
        columns = _columns(path)
    except (ValueError, TypeError, AttributeError, csv.Error, pa.ArrowException) as error:
        raise BadInput(f"what the command wrote to {{out}} cannot be read: {error}") from error
    if set(classes) <= set(columns):
        return np.column_stack([floats(columns[name]) for name in classes])
    for name in ANSWERS:
        if name in columns:
            return columns[name]
    raise BadInput(
        f"what the command wrote to {{out}} has the columns {sorted(columns)}; wanted is "
        f"`prediction`, or a column of probabilities for each class: {list(classes[:20])}"
    )


def _columns(path: Path) -> dict[str, list[Any]]:
    with path.open("rb") as stream:
        start = stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"PAR1"):
        return dict(pq.read_table(path).to_pydict())
    with path.open(encoding="utf-8-sig", newline="") as lines:
        if start.startswith(b"{"):
            rows = [json.loads(line) for line in lines if line.strip()]
        else:
            rows = list(csv.DictReader(lines, strict=True))
    names = dict.fromkeys(name for row in rows for name in row)
    return {str(name): [row.get(name) for row in rows] for name in names}
