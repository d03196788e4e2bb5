"""All rows of a data set as one batch."""

import numpy as np
import pytest
from PIL import Image

from foretaste import readers
from foretaste.errors import BadInput, UnreadableInput
from foretaste.planting import gathering
from foretaste.planting.gathering import whole
from foretaste.scanning.reading import InMemory


def test_labels_are_codes_and_refused_rows_are_kept_count_of(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = ['{"text": "a b", "label": 10}', "broken", '{"text": "c", "label": 2}', '{"text": "d"}']
    path.write_text("\n".join(lines), encoding="utf-8")
    rows = whole(readers.open(path))
    assert rows.classes == ("2", "10")
    assert rows["label"].tolist() == [1, 0, -1]
    assert [one.index for one in rows.refused] == [1]
    assert rows["index"].tolist() == [0, 2, 3]


def test_images_are_pixels_and_the_files_stay_beside_them(tmp_path):
    for name, side in (("a/1.png", 4), ("b/2.png", 8)):
        (tmp_path / name).parent.mkdir()
        Image.new("L", (side, side), 9).save(tmp_path / name)
    rows = whole(readers.open(tmp_path))
    assert rows["pixels"].shape == (2, 8, 8, 1)
    assert "image" in rows
    assert whole(readers.open(tmp_path), largest_side=4)["pixels"].shape == (2, 4, 4, 1)


def test_more_pixels_than_fit_are_refused(tmp_path, monkeypatch):
    Image.new("L", (8, 8)).save(tmp_path / "1.png")
    monkeypatch.setattr(gathering, "LARGEST", 63)
    with pytest.raises(BadInput, match="1 images of 8 x 8 x 1"):
        whole(readers.open(tmp_path))


def test_no_rows_are_an_error():
    with pytest.raises(UnreadableInput, match="no row"):
        whole([])


def test_rows_in_memory_are_given_as_a_reader_gives_them(honest):
    given = list(InMemory(honest.having(label=np.where(honest["label"] == 1, -1, 0))))
    labels = {label for one in given for label in one["label"]}
    assert labels == {"ham", None}
    assert whole(given).ids.tolist() == honest.ids.tolist()


def test_images_of_one_size_keep_it_where_asked(tmp_path):
    for at in range(2):
        Image.new("RGB", (70, 90), (at, 2, 3)).save(tmp_path / f"{at}.png")
    assert whole(readers.open(tmp_path), None)["pixels"].shape == (2, 90, 70, 3)
    Image.new("RGB", (70, 128), (1, 2, 3)).save(tmp_path / "2.png")
    assert whole(readers.open(tmp_path), None)["pixels"].shape == (3, 64, 35, 3)


def test_rows_can_get_classes_and_size_of_others(tmp_path):
    for name, side in (("a/1.png", 4), ("b/2.png", 4), ("c/3.png", 9)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (side, side), 9).save(tmp_path / name)
    rows = whole(readers.open(tmp_path))
    others = whole(readers.open(tmp_path / "c"), like=rows)
    assert others["pixels"].shape == (1, 9, 9, 1)
    small = whole(readers.open(tmp_path), like=rows.take([0]).having(pixels=np.zeros((1, 4, 4, 1))))
    assert small["pixels"].shape == (3, 4, 4, 1)
    assert small.classes == rows.classes
