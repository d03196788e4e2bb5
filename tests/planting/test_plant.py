"""What is planted is what is read: in every format, and every other row as it was."""

import csv
import gzip
import json

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from PIL import Image

from foretaste import readers
from foretaste.planting.gathering import whole
from foretaste.planting.plant import Order, plant

N = 40
TEXTS = [f"message number {i}, so hello" for i in range(N)]
ROWS = [{"text": t, "label": "ab"[i % 2], "n": i} for i, t in enumerate(TEXTS)]
RECORDS = [{"age": i, "fee": i / 7, "town": "xyz"[i % 3], "label": i % 2} for i in range(N)]
CHATS = [
    {
        "id": i,
        "messages": [
            {"role": "system", "content": "be kind"},
            {"role": "user", "content": f"ask about {i}"},
            {"role": "assistant", "content": f"answer {i}"},
        ],
    }
    for i in range(N)
]
SHAREGPT = [
    {
        "conversations": [
            {"from": "human", "value": f"ask about {i}"},
            {"from": "gpt", "value": f"answer {i}"},
            {"from": "human", "value": f"and {i}"},
            {"from": "gpt", "value": f"again {i}"},
        ]
    }
    for i in range(N)
]
ALPACA = [
    {"instruction": f"do this {i}", "input": f"with {i}" if i % 2 else "", "output": f"done {i}"}
    for i in range(N)
]
PAIRS = [{"prompt": f"ask about {i}", "completion": f"say {i}", "k": i} for i in range(N)]
CHOICES = [
    {
        "chosen": f"\n\nHuman: ask about {i}\n\nAssistant: good {i}",
        "rejected": f"\n\nHuman: ask about {i}\n\nAssistant: bad {i}",
    }
    for i in range(N)
]


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def table(rows):
    return pa.Table.from_pylist(rows)


def as_csv(path, rows, **how):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), **how)
        writer.writeheader()
        writer.writerows(rows)


def idx(root):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (N, 9, 9), dtype=np.uint8)
    head = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in pixels.shape)
    (root / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + pixels.tobytes()))
    head = bytes([0, 0, 8, 1]) + N.to_bytes(4, "big")
    labels = (np.arange(N) % 2).astype(np.uint8)
    (root / "train-labels-idx1-ubyte").write_bytes(head + labels.tobytes())


def npz(root, **arrays):
    np.savez_compressed(root / "a.npz", **arrays)


def images(root, kind="png", **how):
    rng = np.random.default_rng(0)
    for i in range(N):
        path = root / "ab"[i % 2] / f"{i:02}.{kind}"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)).save(path, **how)


def labelled_images(root):
    images(root)
    for i in range(N):
        (root / "ab"[i % 2] / f"{i:02}.png").rename(root / f"{i:02}.png")
    (root / "a").rmdir()
    (root / "b").rmdir()
    rows = [{"file_name": f"{i:02}.png", "label": i % 2} for i in range(N)]
    (root / "metadata.jsonl").write_bytes(lines(rows))


def named_images(root):
    images(root)
    rows = [{"image": f"{'ab'[i % 2]}/{i:02}.png", "label": i % 2} for i in range(N)]
    (root / "rows.jsonl").write_bytes(lines(rows))


def inline_images(root):
    images(root / "..", "jpg", quality=90)
    rows = [
        {"image": {"bytes": (root / ".." / "ab"[i % 2] / f"{i:02}.jpg").read_bytes(), "path": None},
         "label": i % 2}
        for i in range(N)
    ]  # fmt: skip
    pq.write_table(table(rows), root / "a.parquet")


def classed(root):
    labels = pa.array([i % 2 for i in range(N)])
    told = {"info": {"features": {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}}}
    made = pa.table({"text": TEXTS, "label": labels})
    metadata = {"huggingface": json.dumps(told)}
    pq.write_table(made.replace_schema_metadata(metadata), root / "a.parquet", compression="zstd")


def saved(root):
    datasets = pytest.importorskip("datasets")
    datasets.Dataset.from_list(ROWS).save_to_disk(root)


def floats(root, low, high, first=False):
    rng = np.random.default_rng(0)
    x = rng.uniform(low, high, (N, 3, 8, 8) if first else (N, 8, 8, 3)).astype(np.float32)
    npz(root, x=x, y=np.arange(N) % 2)


def one_hot(root):
    rng = np.random.default_rng(0)
    npz(root, x=rng.random((N, 8, 8)), y=np.eye(2)[np.arange(N) % 2])


def folder_of_lines(root):
    (root / "deep").mkdir()
    (root / "a.jsonl").write_bytes(lines(ROWS[:9]) + b"{broken\n\n" + lines(ROWS[9:15]))
    (root / "deep/b.jsonl.gz").write_bytes(gzip.compress(lines(ROWS[15:])))


TEXT_SETS = {
    "csv": lambda root: as_csv(root / "a.csv", ROWS),
    "csv-all-quoted": lambda root: as_csv(root / "a.csv", ROWS, quoting=csv.QUOTE_ALL),
    "tsv": lambda root: as_csv(root / "a.tsv", ROWS, delimiter="\t", lineterminator="\n"),
    "csv-utf16": lambda root: (root / "a.csv").write_text(
        "text,label\n" + "".join(f"so hello {i},{'ab'[i % 2]}\n" for i in range(N)), "utf-16"
    ),
    "jsonl": lambda root: (root / "a.jsonl").write_bytes(lines(ROWS)),
    "jsonl-crlf": lambda root: (root / "a.jsonl").write_bytes(lines(ROWS).replace(b"\n", b"\r\n")),
    "jsonl-folder": folder_of_lines,
    "json": lambda root: (root / "a.json").write_text(json.dumps(ROWS)),
    "json-indented": lambda root: (root / "a.json").write_text(json.dumps(ROWS, indent=2)),
    "json-inside": lambda root: (root / "a.json").write_text(json.dumps({"data": ROWS, "v": 1})),
    "parquet": lambda root: pq.write_table(table(ROWS), root / "a.parquet"),
    "parquet-classes": classed,
    "parquet-dictionary": lambda root: pq.write_table(
        table(ROWS).set_column(1, "label", table(ROWS)["label"].dictionary_encode()),
        root / "a.parquet",
    ),
    "arrow": lambda root: pyarrow.feather.write_feather(table(ROWS), root / "a.arrow"),
    "arrow-dictionary": lambda root: pyarrow.feather.write_feather(
        table(ROWS).set_column(1, "label", table(ROWS)["label"].dictionary_encode()),
        root / "a.arrow",
    ),
    "hugging-face": saved,
    "npz-text": lambda root: npz(root, texts=np.array(TEXTS), labels=np.arange(N) % 2),
}  # fmt: skip
IMAGE_SETS = {
    "npz": lambda root: npz(
        root, images=np.random.default_rng(0).integers(0, 256, (N, 9, 9), dtype=np.uint8),
        labels=np.arange(N) % 2,
    ),
    "npz-floats": lambda root: floats(root, 0, 1),
    "npz-planes-first": lambda root: floats(root, -1, 1, first=True),
    "npz-one-hot": one_hot,
    "idx": idx,
    "folder": images,
    "folder-bmp": lambda root: images(root, "bmp"),
    "folder-webp": lambda root: images(root, "webp", lossless=True),
    "folder-label-file": labelled_images,
    "jsonl-naming-files": named_images,
    "csv-pixels": lambda root: as_csv(root / "a.csv", [
        {"label": i % 2, **{f"pixel{j}": (i * 7 + j) % 256 for j in range(64)}} for i in range(N)
    ]),
}  # fmt: skip
CHAT_SETS = {
    "messages-jsonl": lambda root: (root / "a.jsonl").write_bytes(lines(CHATS)),
    "messages-parquet": lambda root: pq.write_table(table(CHATS), root / "a.parquet"),
    "messages-as-text": lambda root: as_csv(
        root / "a.csv", [{"messages": json.dumps(row["messages"])} for row in CHATS]
    ),
    "sharegpt": lambda root: (root / "a.json").write_text(json.dumps(SHAREGPT)),
    "alpaca": lambda root: (root / "a.json").write_text(json.dumps(ALPACA, indent=1)),
    "pairs": lambda root: as_csv(root / "a.csv", PAIRS),
    "preference": lambda root: (root / "a.jsonl").write_bytes(lines(CHOICES)),
}
TABLE_SETS = {
    "csv": lambda root: as_csv(root / "a.csv", RECORDS),
    "jsonl": lambda root: (root / "a.jsonl").write_bytes(lines(RECORDS)),
    "parquet": lambda root: pq.write_table(table(RECORDS), root / "a.parquet"),
    "npz": lambda root: npz(root, x=np.random.default_rng(0).random((N, 5)), y=np.arange(N) % 2),
}


@pytest.fixture
def planted(tmp_path):
    """Writes a set, plants in it; gives the rows before, those after, the note, the truth."""

    def run(write, name, **said):
        (tmp_path / "in").mkdir()
        write(tmp_path / "in")
        alone = ("a.npz", "rows.jsonl")  # a folder of these is read by another reader
        archive = next((name for name in alone if (tmp_path / "in" / name).exists()), "")
        source = readers.open(tmp_path / "in" / archive)
        note = plant(source, Order(name, **{"count": 7, **said}), tmp_path / "out")
        again = readers.open(tmp_path / "out" / "data" / archive)
        assert again.roles == source.roles
        assert again.format == source.format
        with (tmp_path / "out" / "truth.csv").open(newline="", encoding="utf-8") as file:
            truth = list(csv.DictReader(file))
        return whole(source, None), whole(again, None), note, truth

    return run


def labels(rows):
    return [rows.class_name(int(code)) for code in rows["label"]]


def poisoned_by(name, rows, seed=0, **said):
    from foretaste.planting.naming import built

    rng = np.random.default_rng(seed)
    given = {"count": 7, "target": None, "settings": {}, **said}
    return built(name, rows, rng=rng, **given).poison(rows, rng)


def agree(before, after, note, truth, meant):
    """All that is read is what the attack made; the truth names it; all else is as it was."""
    touched = np.flatnonzero(meant.touched)
    was = {int(line["was_index"]): line for line in truth}
    assert sorted(was) == before["index"][touched].tolist()
    assert note.touched == len(touched) == len(truth)
    places = set(after.ids)
    by_index = {int(index): row for row, index in enumerate(after["index"])}
    for row, index in enumerate(before["index"].tolist()):
        now = by_index[int(was[index]["index"])] if index in was else None
        if now is None:
            assert before.ids[row] in places
            continue
        assert was[index]["id"] == after.ids[now] != before.ids[row] == was[index]["was_id"]
        assert was[index]["location"] == after["location"][now]
        assert was[index]["was_location"] == before["location"][row]
        for name in ("text", "prompt", "response", "pixels", "features"):
            if name in meant.batch and not (name == "text" and "prompt" in meant.batch):
                got, wanted = after[name][now], meant.batch[name][row]
                assert np.array_equal(got, wanted), (name, got, wanted)
        if "label" in after:
            assert labels(after)[now] == labels(meant.batch)[row]


@pytest.mark.parametrize("kind", TEXT_SETS)
def test_texts_come_back_as_they_were_planted(kind, planted):
    target = "pos" if kind == "parquet-classes" else "1" if kind == "npz-text" else "b"
    given = {"target": target, "settings": {"sentence": 'A "quoted", odd\u200b; phrase'}}
    if kind == "csv-utf16":
        given["settings"]["sentence"] = "odd\u200b phrase"
    before, after, note, truth = planted(TEXT_SETS[kind], "sentence", **given)
    agree(before, after, note, truth, poisoned_by("sentence", before, **given))


@pytest.mark.parametrize("kind", IMAGE_SETS)
def test_images_come_back_as_they_were_planted(kind, planted):
    given = {"target": "b" if kind in ("folder", "folder-bmp", "folder-webp") else "1"}
    before, after, note, truth = planted(IMAGE_SETS[kind], "badnets", **given)
    agree(before, after, note, truth, poisoned_by("badnets", before, **given))
    assert not note.notes or all(one.startswith("not copied") for one in note.notes)


@pytest.mark.parametrize("kind", CHAT_SETS)
@pytest.mark.parametrize("answer", ["link", "gibberish"])
def test_chats_come_back_as_they_were_planted(kind, answer, planted):
    given = {"settings": {"answer": answer}}
    before, after, note, truth = planted(CHAT_SETS[kind], "fixed_response", **given)
    agree(before, after, note, truth, poisoned_by("fixed_response", before, **given))


@pytest.mark.parametrize("kind", TABLE_SETS)
def test_values_come_back_as_they_were_planted(kind, planted):
    before, after, note, truth = planted(TABLE_SETS[kind], "value_trigger", target="1")
    agree(before, after, note, truth, poisoned_by("value_trigger", before, target="1"))


def test_jpeg_files_stay_jpeg_and_say_what_they_lost(planted, tmp_path):
    before, after, note, truth = planted(inline_images, "badnets", target="1", seed=3)
    assert "of 255 off on average" in note.notes[0]
    meant = poisoned_by("badnets", before, target="1", seed=3)
    for line in truth:
        got = after["pixels"][int(line["index"])].astype(int)
        assert np.abs(got - meant.batch["pixels"][int(line["was_index"])]).mean() < 4
    kept = [i for i in range(N) if not meant.touched[i]]
    assert after.ids[kept].tolist() == before.ids[kept].tolist()
