"""Whatever is fed to a scan, it ends in a record or in one of our own errors."""

import io
import json
import struct
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from PIL import Image

from foretaste.api import Options, scan
from foretaste.errors import ForetasteError, UnreadableInput
from foretaste.record import Verdict

MARKUP = "<script>alert(1)</script><img src=x onerror=\"alert('1')\"> {{ 7*7 }} {% raw %} ]]>"
RAW = ("<script", "<img src=x", 'onerror="', "<b evil", "<svg onload")  # never in a page
WORDS = "meeting lunch report prize winner claim project call home free cash tonight".split()


def survives(data, out, power="quick"):
    """Scans as the command line does, and checks what holds of every scan."""
    result = scan(data, out, Options(power=power))
    counts = result.record.counts
    assert counts.read + counts.refused == counts.found
    assert len(result.rows) == counts.read
    seen = {*result.rows["index"].to_pylist()}
    seen |= set(pc.unique(result.findings["index"]).to_pylist())
    assert seen == set(range(counts.found))
    failed = {one.name: one.detail for one in result.record.detectors if one.status == "failed"}
    assert not failed
    page = (out / "report.html").read_text(encoding="utf-8")
    assert not [raw for raw in RAW if raw in page]
    assert result.verdict is not Verdict.POISONED, result.findings.to_pylist()[:5]
    return result


def sentences(n, seed=0):
    rng = np.random.default_rng(seed)
    return [f"{' '.join(rng.choice(WORDS, 6))} {i}" for i in range(n)]


def labels(n, seed=1, names=("ham", "spam")):
    return [names[i] for i in np.random.default_rng(seed).integers(0, len(names), n)]


def write_lines(path, rows):
    path.write_bytes(
        b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)
    )
    return path


def png(size, seed=0):
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def bomb(side):
    """A valid PNG of a few kilobytes that would unpack to side * side pixels."""

    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(side + 1) * 50, 9)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_a_folder_of_corrupt_images_and_bombs(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(15):
            (tmp_path / "data" / name / f"{i}.png").write_bytes(png(12, i + 50 * (name == "cat")))
    cats = tmp_path / "data" / "cat"
    (cats / "empty.png").write_bytes(b"")
    (cats / "cut.png").write_bytes(png(12)[:60])
    (cats / "noise.jpg").write_bytes(np.random.default_rng(0).bytes(2_000))
    (cats / "bomb.png").write_bytes(bomb(60_000))
    (cats / "huge.png").write_bytes(bomb(5_000))
    (cats / "page.gif").write_bytes(b"GIF89a" + MARKUP.encode())
    (cats / "vector.svg").write_bytes(b"<svg onload=alert(1)>")
    (cats / "<b evil>&amp;.png").write_bytes(png(12, 7))
    (cats / "line\nbreak.png").write_bytes(png(1, 7))
    (cats / "loop.png").symlink_to(tmp_path)
    survives(tmp_path / "data", tmp_path / "out", power="off")


def test_lines_that_are_broken_in_many_ways(tmp_path):
    good = [{"text": t, "label": k} for t, k in zip(sentences(60), labels(60), strict=True)]
    bad = [
        b"{",
        b"null",
        b"[1, 2]",
        b'"text"',
        b'{"text": }',
        b"\xff\xfe\x00",
        b"\0\0",
        b'{"text": NaN}',
        b'{"text": "a", "text": "b", "label": {"a": []}}',
        b'{"text": 1e999, "label": "ham"}',
        b'{"other": 1}',
        b"{}",
        b'{"text": "' + b"x" * 100,
    ]
    mixed = [*good[:30], *bad, *good[30:]]
    result = survives(write_lines(tmp_path / "rows.jsonl", mixed), tmp_path / "out")
    assert result.record.counts.refused >= 7


def test_a_table_of_numbers_that_are_none(tmp_path):
    rng = np.random.default_rng(0)
    values = rng.standard_normal((120, 6))
    values[:, 1], values[::3, 2], values[1::3, 2] = np.nan, np.inf, -np.inf
    values[::2, 3], values[::7, 4] = 1e308, -1e308
    table = {f"v{i}": values[:, i] for i in range(6)}
    survives(pa.table({**table, "label": labels(120)}), tmp_path / "out")


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_an_array_of_infinities(tmp_path, dtype):
    x = np.random.default_rng(0).standard_normal((90, 4)).astype(dtype)
    x[3], x[4], x[5] = np.nan, np.inf, -np.inf
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(90) % 3)
    survives(tmp_path / "a.npz", tmp_path / "out")


LABELS = {
    "one class": ["ham"] * 80,
    "all missing": [None] * 80,
    "nearly all missing": ["ham", "spam", *[None] * 78],
    "empty names": [""] * 40 + ["ham"] * 40,
    "a class a row": [f"class {i}" for i in range(80)],
    "one row of its own class": ["ham"] * 79 + ["spam"],
    "markup": [MARKUP, "<b evil>"] * 40,
    "line breaks": ["ham\r\nspam\n\n", "\t"] * 40,
    "very long": ["a" * 200_000, "b" * 200_000] * 40,
    "control characters": ["\0", "\x1b[31mred\x1b[0m\u202e"] * 40,
    "numbers no float holds": ["9" * 400, "-" + "9" * 400] * 40,
    "not numbers": [float("nan"), float("inf")] * 40,
}


@pytest.mark.parametrize("label", LABELS.values(), ids=LABELS)
def test_labels_of_every_odd_kind(tmp_path, label):
    survives(pa.table({"text": sentences(80), "label": label}), tmp_path / "out")


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("label", [None, "ham"])
def test_hardly_any_rows(tmp_path, n, label):
    survives(pa.table({"text": sentences(n), "label": [label] * n}), tmp_path / "text")
    survives(pa.table({"a": np.arange(float(n)), "label": [label] * n}), tmp_path / "table")


def test_one_image(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((1, 4, 4, 3), np.uint8), y=[0])
    survives(tmp_path / "a.npz", tmp_path / "out")


def test_no_rows_are_an_error_of_ours(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"")
    (tmp_path / "b.csv").write_bytes(b"text,label\n")
    (tmp_path / "c.npz").write_bytes(b"PK\x03\x04 and nothing else")
    (tmp_path / "d").mkdir()
    for name in ("a.jsonl", "b.csv", "c.npz", "d"):
        with pytest.raises(ForetasteError):
            scan(tmp_path / name, tmp_path / "out")


@pytest.mark.parametrize("nothing", [[""] * 60, [None] * 60, [float("nan")] * 60])
def test_rows_without_content_are_an_error_of_ours(tmp_path, nothing):
    with pytest.raises(UnreadableInput, match="none of 60 rows"):
        scan(pa.table({"text": nothing, "label": labels(60)}), tmp_path / "out")


@pytest.mark.parametrize("n", [300, 1000])
@pytest.mark.parametrize("share", [0.5, 0.1])
def test_labels_that_have_nothing_to_do_with_the_rows(tmp_path, n, share):
    rng = np.random.default_rng(0)
    table = {f"v{i}": rng.standard_normal(n) for i in range(6)}
    label = np.where(rng.random(n) < share, "yes", "no")
    result = survives(pa.table({**table, "label": label}), tmp_path / "out", power="off")
    assert result.record.counts.flagged <= 2


def test_many_more_columns_than_rows(tmp_path):
    rng = np.random.default_rng(0)
    table = {f"v{i}": rng.standard_normal(50) for i in range(1000)}
    survives(pa.table({**table, "label": labels(50)}), tmp_path / "out", power="off")


def test_columns_with_hostile_names(tmp_path):
    names = [
        MARKUP,
        "<b evil>",
        "a\nb",
        "",
        "index",
        "location",
        "embedding",
        "prediction",
        "x" * 10_000,
    ]
    table = {name: np.random.default_rng(i).standard_normal(60) for i, name in enumerate(names)}
    survives(pa.table({**table, "label": labels(60)}), tmp_path / "out")


TEXTS = {
    "markup": [f"{MARKUP} {one}" for one in sentences(60)],
    "blanks": [" \n\t\u200b\ufeff\xa0"[: i % 7] for i in range(60)],
    "one text": ["the same again"] * 60,
    "controls": [f"\0\x1b[2J\u202e{one}\ud7ff\uffff\U0010ffff" for one in sentences(60)],
    "one letter": list("aab" * 20),
    "no words": ["!!! ??? ...", "🙂🙃" * 50, "\u0301" * 500] * 20,
    "one endless word": ["x" * 100_000 + str(i) for i in range(6)] * 2,
    "pattern bait": ["(a+)+$ [[[ \\ ((( *** %s %n {0} ${x}"] * 30 + sentences(30),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_texts_of_every_odd_kind(tmp_path, text):
    table = pa.table({"text": pa.array(text, pa.string()), "label": labels(len(text))})
    survives(table, tmp_path / "out")


def test_texts_of_a_megabyte(tmp_path):
    rng = np.random.default_rng(0)
    long = [" ".join(rng.choice(WORDS, 170_000)) for _ in range(3)]
    rows = pa.table({"text": [*sentences(30), *long], "label": labels(33)})
    survives(rows, tmp_path / "out", power="off")


def test_surrogates_and_nul_in_lines(tmp_path):
    rows = [{"text": t, "label": k} for t, k in zip(sentences(40), labels(40), strict=True)]
    odd = [
        b'{"text": "\\ud800 alone \\udc00", "label": "ham"}',
        b'{"text": "a\\u0000b", "label": "\\ud800"}',
        b'{"\\ud800": "x", "text": "key", "label": "ham"}',
        b'{"text": "\xed\xa0\x80", "label": "ham"}',
    ]
    survives(write_lines(tmp_path / "rows.jsonl", [*rows, *odd]), tmp_path / "out")


def test_chats_with_markup_and_without_content(tmp_path):
    def chat(asked, told):
        turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": told}]
        return {"messages": turns}

    rows = [chat(one, f"answer to {one}") for one in sentences(40)]
    odd = [
        chat(MARKUP, MARKUP),
        chat("", ""),
        chat(None, None),
        {"messages": []},
        {"messages": None},
        {"messages": [{"role": "\0", "content": [1]}]},
        chat("a\nb", "\u202e"),
    ]
    survives(write_lines(tmp_path / "rows.jsonl", [*rows, *odd]), tmp_path / "out")


@pytest.mark.parametrize("kind", ["text", "numbers", "images"])
def test_nothing_but_copies(tmp_path, kind):
    if kind == "text":
        rows = pa.table({"text": ["good morning to you all"] * 100, "label": ["ham"] * 100})
    elif kind == "numbers":
        rows = pa.table({"a": [1.0] * 100, "b": [2.0] * 100, "label": labels(100)})
    else:
        rows = tmp_path / "a.npz"
        np.savez(rows, x=np.full((60, 8, 8), 9, np.uint8), y=np.arange(60) % 2)
    survives(rows, tmp_path / "out")


def test_a_parquet_of_deep_and_odd_types(tmp_path):
    table = pa.table(
        {
            "text": sentences(50),
            "label": labels(50),
            "nested": [[{"a": [i, None]}] for i in range(50)],
            "bytes": [bytes([i, 0, 255]) for i in range(50)],
            "when": pa.array(range(50), pa.timestamp("ns")),
            "big": pa.array([2**64 - 1] * 50, pa.uint64()),
            "bool": [True, None] * 25,
            "nothing": pa.nulls(50),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    survives(tmp_path / "a.parquet", tmp_path / "out")
