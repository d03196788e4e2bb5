import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from foretaste import readers
from foretaste.errors import BadInput, UnreadableInput, UnsafeInput
from foretaste.files import Limits
from foretaste.readers.parquet import Parquet

TABLE = pa.table(
    {
        "text": [f"good morning number {i}" for i in range(20_000)],
        "label": pa.array([i % 2 for i in range(20_000)]),
        "extra": pa.array([[i] for i in range(20_000)]),
    },
    metadata={"made": "by hand"},
)


def png(seed):
    out = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_rows_come_with_their_number_counted_from_one(tmp_path, walk):
    pq.write_table(TABLE, tmp_path / "a.parquet", row_group_size=5_000)
    walked = walk(tmp_path / "a.parquet")
    assert walked.source.format == "parquet"
    assert walked.source.columns == ("text", "label", "extra")
    assert walked.column("text") == TABLE["text"].to_pylist()
    assert walked.column("label")[:3] == ["0", "1", "0"]
    assert walked.rows[9_999]["location"] == "a.parquet:10000"


def test_rows_are_written_exactly_with_schema_and_metadata(tmp_path, walk, halves):
    pq.write_table(TABLE, tmp_path / "a.parquet", compression="zstd")
    walked = walk(tmp_path / "a.parquet")
    kept, removed, chosen = halves(walked)
    for folder, mask in ((kept, chosen), (removed, ~chosen)):
        again = pq.read_table(folder / "a.parquet")
        before = pq.read_table(tmp_path / "a.parquet")
        assert again.equals(before.filter(pa.array(mask)), check_metadata=True)
        packing = pq.ParquetFile(folder / "a.parquet").metadata.row_group(0).column(0).compression
        assert packing == "ZSTD"


def test_a_row_has_the_same_id_in_every_format(tmp_path, walk):
    table = TABLE.slice(0, 30).select(["text", "label"])
    pq.write_table(table, tmp_path / "a.parquet")
    table.to_pandas().to_csv(tmp_path / "a.csv", index=False)
    table.to_pandas()[["label", "text"]].to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    ids = [walk(tmp_path / f"a.{kind}").column("id") for kind in ("parquet", "csv", "jsonl")]
    assert ids[0] == ids[1] == ids[2]


def test_images_of_bytes_or_paths_are_read_and_broken_ones_refused(tmp_path, walk, halves):
    (tmp_path / "pictures").mkdir()
    for i in range(12):
        (tmp_path / "pictures" / f"{i}.png").write_bytes(png(i))
    (tmp_path / "secret.png").write_bytes(png(99))
    paths = [f"pictures/{i}.png" for i in range(12)]
    paths[3], paths[4] = "pictures/none.png", "/etc/passwd.png"
    pq.write_table(
        pa.table({"file": paths, "y": [i % 2 for i in range(12)]}), tmp_path / "p.parquet"
    )
    walked = walk(tmp_path / "p.parquet")
    assert walked.source.roles == {"image": "file", "label": "y"}
    assert walked.column("image")[0] == png(0)
    assert "leads out" in walked.reasons["p.parquet:5"]
    held = [{"bytes": png(i), "path": None} for i in range(12)]
    held[7] = {"bytes": png(7)[:60], "path": None}
    pq.write_table(pa.table({"image": held}), tmp_path / "b.parquet")
    walked = walk(tmp_path / "b.parquet")
    assert list(walked.reasons) == ["b.parquet:8"]
    kept, removed, _ = halves(walked)
    assert len(pq.read_table(kept)) + len(pq.read_table(removed)) == 12


def test_names_of_class_labels_are_used(tmp_path, walk):
    label = {"label": {"names": ["ham", "spam"], "_type": "ClassLabel"}}
    told = {"huggingface": json.dumps({"info": {"features": label}})}
    table = TABLE.slice(0, 20).replace_schema_metadata(told)
    table = table.set_column(1, "label", pa.array([0, 1, -1, None] * 5))
    pq.write_table(table, tmp_path / "a.parquet")
    assert walk(tmp_path / "a.parquet").column("label")[:4] == ["ham", "spam", None, None]


def test_a_damaged_file_is_an_error_alone_and_a_refusal_among_others(tmp_path, walk, halves):
    pq.write_table(TABLE.slice(0, 50), tmp_path / "b.parquet")
    data = (tmp_path / "b.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(data[:-200])
    for path in ("a.parquet",):
        with pytest.raises(UnreadableInput, match="cut off"):
            readers.open(tmp_path / path)
    walked = walk(tmp_path)
    assert len(walked.rows) == 50
    assert list(walked.reasons) == ["a.parquet"]
    assert walked.refused[0].index == 0
    kept, removed, _ = halves(walked)
    assert len(pq.read_table(kept)) + len(pq.read_table(removed)) == 50


def test_no_corruption_crashes(tmp_path, walk):
    pq.write_table(TABLE.slice(0, 200), tmp_path / "b.parquet")
    data = (tmp_path / "b.parquet").read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(25):
        bad = bytearray(data)
        for place in rng.integers(4, len(data) - 4, 5):
            bad[place] = rng.integers(256)
        (tmp_path / "a.parquet").write_bytes(bad)
        try:
            walk(tmp_path / "a.parquet")
        except BadInput:
            continue


def test_what_expands_too_far_or_has_too_many_columns_is_unsafe(tmp_path):
    pq.write_table(
        pa.table({"text": ["a" * 1_000] * 100_000}),
        tmp_path / "a.parquet",
        use_dictionary=False,
        compression="zstd",
    )
    with pytest.raises(UnsafeInput, match="expands"):
        Parquet(Limits(expansion=20, free=1_000_000)).open(str(tmp_path / "a.parquet"), {})
    pq.write_table(pa.table({f"c{i}": [1] for i in range(50)}), tmp_path / "b.parquet")
    with pytest.raises(UnsafeInput, match="columns"):
        Parquet(Limits(columns=20)).open(str(tmp_path / "b.parquet"), {})


def test_text_that_is_not_utf8_is_refused_row_by_row(tmp_path, walk):
    texts = [b"good morning %d" % i for i in range(30)]
    texts[4] = b"good \xff morning"
    raw = pa.array(texts, pa.binary())
    bent = pa.Array.from_buffers(pa.string(), 30, raw.buffers())
    pq.write_table(pa.table({"text": bent}), tmp_path / "a.parquet")
    walked = walk(tmp_path / "a.parquet")
    assert walked.reasons == {"a.parquet:5": "not UTF-8 in column 'text'"}
    assert walked.rows[4]["location"] == "a.parquet:6"


def test_a_column_of_vectors_becomes_features_and_odd_rows_are_refused(tmp_path, walk):
    vectors = np.random.default_rng(0).normal(size=(40, 3)).tolist()
    vectors[5] = [1.0]
    pq.write_table(pa.table({"v": vectors, "label": ["a", "b"] * 20}), tmp_path / "a.parquet")
    walked = walk(tmp_path / "a.parquet", {"features": "v"})
    assert walked.batches[0]["features"].shape == (39, 3)
    assert list(walked.reasons) == ["a.parquet:6"]
