import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from foretaste.errors import UnknownFormat, UnreadableInput

TABLE = pa.table(
    {
        "text": [f"good morning number {i}" for i in range(50)],
        "label": [["ham", "spam"][i % 2] for i in range(50)],
    }
)


@pytest.mark.parametrize(
    "given",
    [
        TABLE,
        TABLE.to_batches()[0],
        TABLE.to_pandas(),
        pl.from_arrow(TABLE),
        pl.from_arrow(TABLE).lazy(),
        TABLE.to_pylist(),
        TABLE.to_pydict(),
    ],
    ids=["arrow", "batch", "pandas", "polars", "lazy", "dicts", "lists"],
)
def test_the_same_rows_in_any_frame_are_the_same_rows(walk, halves, given):
    walked, first = walk(given), walk(TABLE)
    assert walked.column("id") == first.column("id")
    assert walked.source.roles == {"text": "text", "label": "label"}
    assert walked.rows[3]["location"] == "rows:4"
    kept, removed, _ = halves(walked)
    assert sum(len(pq.read_table(folder)) for folder in (kept, removed)) == 50


def test_hugging_face_data_sets_are_read_split_by_split(walk):
    datasets = pytest.importorskip("datasets")
    one = datasets.Dataset(TABLE).class_encode_column("label")
    walked = walk(datasets.DatasetDict({"train": one, "test": one.select(range(5))}))
    assert walked.column("label")[:2] == ["ham", "spam"]
    assert walked.rows[-1]["location"] == "test:5"


def test_torch_pairs_of_images_and_classes_are_read(walk, halves):
    torch = pytest.importorskip("torch")
    pictures = torch.rand(40, 3, 8, 8)
    walked = walk(torch.utils.data.TensorDataset(pictures, torch.arange(40) % 4))
    image = walked.batches[0]["image"]
    assert image.shape == (40, 8, 8, 3)
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image[0, :, :, 0], pictures[0, 0] * 255, atol=0.5)
    assert walked.column("label")[:5] == ["0", "1", "2", "3", "0"]
    kept, removed, _ = halves(walked)
    assert sum(len(pq.read_table(folder)) for folder in (kept, removed)) == 40


def test_arrays_of_vectors_are_features(walk):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(30, 5))
    walked = walk({"x": vectors, "y": np.arange(30) % 3})
    np.testing.assert_array_equal(walked.batches[0]["features"], vectors)
    assert walked.source.roles == {"label": "y", "features": "x"}


def test_frames_with_mixed_values_and_missing_ones_are_read(walk):
    frame = pd.DataFrame({"text": ["one two", None, 3, "x y z"], "label": [1.0, None, 0, 1]})
    walked = walk(frame, {"text": "text"})
    assert walked.column("label") == ["1", "0", "1"]
    assert "nothing to judge" in walked.reasons["rows:2"]


def test_what_cannot_be_read_says_so(walk):
    with pytest.raises(UnknownFormat, match="cannot read a int"):
        walk(5)
    with pytest.raises(UnreadableInput, match="different lengths"):
        walk({"x": [1, 2], "y": [1]})
    with pytest.raises(UnreadableInput, match="no row"):
        walk(TABLE.slice(0, 0))
