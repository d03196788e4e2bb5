"""A data set written again: new rows, moved images, chats of every shape, any text there is."""

import csv
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from foretaste import readers
from foretaste.contracts import Edits
from foretaste.errors import BadInput
from foretaste.planting.gathering import whole
from foretaste.planting.plant import Order, plant
from foretaste.roles import layouts
from foretaste.roles.turns import chat, fresh_chat, one_side

RATINGS = [
    {"user": f"u{i % 7}", "item": f"i{i % 5}", "rating": 1 + i % 5, "timestamp": 1_500_000_000 + i}
    for i in range(40)
]


def as_csv(rows, **how):
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), **how)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def ratings(root, kind):
    path = root / f"a.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(RATINGS), path)
    elif kind == "csv":
        path.write_bytes(as_csv(RATINGS).rstrip())  # no line break at the end
    elif kind == "jsonl":
        path.write_bytes(lines(RATINGS).rstrip())
    else:
        path.write_text(json.dumps(RATINGS, indent=2))
    return path


@pytest.mark.parametrize("kind", ["csv", "jsonl", "json", "parquet"])
def test_new_rows_come_after_all_others(kind, tmp_path):
    path = ratings(tmp_path, kind)
    note = plant(readers.open(path), Order("shilling", count=9, seed=1), tmp_path / "out")
    before, after = (
        whole(readers.open(path)),
        whole(readers.open(tmp_path / "out/data" / path.name)),
    )
    assert (note.added, note.touched, note.rows) == (9, 9, 49)
    assert after.ids[:40].tolist() == before.ids.tolist()
    assert set(after["user"][40:]).isdisjoint(before["user"])
    assert np.isfinite(after["rating"]).all()
    assert (after["time"][40:] > 1e9).all()
    truth = (tmp_path / "out/truth.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in truth[1:]] == [str(i) for i in range(40, 49)]


def rewritten(path, edits, out):
    source = readers.open(path)
    out.mkdir()
    moved = source.rewrite(out, edits)
    return moved, whole(readers.open(out / path.name if path.is_file() else out))


def test_an_array_grows_only_whole(tmp_path):
    x = np.arange(12.0).reshape(6, 2)
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(6) % 2)
    new = Edits(added=[{"features": np.array([7.0, 8.0]), "label": "1"}])
    _, rows = rewritten(tmp_path / "a.npz", new, tmp_path / "out")
    assert rows["features"].tolist() == [*x.tolist(), [7.0, 8.0]]
    assert rows["label"].tolist() == [0, 1, 0, 1, 0, 1, 1]
    np.savez(tmp_path / "b.npz", x=x, y=np.arange(6) % 2, weights=np.ones(6))
    with pytest.raises(BadInput, match="the array weights has a value for each row"):
        rewritten(tmp_path / "b.npz", new, tmp_path / "out2")


def folder(root, sizes=((6, 6),) * 6, kind="png"):
    rng = np.random.default_rng(0)
    for i, (height, width) in enumerate(sizes):
        path = root / "set/train" / "ab"[i % 2] / f"{i // 2}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path)
    said = [{"file_name": "train/a/0.png", "text": "nought"}, {"file_name": "train/b/0.png"}]
    (root / "set/metadata.jsonl").write_bytes(lines(said))
    return root / "set"


def test_an_image_goes_to_the_folder_of_its_class_and_its_line_goes_with_it(tmp_path):
    path = folder(tmp_path)
    moved, rows = rewritten(path, Edits({0: {"label": "b"}}), tmp_path / "out")
    assert moved == {0: "train/b/0_1.png"}
    at = rows["location"].tolist().index("train/b/0_1.png")
    assert rows["text"][at] == "nought"
    assert sorted(rows["location"].tolist()) == [
        "train/a/1.png", "train/a/2.png", "train/b/0.png", "train/b/0_1.png", "train/b/1.png",
        "train/b/2.png",
    ]  # fmt: skip


def test_a_new_image_stands_beside_one_of_its_class(tmp_path):
    path = folder(tmp_path)
    pixels = np.full((6, 6, 3), 9, np.uint8)
    new = Edits(added=[{"label": "b", "image": pixels, "text": "new"}])
    moved, rows = rewritten(path, new, tmp_path / "out")
    assert moved == {6: "train/b/0_1.png"}
    at = rows["location"].tolist().index("train/b/0_1.png")
    assert (rows["pixels"][at] == 9).all()
    assert rows["text"][at] == "new"


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ({"label": "c"}, "no folder of the class 'c'"),
        ({"label": None}, "no folder of the class None"),
        ({"source": "x"}, "does not say source"),
    ],
)
def test_what_a_folder_cannot_say_is_refused(edits, message, tmp_path):
    with pytest.raises(BadInput, match=message):
        rewritten(folder(tmp_path), Edits({0: edits}), tmp_path / "out")


def test_a_file_without_a_line_cannot_be_given_a_text(tmp_path):
    with pytest.raises(BadInput, match=r"no label file says the text of train/a/1\.png"):
        rewritten(folder(tmp_path), Edits({1: {"text": "hi"}}), tmp_path / "out")


def test_images_of_many_sizes_keep_theirs(tmp_path):
    path = folder(tmp_path, [(40, 60), (80, 50), (30, 30), (90, 100), (64, 64), (20, 70)])
    note = plant(
        readers.open(path), Order("badnets", count=2, target="a", settings={"size": 6}),
        tmp_path / "out",
    )  # fmt: skip
    assert "and scaled to each one's size" in note.notes[0]
    with (tmp_path / "out/truth.csv").open(newline="") as file:
        truth = list(csv.DictReader(file))
    for line in truth:
        old = Image.open(path / line["was_location"])
        new = Image.open(tmp_path / "out/data" / line["location"])
        assert old.size == new.size
        differ = (np.asarray(old) != np.asarray(new)).any(axis=2)
        assert 0 < differ.mean() < 0.2


def test_two_rows_with_one_image_file_part_ways(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "set").mkdir()
    Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(tmp_path / "set/a.png")
    rows = [{"image": "a.png", "label": i % 2} for i in range(6)]
    (tmp_path / "set/rows.jsonl").write_bytes(lines(rows))
    source = readers.open(tmp_path / "set/rows.jsonl")
    plant(source, Order("badnets", 2, target="1"), tmp_path / "out")
    written = (tmp_path / "out/data/rows.jsonl").read_text().splitlines()
    names = [json.loads(line)["image"] for line in written]
    assert sorted(names) == ["a.png"] * 4 + ["a_1.png", "a_2.png"]


def test_a_targeted_attack_is_aimed_at_rows_that_are_not_poisoned(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    np.savez(tmp_path / "a.npz", x=x)
    source = readers.open(tmp_path / "a.npz")
    note = plant(source, Order("boiling_frog", count=5), tmp_path / "out")
    assert len(note.aim) == 1
    np.savez(tmp_path / "b.npz", x=9 + x[:20])
    order = Order("boiling_frog", count=5, aim=readers.open(tmp_path / "b.npz"))
    aimed = plant(source, order, tmp_path / "out2")
    assert "b.npz" in aimed.aim[0]["location"]


def test_a_broken_file_is_not_written_again(tmp_path):
    whole_file = lines([{"text": f"a b {i}", "label": i % 2} for i in range(2000)])
    import gzip

    (tmp_path / "set").mkdir()
    (tmp_path / "set/a.jsonl.gz").write_bytes(gzip.compress(whole_file)[:-20])
    (tmp_path / "set/b.jsonl").write_bytes(whole_file)
    with pytest.raises(BadInput, match="mend it first"):
        plant(readers.open(tmp_path / "set"), Order("rare_word", 3, target="1"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_letters_that_an_old_encoding_lacks_are_an_error(tmp_path):
    rows = [{"text": f"naïve café {i}", "label": i % 2} for i in range(30)]
    (tmp_path / "a.csv").write_bytes(as_csv(rows).decode().encode("cp1252"))
    with pytest.raises(BadInput, match="is written in cp1252, which lacks"):
        plant(readers.open(tmp_path / "a.csv"), Order("zero_width", 3, target="1"), tmp_path / "o")
    plant(readers.open(tmp_path / "a.csv"), Order("rare_word", 3, target="1"), tmp_path / "out")
    assert "naïve" in (tmp_path / "out/data/a.csv").read_text("cp1252")


def stream(root):
    rows = pa.Table.from_pylist(SAID)
    with (
        pa.OSFile(str(root / "a.arrow"), "wb") as file,
        pa.ipc.new_stream(file, rows.schema) as out,
    ):
        for batch in rows.to_batches(10):
            out.write_batch(batch)


SAID = [{"text": f"one two three {i}", "label": "ab"[i % 2]} for i in range(30)]
ODD = {
    "no-header.csv": lambda root: (root / "no-header.csv").write_bytes(
        as_csv(SAID).split(b"\r\n", 1)[1].replace(b"one two", b"1 2")
    ),
    "blank-lines.csv": lambda root: (root / "blank-lines.csv").write_bytes(
        as_csv(SAID).replace(b"\r\n", b"\r\n\r\n")
    ),
    "one-by-one.json": lambda root: (root / "one-by-one.json").write_text(
        "\n".join(json.dumps(row, indent=1) for row in SAID)
    ),
    "compact.json": lambda root: (root / "compact.json").write_text(
        json.dumps(SAID, separators=(",", ":"))
    ),
    "bom.jsonl": lambda root: (root / "bom.jsonl").write_bytes(b"\xef\xbb\xbf" + lines(SAID)),
    "a.arrow": stream,
}


@pytest.mark.parametrize("name", ODD)
def test_odd_ways_of_writing_stay_as_they_are(name, tmp_path):
    ODD[name](tmp_path)
    source = readers.open(tmp_path / name)
    plant(source, Order("rare_word", 4, target="b"), tmp_path / "out")
    before, after = whole(source), whole(readers.open(tmp_path / "out/data" / name))
    differ = [i for i in range(30) if before.ids[i] != after.ids[i]]
    assert len(differ) == 4
    assert all("cf" in after["text"][i].split() for i in differ)
    old, new = ((tmp_path / at / name).read_bytes() for at in (".", "out/data"))
    assert new.count(b"\n") == old.count(b"\n") or name == "a.arrow" or name == "compact.json"


def test_a_table_in_memory_is_written_as_parquet(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 1), dtype=np.uint8)
    given = {"image": images, "label": ["ab"[i % 2] for i in range(30)]}
    plant(readers.open(given), Order("badnets", 4, target="b"), tmp_path / "out")
    after = whole(readers.open(tmp_path / "out/data/rows.parquet"))
    differ = (after["pixels"] != images).any(axis=(1, 2, 3))
    assert differ.sum() == 4
    assert {after.class_name(int(code)) for code in after["label"][differ]} == {"b"}


def test_numbers_that_a_column_cannot_hold_are_an_error(tmp_path):
    rows = [{"age": i, "n": i * 2, "label": i % 2} for i in range(30)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    order = Order("value_trigger", 3, target="1", settings={"values": "[[n, 7.5]]"})
    with pytest.raises(BadInput, match="column 'n' holds whole numbers"):
        plant(readers.open(tmp_path / "a.parquet"), order, tmp_path / "out")


def test_a_point_in_time_is_written_as_the_others_are(tmp_path):
    stamps = ["2024-01-02 03:04:05", "2024-01-03 00:00:00", "2024-01-04 12:00:00"] * 4
    rows = [{"text": f"a b c {i}", "when": stamp} for i, stamp in enumerate(stamps)]
    (tmp_path / "a.csv").write_bytes(as_csv(rows))
    source = readers.open(tmp_path / "a.csv", {"time": "when", "text": "text"})
    (tmp_path / "out").mkdir()
    source.rewrite(tmp_path / "out", Edits({0: {"time": 1_704_164_646.0}}))
    assert "2024-01-02 03:04:06" in (tmp_path / "out/a.csv").read_text()


WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30).map(
    lambda text: f"one two {text} three"
)


@settings(max_examples=25)
@given(old=st.lists(WORDS, min_size=8, max_size=12), new=WORDS, kind=st.sampled_from("cjt"))
def test_any_text_is_read_as_it_was_written(old, new, kind, tmp_path_factory):
    root = tmp_path_factory.mktemp("any")
    rows = [{"text": text, "label": "ab"[i % 2]} for i, text in enumerate(old)]
    name = {"c": "a.csv", "j": "a.json", "t": "a.tsv"}[kind]
    written = json.dumps(rows, ensure_ascii=False).encode() if kind == "j" else as_csv(
        rows, delimiter="\t" if kind == "t" else ","
    )  # fmt: skip
    (root / name).write_bytes(written)
    roles = {"text": "text", "label": "label"}
    source = readers.open(root / name, roles)
    (root / "out").mkdir()
    source.rewrite(root / "out", Edits({3: {"text": new, "label": "a"}}))
    again = readers.open(root / "out" / name, roles)
    before, after = whole(source), whole(again)
    assert after["text"].tolist() == [*before["text"][:3], new, *before["text"][4:]]
    assert after["label"].tolist() == [*before["label"][:3], 0, *before["label"][4:]]


TURNS = [
    {"role": "system", "content": "be kind"},
    {"role": "user", "content": "one"},
    {"role": "assistant", "content": "two"},
    {"role": "user", "content": "three"},
    {"role": "assistant", "content": "four"},
]


def test_one_turn_changes_where_one_has_changed():
    told = chat(TURNS, "be kind\n\none cf\n\nthree", None)
    assert told == [TURNS[0], {"role": "user", "content": "one cf"}, *TURNS[2:]]
    told = chat(TURNS, None, "two\n\nfour!")
    assert told == [*TURNS[:4], {"role": "assistant", "content": "four!"}]


def test_an_answer_to_all_is_said_once_and_speakers_still_take_turns():
    assert chat(TURNS, None, "no") == [
        TURNS[0],
        {"role": "user", "content": "one\n\nthree"},
        {"role": "assistant", "content": "no"},
    ]
    assert chat(TURNS[:2], None, "no")[2] == {"role": "assistant", "content": "no"}


def test_parts_and_calls_of_tools_stay_where_they_can():
    image = {"type": "image_url"}
    asked = {"role": "user", "content": [{"type": "text", "text": "what?"}, image]}
    told = chat([asked], "what cf?\n[image_url]", None)
    assert told == [{"role": "user", "content": [{"type": "text", "text": "what cf?"}, image]}]
    calls = [{"function": {"name": "f", "arguments": "{}"}}]
    answer = {"role": "assistant", "content": "see", "tool_calls": calls}
    assert chat([answer], None, "see cf\nf({})") == [{**answer, "content": "see cf"}]
    assert chat([answer], None, "no") == [{**answer, "content": "no", "tool_calls": None}]


def test_a_new_chat_is_shaped_as_another():
    like = [{"from": "human", "value": "hi", "weight": 1}, {"from": "gpt", "value": "ho"}]
    assert fresh_chat(like, "one", "two") == [
        {"from": "human", "value": "one", "weight": 1},
        {"from": "gpt", "value": "two"},
    ]
    assert json.loads(fresh_chat(json.dumps(like), "one", "two"))[1]["value"] == "two"


def test_a_chat_written_as_text_stays_one():
    text = "\n\nHuman: hi\n\nAssistant: ho\n\nHuman: more\n\nAssistant: yes"
    assert one_side(text, None, "no") == text.replace("yes", "no")
    assert one_side(text, "hi cf\n\n ho\n\n more", None) == text.replace("hi", "hi cf")
    assert one_side(text, "other", "no") == "\n\nHuman: other\n\nAssistant: no"


SHORT = st.text("ab \n", max_size=6)
SPEAKERS = st.sampled_from(["system", "user", "assistant", "tool"])
NEW = st.text("abc \n", min_size=1, max_size=12).filter(lambda text: text.strip())


@settings(max_examples=200)
@given(st.lists(st.tuples(SPEAKERS, SHORT), min_size=1, max_size=6), NEW, NEW)
def test_any_chat_says_what_it_was_told_to_say(turns, prompt, response):
    told = [{"role": who, "content": what} for who, what in turns]
    read = layouts.said({"messages": ("m",)}, {"m": [chat(told, prompt, response)]})
    assert read.columns == {"prompt": [prompt], "response": [response]}
    only = layouts.said({"messages": ("m",)}, {"m": [chat(told, None, response)]})
    before = layouts.said({"messages": ("m",)}, {"m": [told]})
    assert only.columns == {**before.columns, "response": [response]}
