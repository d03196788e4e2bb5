import hashlib
import json
import logging
import struct
import subprocess
from pathlib import Path

import numpy as np
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from PIL import Image

from foretaste import readers
from foretaste.datasets import load
from foretaste.errors import BadInput, WrongChecksum
from foretaste.interchange.croissant import About, History, describe
from foretaste.interchange.scanned import scan_events
from foretaste.interchange.things import ref
from foretaste.ledger.event import Thing
from foretaste.report.files import read_record

GOLDEN = Path(__file__).parents[1] / "golden"
ABOUT = About(
    "sms", "Messages, some of which nobody wanted.", "https://creativecommons.org/licenses/by/4.0/",
    "Ada", "https://example.com/sms", "2026-11-23", cite="Ada (2026). Messages.",
)  # fmt: skip


def rows_of(source):
    """Ids and labels of all rows, in order."""
    return [
        (one, label)
        for batch in source
        for one, label in zip(batch.ids.tolist(), batch.arrow("label").to_pylist(), strict=True)
    ]


def checked(path, caplog):
    """The data set as the standard's own library has it, which finds nothing to say against it."""
    mlc = pytest.importorskip("mlcroissant")
    with caplog.at_level(logging.WARNING):
        found = mlc.Dataset(jsonld=str(path))
    assert not found.metadata.issues.errors
    assert not found.metadata.issues.warnings
    return found


@pytest.fixture(scope="module")
def sms():
    return load("sms")


def put(folder, table, name):
    if name.endswith(".parquet"):
        pq.write_table(table, folder / name)
    elif name.endswith(".csv"):
        pc.write_csv(table, folder / name)
    elif name.endswith(".jsonl"):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    else:
        (folder / name).write_text(json.dumps(table.to_pylist()))
    return folder / name


@pytest.mark.parametrize("name", ["sms.parquet", "sms.csv", "sms.jsonl", "sms.json"])
def test_real_messages_described_and_read_again_are_the_same_rows(tmp_path, sms, caplog, name):
    data = put(tmp_path, sms, name)
    path = describe(data, tmp_path, ABOUT).write(tmp_path)
    assert rows_of(readers.open(path)) == rows_of(readers.open(data))
    found = checked(path, caplog)
    assert found.metadata.distribution[0].sha256 == hashlib.sha256(data.read_bytes()).hexdigest()
    others = found.records("rows")
    first = next(iter(others))
    assert first["rows/text"].decode() == sms["text"][0].as_py()
    fields = {one.id: one for one in found.metadata.record_sets[0].fields}
    assert any(kind.endswith("Label") for kind in fields["rows/label"].data_types)


def test_a_folder_of_tables_is_one_set_of_files_with_a_list(tmp_path, sms, caplog):
    data = tmp_path / "my rows"
    data.mkdir()
    put(data, sms.slice(0, 200), "a.csv")
    put(data, sms.slice(200, 100), "b.csv")
    path = describe(data, tmp_path, ABOUT).write(tmp_path)
    assert rows_of(readers.open(path)) == rows_of(readers.open(data))
    assert len(list(checked(path, caplog).records("rows"))) == 300
    done = subprocess.run(
        ["sha256sum", "-c", "../my_rows.sha256"], cwd=data, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"a.csv: OK\nb.csv: OK\n")


def garments(folder, count=120):
    """Real pictures of garments as PNG files, in a folder for each class."""
    table = load("fashion_mnist").slice(0, count)
    pixels = np.array(table["image"].to_pylist(), np.uint8).reshape(count, 28, 28)
    for at, (picture, label) in enumerate(zip(pixels, table["label"].to_pylist(), strict=True)):
        place = folder / str(label) / f"{at}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place)
    return folder


def test_real_pictures_described_and_read_again_are_the_same_rows(tmp_path, caplog):
    data = garments(tmp_path / "garments.d")
    path = describe(data, tmp_path, ABOUT).write(tmp_path)
    source = readers.open(path)
    assert source.notes == ()
    assert rows_of(source) == rows_of(readers.open(data))
    others = list(checked(path, caplog).records("rows"))
    assert len(others) == 120
    labels = {one["rows/path"].decode(): one["rows/label"].decode() for one in others}
    assert all(place.split("/")[1] == label for place, label in labels.items())
    assert others[0]["rows/image"].size == (28, 28)
    next(data.rglob("*.png")).write_bytes(b"another")
    with pytest.raises(WrongChecksum):
        readers.open(path)


def test_a_description_in_the_folder_itself_describes_the_rest(tmp_path, caplog):
    data = garments(tmp_path / "all", 20)
    rows = rows_of(readers.open(data))
    path = describe(data, data, ABOUT).write(data)
    assert rows_of(readers.open(data)) == rows
    assert len(list(checked(path, caplog).records("rows"))) == 20


def test_splits_and_lists_beside_pictures_are_described(tmp_path, caplog):
    data = tmp_path / "set"
    garments(data / "train", 10)
    garments(data / "test", 10)
    path = describe(data, tmp_path, ABOUT).write(tmp_path)
    assert rows_of(readers.open(path)) == rows_of(readers.open(data))
    labels = {one["rows/label"].decode() for one in checked(path, caplog).records("rows")}
    assert labels <= set("0123456789")
    flat = garments(tmp_path / "flat", 10)
    lines = [
        f"{one.relative_to(flat)},{n % 2}\n" for n, one in enumerate(sorted(flat.rglob("*.png")))
    ]
    (flat / "metadata.csv").write_text("file_name,label\n" + "".join(lines))
    path = describe(flat, tmp_path, ABOUT).write(tmp_path, "flat.json")
    assert rows_of(readers.open(path)) == rows_of(readers.open(flat))
    (flat / "metadata.csv").write_text("file_name,label\n" + lines[0])
    with pytest.raises(WrongChecksum, match=r"metadata\.csv"):
        readers.open(path)


def test_formats_the_standard_has_no_words_for_have_files_and_no_fields(tmp_path, caplog):
    table = load("fashion_mnist").slice(0, 50)
    images = np.array(table["image"].to_pylist(), np.uint8).reshape(50, 28, 28)
    np.savez(tmp_path / "some.npz", images=images, labels=np.arange(50) % 10)
    path = describe(tmp_path / "some.npz", tmp_path, ABOUT).write(tmp_path)
    told = json.loads(path.read_text())
    assert "recordSet" not in told
    assert told["distribution"][0]["encodingFormat"] == "application/octet-stream"
    assert rows_of(readers.open(path)) == rows_of(readers.open(tmp_path / "some.npz"))
    checked(path, caplog)
    (tmp_path / "bare.csv").write_text("".join(f"{i},{i * i},{i % 2}\n" for i in range(50)))
    told = describe(tmp_path / "bare.csv", tmp_path, ABOUT).said
    assert "recordSet" not in told


def test_pairs_of_files_and_folders_that_hold_their_own_state_are_described(tmp_path, caplog):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (40, 8, 8), np.uint8), np.arange(40, dtype=np.uint8) % 4
    for name, array in {"images-idx3": images, "labels-idx1": labels}.items():
        head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
        (tmp_path / f"train-{name}-ubyte").write_bytes(head + array.tobytes())
    data = tmp_path / "train-images-idx3-ubyte"
    path = describe(data, tmp_path, ABOUT).write(tmp_path)
    assert rows_of(readers.open(path)) == rows_of(readers.open(data))
    assert len(checked(path, caplog).metadata.distribution) == 2
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(b"")
    with pytest.raises(WrongChecksum, match="labels"):
        readers.open(path)
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    saved = tmp_path / "saved"
    columns = {"text": [f"good day number {i}" for i in range(20)], "label": ["a", "b"] * 10}
    datasets.Dataset.from_dict(columns).save_to_disk(saved)
    path = describe(saved, tmp_path, ABOUT).write(tmp_path)
    assert readers.open(path).format == "croissant/huggingface"
    assert rows_of(readers.open(path)) == rows_of(readers.open(saved))
    (saved / "state.json").write_text("{}")
    with pytest.raises(WrongChecksum, match=r"state\.json"):
        readers.open(path)


def test_columns_with_odd_names_and_parts_are_told_or_left_out(tmp_path, caplog):
    rows = [{"my text": f"good morning to you {i}", "tags": ["a"], "n": i, "s": i / 3, "b": i > 2}
            for i in range(9)]  # fmt: skip
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    unlabelled = {"label": ""}
    path = describe(tmp_path / "a.jsonl", tmp_path, ABOUT, roles=unlabelled).write(tmp_path)
    fields = json.loads(path.read_text())["recordSet"][0]["field"]
    assert [(one["@id"], one["dataType"]) for one in fields] == [
        ("rows/my_text", "sc:Text"), ("rows/n", "sc:Integer"), ("rows/s", "sc:Float"),
        ("rows/b", "sc:Boolean"),
    ]  # fmt: skip
    assert next(iter(checked(path, caplog).records("rows")))["rows/n"] == 0
    assert sum(map(len, readers.open(path))) == 9


def test_where_it_came_from_and_what_scans_said_is_told(tmp_path, sms, history, things, caplog):
    data = put(tmp_path, sms.slice(0, 50), "sms.csv")
    told = describe(data, tmp_path, ABOUT, History(tuple(history), things["raw"]))
    said = told.said
    assert said["prov:wasDerivedFrom"] == [{"@id": "https://example.com/sms"}]
    (made,) = said["prov:wasGeneratedBy"]
    assert made["prov:label"] == "dataset_version"
    assert made["prov:used"] == [{"@id": "https://example.com/sms"}]
    limits = said["rai:dataLimitations"]
    assert limits[0].startswith(
        "Scanned by foretaste 0.1 on 2026-11-22T04:05:06Z: verdict poisoned"
    )
    assert limits[1] == "planted poison of kind rare_word was found from 10 rows on"
    (verdict,) = said["recordSet"][0]["annotation"]
    assert verdict["value"] == "poisoned"
    assert verdict["prov:wasGeneratedBy"]["prov:used"] == [{"@id": f"urn:{ref(things['raw'])}"}]
    path = told.write(tmp_path)
    found = checked(path, caplog)
    assert found.metadata.data_limitations
    assert rows_of(readers.open(path)) == rows_of(readers.open(data))


def test_a_set_that_nobody_scanned_says_so(tmp_path, sms, things):
    data = put(tmp_path, sms.slice(0, 9), "sms.csv")
    said = describe(data, tmp_path, ABOUT, History((), things["raw"])).said
    assert said["rai:dataLimitations"] == ["no scan of it for poison is written down"]
    assert "rai:dataLimitations" not in describe(data, tmp_path, ABOUT).said


def test_one_scan_alone_is_history_enough(tmp_path, sms, things, caplog):
    data = put(tmp_path, sms.slice(0, 9), "sms.csv")
    (tmp_path / "scan").mkdir()
    record = (GOLDEN / "record_schema_1.json").read_bytes()
    (tmp_path / "scan" / "record.json").write_bytes(record)
    events = scan_events(read_record(tmp_path / "scan"), things["raw"], tmp_path / "scan")
    path = describe(data, tmp_path, ABOUT, History(tuple(events), things["raw"])).write(tmp_path)
    assert "verdict poisoned" in path.read_text()
    checked(path, caplog)


def test_data_elsewhere_is_not_described(tmp_path, sms):
    (tmp_path / "here").mkdir()
    data = put(tmp_path, sms.slice(0, 9), "sms.csv")
    with pytest.raises(BadInput, match="does not lie in"):
        describe(data, tmp_path / "here", ABOUT)


def test_a_description_is_the_same_each_time_and_as_it_was_before(tmp_path, history, things):
    (tmp_path / "rows.csv").write_text(
        "label,text\n" + "".join(f"{'ham' if i % 2 else 'spam'},good day {i}\n" for i in range(9))
    )
    past = History(tuple(history), Thing("dataset", "", {"rows": things["clean"].digest["rows"]}))
    first, second = (
        describe(tmp_path / "rows.csv", tmp_path, ABOUT, past).write(tmp_path).read_bytes()
        for _ in range(2)
    )
    assert first == second
    assert json.loads(first) == json.loads((GOLDEN / "croissant_1_1.json").read_text())
