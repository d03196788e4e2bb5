import gzip
import io
import json
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
import zstandard
from PIL import Image

from foretaste import readers
from foretaste.clean import Manifest, clean
from foretaste.errors import BadInput, BadRecord
from foretaste.files.streams import sha256
from tests.scans import write_scan

N = 30
ROWS = [{"text": f"message number {i}, hello", "label": "ab"[i % 2], "n": i / 7} for i in range(N)]
CHATS = [
    {
        "messages": [
            {"role": "user", "content": f"ask {i}"},
            {"role": "assistant", "content": f"{i}!"},
        ]
    }
    for i in range(N)
]
ALPACA = [{"instruction": f"do {i}", "input": "", "output": f"done {i}"} for i in range(N)]


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def table(rows=ROWS):
    return pa.Table.from_pylist(rows)


def images(root):
    for i in range(N):
        path = root / "set" / "ab"[i % 2] / f"{i:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9), (i, i, 0)).save(path)
    (root / "set/a/bad.png").write_bytes(b"no image")
    (root / "set/a/out.png").symlink_to("/etc/hostname")
    (root / "set/metadata.jsonl").write_bytes(lines([{"file_name": "a/00.png", "text": "zero"}]))


def jsonl_folder(root):
    (root / "set/deep").mkdir(parents=True)
    (root / "set/a.jsonl").write_bytes(lines(ROWS[:9]) + b"{broken\n\n" + lines(ROWS[9:15]))
    (root / "set/deep/b.jsonl.gz").write_bytes(gzip.compress(lines(ROWS[15:])))


def saved(root):
    datasets = pytest.importorskip("datasets")
    datasets.Dataset.from_list(ROWS).save_to_disk(root / "set")


def idx(root):
    (root / "set").mkdir()
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (N, 9, 9), dtype=np.uint8)
    head = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in pixels.shape)
    path = root / "set/train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(head + pixels.tobytes()))
    head = bytes([0, 0, 8, 1]) + N.to_bytes(4, "big")
    labels = (np.arange(N) % 2).astype(np.uint8)
    (root / "set/train-labels-idx1-ubyte").write_bytes(head + labels.tobytes())


def npz(root):
    values = np.random.default_rng(0).standard_normal((N, 4))
    values[3, 2] = np.nan
    np.savez_compressed(root / "set.npz", x=values, y=np.arange(N) % 2, names=np.array(["a", "b"]))


def csv(rows, sep=","):
    body = [f'"{row["text"]}"{sep}{row["label"]}{sep}{row["n"]}' for row in rows]
    return ("\r\n".join([sep.join(("text", "label", "n")), *body]) + "\r\n").encode()


FORMATS = {
    "set.jsonl": lines(ROWS),
    "set.jsonl.zst": zstandard.ZstdCompressor().compress(lines(ROWS)),
    "chats.jsonl": lines(CHATS) + b'{"messages": 3}\n',
    "alpaca.json": json.dumps(ALPACA, indent=2).encode(),
    "set.csv": csv(ROWS),
    "set.tsv.gz": gzip.compress(csv(ROWS, "\t")),
    "set.parquet": lambda root: pq.write_table(table(), root / "set.parquet"),
    "set.arrow": lambda root: pa.feather.write_feather(table(), root / "set.arrow"),
    "set.npz": npz,
    "set": images,
    "set/": jsonl_folder,
    "set/*.jsonl": jsonl_folder,
    "./set": idx,
    "./set/": saved,
}


@pytest.fixture(params=[*FORMATS])
def path(request, tmp_path):
    """A data set of some format, by its path."""
    made = FORMATS[request.param]
    if callable(made):
        made(tmp_path)
    else:
        (tmp_path / request.param).write_bytes(made)
    return f"{tmp_path}/{request.param}"


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "set.jsonl"
    path.write_bytes(lines(ROWS[:9]) + b"{broken\n" + lines(ROWS[9:12]))
    return readers.open(path)


def walked(source):
    ids = [one for batch in source for one in batch.ids.tolist()]
    indices = [one for batch in source for one in batch["index"].tolist()]
    refused = [one for batch in source for one in batch.refused]
    return dict(zip(indices, ids, strict=True)), refused


def test_both_parts_add_up_to_the_input_in_every_format(path, tmp_path):
    source = readers.open(path)
    ids, refused = walked(source)
    rng = np.random.default_rng(3)
    attacked = {index for index in ids if rng.random() < 0.3} | {max(ids)}
    scan = write_scan(source, tmp_path / "scan", attacked)
    done = []
    out = tmp_path / "out"
    manifest = clean(source, scan, out, progress=done.append)
    assert (manifest.kept.rows, manifest.kept.refused) == (len(ids) - len(attacked), 0)
    assert (manifest.quarantined.rows, manifest.quarantined.refused) == (
        len(attacked),
        len(refused),
    )
    assert manifest.found == len(ids) + len(refused)
    assert sum(done) >= 2 * len(ids)
    reasons = [json.loads(line) for line in (out / "reasons.jsonl").read_text().splitlines()]
    assert [row["index"] for row in reasons] == sorted(attacked | {one.index for one in refused})
    assert all(row["findings"] for row in reasons)
    assert Manifest.load(out) == manifest
    for note in (*manifest.kept.files, *manifest.quarantined.files):
        if note.link is None:
            with (out / note.path).open("rb") as stream:
                assert sha256(stream) == note.sha256
    assert sorted(child.name for child in tmp_path.iterdir() if "partial" in child.name) == []


@pytest.mark.parametrize("share", [0, 1])
def test_all_may_be_kept_or_all_quarantined(path, tmp_path, share):
    source = readers.open(path)
    ids, _ = walked(source)
    scan = write_scan(source, tmp_path / "scan", set(ids) if share else ())
    manifest = clean(source, scan, tmp_path / "out")
    assert manifest.kept.rows == (0 if share else len(ids))


@pytest.mark.parametrize("accused", [set(), {1, 5}, set(range(N))])
def test_a_table_in_memory_becomes_two_files(tmp_path, accused):
    source = readers.open(table())
    clean(source, write_scan(source, tmp_path / "scan", accused), tmp_path / "out")
    parts = [pq.read_table(tmp_path / "out" / part) for part in ("kept", "quarantined")]
    assert [len(part) for part in parts] == [N - len(accused), len(accused)]


def test_text_lines_are_the_very_bytes(small, tmp_path):
    scan = write_scan(small, tmp_path / "scan", {1, 5}, {7})
    clean(small, scan, tmp_path / "attacks")
    clean(small, scan, tmp_path / "all", what="all")
    whole = (tmp_path / "set.jsonl").read_bytes().splitlines(keepends=True)
    for name, away in (("attacks", {1, 5, 9}), ("all", {1, 5, 7, 9})):
        kept, gone = (tmp_path / name / part / "set.jsonl" for part in ("kept", "quarantined"))
        assert kept.read_bytes() == b"".join(w for i, w in enumerate(whole) if i not in away)
        assert gone.read_bytes() == b"".join(whole[i] for i in sorted(away))


def test_the_same_input_gives_the_same_manifest(path, tmp_path):
    source = readers.open(path)
    scan = write_scan(source, tmp_path / "scan", {1, 2})
    one, two = (clean(readers.open(path), scan, tmp_path / name) for name in ("one", "two"))
    assert one == two


def test_rows_a_detector_failed_on_are_held(small, tmp_path):
    scan = write_scan(small, tmp_path / "scan", {0, 1}, failed={1, 2})
    manifest = clean(small, scan, tmp_path / "out")
    assert (manifest.held, manifest.quarantined.rows) == (1, 3)
    reasons = [json.loads(s) for s in (tmp_path / "out/reasons.jsonl").read_text().splitlines()]
    assert [(r["index"], "held" in r, "refused" in r) for r in reasons] == [
        (0, False, False), (1, False, False), (2, True, False), (9, False, True),
    ]  # fmt: skip


@pytest.mark.parametrize("change", ["row", "order", "more", "less", "refused"])
def test_a_changed_data_set_is_an_error_that_says_where(small, tmp_path, change):
    scan = write_scan(small, tmp_path / "scan", {1})
    path = tmp_path / "set.jsonl"
    rows = path.read_bytes().splitlines(keepends=True)
    rows = {
        "row": [*rows[:4], lines([{**ROWS[4], "text": "another"}]), *rows[5:]],
        "order": [*rows[:4], rows[5], rows[4], *rows[6:]],
        "more": [*rows, rows[0]],
        "less": rows[:-1],
        "refused": [*rows[:9], b"{}}\n", *rows[10:]],
    }[change]
    path.write_bytes(b"".join(rows))
    with pytest.raises(
        BadInput, match=r"set\.jsonl:5" if change in ("row", "order") else "changed"
    ):
        clean(readers.open(path), scan, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten_and_nothing_written_into_the_data(small, tmp_path):
    scan = write_scan(small, tmp_path / "scan", {1})
    (tmp_path / "out").mkdir()
    with pytest.raises(BadInput, match="exists"):
        clean(small, scan, tmp_path / "out")
    images(tmp_path)
    source = readers.open(tmp_path / "set")
    scan = write_scan(source, tmp_path / "scan2", {1})
    with pytest.raises(BadInput, match="inside"):
        clean(source, scan, tmp_path / "set/out")


def test_a_damaged_scan_is_a_clear_error(small, tmp_path):
    for name in ("record.json", "rows.parquet", "findings.parquet"):
        scan = write_scan(small, tmp_path / name / "scan", {1})
        (scan / name).write_bytes(b"PAR1 {")
        with pytest.raises(BadRecord):
            clean(small, scan, tmp_path / name / "out")
        assert not (tmp_path / name / "out").exists()
    with pytest.raises(BadRecord, match="no finished scan"):
        clean(small, tmp_path / "none", tmp_path / "out")


def test_a_writer_that_loses_a_row_is_caught(small, tmp_path, monkeypatch):
    scan = write_scan(small, tmp_path / "scan", {1})
    write = type(small).write
    monkeypatch.setattr(
        type(small),
        "write",
        lambda self, out, mask: write(self, out, mask & (np.arange(len(mask)) != 4)),
    )
    with pytest.raises(BadInput, match="does not read back"):
        clean(small, scan, tmp_path / "out")
    assert sorted(child.name for child in tmp_path.iterdir()) == ["scan", "set.jsonl"]


@pytest.mark.parametrize("step", ["_write_reasons", "_verified", "notes_of"])
def test_killed_in_the_middle_it_leaves_no_out(small, tmp_path, step):
    scan = write_scan(small, tmp_path / "scan", {1})
    script = f"""
        import os, signal
        from foretaste import readers
        from foretaste.clean import clean, split
        split.{step} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        folder = {str(tmp_path)!r}
        clean(readers.open(folder + "/set.jsonl"), {str(scan)!r}, folder + "/out")
    """
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], env=env, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    assert clean(small, scan, tmp_path / "out").kept.rows == 11


def test_interrupted_it_takes_its_leavings_away(small, tmp_path):
    scan = write_scan(small, tmp_path / "scan", {1})

    def stop(rows):
        if any(tmp_path.glob(".out.*/kept/*")):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        clean(small, scan, tmp_path / "out", progress=stop)
    assert sorted(child.name for child in tmp_path.iterdir()) == ["scan", "set.jsonl"]


@pytest.mark.parametrize("name", ["set/a.csv", "set/*.csv", "set/a.parquet"])
def test_images_that_a_table_names_go_with_their_rows(tmp_path, name):
    images(tmp_path)
    rows = [{"image": f"{'ab'[i % 2]}/{i:02}.png", "label": "ab"[i % 2]} for i in range(N)]
    rows += [{"image": "none.png", "label": "a"}, {"image": "../x.png", "label": "a"}]
    pl.DataFrame(rows).write_csv(tmp_path / "set/a.csv")
    pl.DataFrame(rows).write_parquet(tmp_path / "set/a.parquet")
    source = readers.open(f"{tmp_path}/{name}")
    manifest = clean(source, write_scan(source, tmp_path / "scan", {0, 3}), tmp_path / "out")
    assert (manifest.quarantined.rows, manifest.quarantined.refused) == (2, 2)
    written = [[note.path for note in p.files] for p in (manifest.kept, manifest.quarantined)]
    assert [len(paths) for paths in written] == [N - 2 + 1, 2 + 1]
    assert "quarantined/b/03.png" in written[1]


def test_one_list_for_all_pictures_is_cut_with_them(tmp_path):
    images(tmp_path)
    rows = [f"{'ab'[i % 2]}/{i:02}.png,{i % 3}\n" for i in range(N)]
    (tmp_path / "set/train.csv").write_text("image,label\n" + "".join(rows))
    source = readers.open(tmp_path / "set")
    assert source.roles["label"] == "label"
    for share, name in (((), "none"), ({0, 3}, "some")):
        clean(source, write_scan(source, tmp_path / name, share), tmp_path / f"out-{name}")
    kept, gone = (tmp_path / "out-some" / part / "train.csv" for part in ("kept", "quarantined"))
    assert len(kept.read_text().splitlines()) == 1 + N - 2
    assert gone.read_text().splitlines()[0] == "image,label"


def test_a_picture_is_the_same_file_after(tmp_path):
    images(tmp_path)
    source = readers.open(tmp_path / "set")
    clean(source, write_scan(source, tmp_path / "scan", {0, 3}), tmp_path / "out")
    for path in (tmp_path / "set").rglob("*.png"):
        if not path.is_symlink():
            copies = list((tmp_path / "out").rglob(path.name))
            assert [copy.read_bytes() for copy in copies] == [path.read_bytes()]
    assert Image.open(io.BytesIO(copies[0].read_bytes()))
