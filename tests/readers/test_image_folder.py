import contextlib
import io
import os
import random
import struct
import zipfile
import zlib

import fsspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from foretaste.errors import ForetasteError, UnreadableInput, WrongRole
from foretaste.readers.image_folder import ImageFolder


def picture(shade=0, kind="PNG", size=(8, 6)):
    buffer = io.BytesIO()
    Image.new("RGB", size, (shade % 256, 40, 90)).save(buffer, kind)
    return buffer.getvalue()


def bomb():
    """A PNG whose header promises 100,000 x 100,000 pixels."""

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def lay(root, files):
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return root


def opened(root, roles=None, **settings):
    return ImageFolder(**settings).open(str(root), roles or {})


def walked(source):
    """(rows as dicts, refusals, rows found), the count law checked."""
    rows, refused = [], []
    for batch in source:
        columns = {name: batch.arrow(name).to_pylist() for name in batch.names}
        rows += [
            {"id": batch.ids[i], **{name: values[i] for name, values in columns.items()}}
            for i in range(len(batch))
        ]
        refused += batch.refused
    indices = sorted([row["index"] for row in rows] + [refusal.index for refusal in refused])
    assert indices == list(range(len(rows) + len(refused)))
    return rows, {refusal.location: refusal.reason for refusal in refused}, len(indices)


def snapshot(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def test_folders_are_classes_and_paths_are_the_order(tmp_path):
    kinds = {"png": "PNG", "jpg": "JPEG", "ppm": "PPM", "bmp": "BMP", "webp": "WEBP", "gif": "GIF"}
    files = {f"{c}/deep/{i}.{ext}": picture(i, kind) for c in ("dog", "cat")
             for i, (ext, kind) in enumerate(kinds.items())}  # fmt: skip
    source = opened(lay(tmp_path, files))
    rows, refused, _ = walked(source)
    assert not refused
    assert [row["location"] for row in rows] == sorted(files)
    assert [row["label"] for row in rows] == ["cat"] * 6 + ["dog"] * 6
    assert all(row["image"] == files[row["location"]] for row in rows)
    assert source.roles == {"image": "file", "label": "folder"}


def test_splits_are_not_classes(tmp_path):
    source = opened(lay(tmp_path, {"train/cat/1.png": picture(1), "Test/dog/1.png": picture(2)}))
    assert [row["label"] for row in walked(source)[0]] == ["dog", "cat"]


def test_a_class_may_be_called_train(tmp_path):
    source = opened(lay(tmp_path, {"train/1.png": picture(1), "car/1.png": picture(2)}))
    assert [row["label"] for row in walked(source)[0]] == ["car", "train"]


def test_a_flat_folder_has_no_labels(tmp_path):
    source = opened(lay(tmp_path, {"1.png": picture(1), "2.png": picture(2)}))
    assert "label" not in source.roles
    assert [row.get("label") for row in walked(source)[0]] == [None, None]


def test_a_metadata_file_gives_labels_and_text(tmp_path):
    text = 'file_name,label,caption\n1.png,cat,"two\nlines"\nsub/2.png,dog,\n'
    files = {"train/metadata.csv": text, "train/1.png": picture(1), "train/sub/2.png": picture(2),
             "train/3.png": picture(3)}  # fmt: skip
    rows, _, _ = walked(opened(lay(tmp_path, files)))
    said = {row["location"]: (row["label"], row["text"]) for row in rows}
    assert said == {
        "train/1.png": ("cat", "two\nlines"),
        "train/3.png": (None, None),
        "train/sub/2.png": ("dog", None),
    }


def test_a_list_of_another_name_counts_if_it_is_about_these_files(tmp_path):
    files = {"img/1.png": picture(1), "img/2.png": picture(2), "notes.csv": "image,n\nx,1\n",
             "train.csv": "image,label\nimg/1.png,cat\nimg/2.png,dog\n",
             "odd.csv": b"\xff"}  # fmt: skip
    source = opened(lay(tmp_path, files))
    assert [row["label"] for row in walked(source)[0]] == ["cat", "dog"]
    assert source.ignored == ("notes.csv", "odd.csv")


def test_json_lines_of_metadata_may_hold_anything(tmp_path):
    lines = '{"file_name": "1.png", "label": 3}\n\n{"file_name": "2.png", "label": "\\ud800"}\n'
    files = {"metadata.jsonl": lines, "1.png": picture(1), "2.png": picture(2)}
    assert [row["label"] for row in walked(opened(lay(tmp_path, files)))[0]] == ["3", "\\ud800"]


def test_lines_about_no_file_or_a_second_time_are_refused(tmp_path):
    text = "file_name,label\n1.png,a\n1.png,b\nnone.png,c\n../../etc/passwd,d\n"
    source = opened(lay(tmp_path, {"metadata.csv": text, "1.png": picture(1)}))
    rows, refused, found = walked(source)
    assert (len(rows), found) == (1, 4)
    assert "no such file" in refused["none.png"]
    assert "again" in refused["1.png"]
    assert "no such file" in refused["../../etc/passwd"]


@pytest.mark.parametrize(
    "text", ["file_name,label\n1.png\n", 'file_name\n"open', b"file_name\n\xff"]
)
def test_a_broken_label_file_is_a_clear_error(tmp_path, text):
    lay(tmp_path, {"labels.csv": text, "1.png": picture(1)})
    with pytest.raises(UnreadableInput, match=r"labels\.csv"):
        opened(tmp_path)


def test_hostile_files_are_refused_and_counted(tmp_path):
    outside = tmp_path / "secret.png"
    outside.write_bytes(picture(9))
    root = lay(tmp_path / "set", {
        "a/good.png": picture(1), "a/bomb.png": bomb(), "a/none.png": b"",
        "a/cut.jpg": picture(2, "JPEG", (64, 64))[:-200], "b/x.png": picture(4),
        "a/cut.png": picture(3, size=(64, 64))[:-60], "a/text.png": b"hello",
        "a/large.png": b"\0" * 5000, "b/notes.txt": "no image", "a/.hidden.png": b"",
    })  # fmt: skip
    (root / "a/out.png").symlink_to(outside)
    (root / "a/loop.png").symlink_to(root / "a/loop.png")
    (root / "a/in.png").symlink_to("../b/x.png")
    (root / "c").symlink_to(root)
    os.mkfifo(root / "a/pipe.png")
    (root / os.fsdecode(b"a/caf\xe9.png")).write_bytes(picture(5))
    source = opened(root, largest_file=4000)
    rows, refused, found = walked(source)
    assert [row["location"] for row in rows] == [
        "a/caf\\xe9.png",
        "a/good.png",
        "a/in.png",
        "b/x.png",
    ]
    assert found == 14
    for name, reason in {
        "a/bomb.png": "pixels", "a/cut.jpg": "broken", "a/cut.png": "broken", "a/none.png": "empty",
        "a/text.png": "identified", "a/large.png": "5000 bytes", "a/out.png": "out of the data set",
        "a/loop.png": "nowhere", "c": "folder", "a/pipe.png": "pipe",
    }.items():  # fmt: skip
        assert reason in refused[name], (name, refused[name])
    assert source.ignored == ("b/notes.txt",)


def test_any_damage_is_a_row_or_a_refusal(tmp_path):
    chance = random.Random(0)
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "PPM", "TIFF"):
        whole = picture(7, kind, (24, 24))
        for i in range(30):
            broken = bytearray(whole[: chance.randrange(len(whole))] if i % 2 else whole)
            for _ in range(i):
                if broken:
                    broken[chance.randrange(len(broken))] = chance.randrange(256)
            (tmp_path / f"{i}.{kind.lower()}").write_bytes(broken)
    assert walked(opened(tmp_path))[2] == 7 * 30


def test_kept_and_the_rest_add_up_and_read_the_same(tmp_path):
    root = lay(
        tmp_path / "set",
        {f"train/{c}/{i}.png": picture(10 * i + ord(c)) for c in "ab" for i in range(4)},
    )
    text = "\ufefffile_name,caption\r\na/0.png,x\r\nb/1.png,y"
    lay(root, {"test/a/9.png": b"", "train/metadata.csv": text, "README.md": "left as it is"})
    (root / "train/b/out.png").symlink_to("/etc/hostname")
    source = opened(root)
    rows, refused, found = walked(source)
    chosen = np.zeros(found, bool)
    chosen[[1, 2, 5]] = True
    source.write(tmp_path / "kept", chosen)
    source.write(tmp_path / "rest", ~chosen)
    kept, rest = walked(opened(tmp_path / "kept")), walked(opened(tmp_path / "rest"))
    assert [r["location"] for r in kept[0]] == [r["location"] for r in rows if chosen[r["index"]]]
    assert sorted(r["id"] for r in kept[0] + rest[0]) == sorted(r["id"] for r in rows)
    assert (kept[1], set(rest[1])) == ({}, set(refused))
    whole, parts = snapshot(root), [snapshot(tmp_path / "kept"), snapshot(tmp_path / "rest")]
    assert {n: d for part in parts for n, d in part.items() if n.endswith("g")} == {
        n: d for n, d in whole.items() if n.endswith("g")
    }


def test_memory_and_zip_urls_work(tmp_path):
    fs = fsspec.filesystem("memory")
    fs.pipe("/pictures/cat/1.png", picture(1))
    fs.pipe("/pictures/dog/2.png", b"")
    rows, refused, _ = walked(opened("memory://pictures"))
    assert ([row["label"] for row in rows], list(refused)) == (["cat"], ["dog/2.png"])
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("cat/1.png", picture(1))
    rows, _, _ = walked(opened(f"zip://::{tmp_path}/a.zip"))
    assert [row["label"] for row in rows] == ["cat"]


def test_batches_are_small_and_say_the_same(tmp_path):
    lay(tmp_path, {f"a/{i}.png": picture(i) for i in range(20)})
    small = opened(tmp_path, batch_rows=3, batch_bytes=150)
    assert max(map(len, small)) <= 3
    assert walked(small) == walked(opened(tmp_path))


def test_it_claims_folders_of_images_only(tmp_path):
    lay(tmp_path, {"a/1.png": picture(1), "a/2.png": b"", "t/rows.csv": "a\n1\n"})
    assert ImageFolder.claims(str(tmp_path)) > 0.5
    assert ImageFolder.claims(str(tmp_path / "t")) == 0
    assert ImageFolder.claims(str(tmp_path / "t/rows.csv")) == 0
    assert ImageFolder.claims("nowhere://x") == 0


def test_wrong_paths_and_roles_are_clear_errors(tmp_path):
    lay(tmp_path, {"a/1.png": picture(1)})
    with pytest.raises(WrongRole, match="folder"):
        opened(tmp_path, {"label": "breed"})
    with pytest.raises(ForetasteError, match="folder"):
        opened(tmp_path / "a/1.png")


TEXTS = st.text(st.sampled_from('abc,"\n\r\\{}:1.png\0é'), max_size=60)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(head=st.sampled_from(["", "file_name,label\n"]), text=TEXTS, raw=st.binary(max_size=9))
@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl", "a.csv"])
def test_any_label_file_is_read_or_a_clear_error(tmp_path, name, head, text, raw):
    lay(tmp_path, {"1.png": picture(1), name: (head + text).encode() + raw})
    with contextlib.suppress(ForetasteError):
        source = opened(tmp_path)
        assert walked(source)[2] == len(source.rows)
        assert walked(source) == walked(source)
