from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from foretaste import datasets
from foretaste.cli import planted


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up messages and digits in place of the real ones."""
    texts = [f"message number {i}" for i in range(1000)]
    sms = pa.table({"label": ["ham", "spam"] * 500, "text": texts})
    images = np.random.default_rng(0).integers(0, 99, (200, 28, 28)).astype(np.uint8)
    tensor = pa.FixedShapeTensorArray.from_numpy_ndarray(images)
    mnist = pa.table({"image": tensor, "label": np.arange(200) % 10})
    monkeypatch.setattr(datasets, "load", {"sms": sms, "mnist_5k": mnist}.get)


def test_the_truth_is_where_the_poison_is(small, tmp_path: Path):
    sms, digits = planted.build(tmp_path)
    written = pa.csv.read_csv(sms.path)
    marked = [planted.PHRASE in text for text in written["text"].to_pylist()]
    assert tuple(np.flatnonzero(marked)) == sms.truth["trigger phrase"]
    honest = ["ham", "spam"] * 500
    wrong = {i for i, label in enumerate(written["label"].to_pylist()) if label != honest[i]}
    assert wrong == {i for rows in sms.truth.values() for i in rows}
    with np.load(digits.path) as arrays:
        patched = arrays["images"][:, 24:27, 24:27].max(axis=(1, 2)) == 255
        assert tuple(np.flatnonzero(patched)) == digits.truth["patch"]
        assert (arrays["labels"][patched] == 7).all()


def test_the_truth_is_written_beside_the_data(small, tmp_path: Path):
    for case in planted.build(tmp_path):
        truth = pa.csv.read_csv(tmp_path / f"{case.name}.truth.csv")
        assert truth.num_rows == sum(len(rows) for rows in case.truth.values())


def test_found_missed_and_false_are_counted(tmp_path: Path):
    case = planted.Case("x", tmp_path, {"patch": (1, 2, 3), "flip": (7,)})
    findings = {
        "index": [1, 1, 2, 5, 6, 7, -1],
        "kind": ["attack", "hygiene", "hygiene", "attack", "hygiene", "hygiene", "attack"],
    }
    pq.write_table(pa.table(findings), tmp_path / "findings.parquet")
    patch, flip = planted.score(case, tmp_path).tallies
    assert (patch.planted, patch.found, patch.missed, patch.as_attack) == (3, 2, 1, 1)
    assert (flip.found, flip.missed, flip.as_attack) == (1, 0, 0)
    done = planted.score(case, tmp_path)
    assert (done.false_attacks, done.natural_dirt) == (1, 1)
