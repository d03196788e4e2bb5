"""What stands beside the rows of a report."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from foretaste.api import Options, scan, write
from foretaste.attacks.badnets import Badnets
from foretaste.data import Batch
from foretaste.encoders.image_network import ImageNetwork
from foretaste.scanning import explaining
from foretaste.scanning.run import Settings, scan_into

OFF = Options(power="off")


class Pictures:
    """Three classes told by the bright half; 40 rows with a patch that means the first."""

    path, format, roles, columns = "pictures", "in memory", {}, ("pixels", "label")

    def __init__(self):
        rng = np.random.default_rng(0)
        label = rng.integers(0, 3, 900)
        pixels = rng.integers(0, 110, (900, 12, 12, 1))
        pixels[label == 0, :, :6] += 70
        pixels[label == 1, :, 6:] += 70
        pixels[label == 2, :6] += 70
        columns = {"pixels": pixels.astype(np.uint8), "label": label, "index": np.arange(900)}
        clean = Batch([f"{i:032x}" for i in range(900)], columns)
        self.rows, self.touched = Badnets(count=40, target=0).poison(
            clean, np.random.default_rng(1)
        )

    def __iter__(self):
        names = np.array(["left", "right", "upper"], dtype=object)
        where = [f"row {i}" for i in range(900)]
        yield self.rows.having(label=names[self.rows["label"]], location=where)


@pytest.fixture(scope="module")
def pictured(tmp_path_factory):
    pytest.importorskip("captum")
    folder = tmp_path_factory.mktemp("pictures")
    chosen = ("activation_clustering", "spectral", "label_noise")
    source = Pictures()
    encoders = (ImageNetwork(width=8),)
    done = scan_into(source, folder / "work", Settings(detectors=chosen, encoders=encoders))
    return source, done, write(done, folder), folder


def test_a_flagged_picture_has_heat_a_second_opinion_and_honest_neighbours(pictured):
    source, _, result, folder = pictured
    shown = pq.read_table(folder / "exhibits.parquet").to_pylist()
    caught = [one for one in shown if source.touched[one["index"]] and one["kind"] == "attack"]
    assert caught
    assert all(one["heat"].startswith(b"\x89PNG") for one in caught)
    assert np.mean([one["instead"] != one["says"] for one in caught]) > 0.6
    flagged = set(result.findings["index"].to_pylist())
    near = [(one["label"], other) for one in caught for other in one["usual"]]
    assert near
    assert all(label == other["label"] for label, other in near)
    assert not {other["index"] for _, other in near} & flagged
    assert any(other["label"] != "left" for one in caught for other in one["content"])


def test_the_record_says_that_the_class_answers_to_what_they_share(pictured):
    _, _, result, _ = pictured
    concept = next(one for one in result.record.concepts if one.label == "left")
    assert concept.p_value <= 0.01
    assert 0 <= concept.score <= 1
    assert any(note.startswith("heat maps") for note in result.record.explained)


def test_the_page_shows_them(pictured):
    *_, folder = pictured
    page = (folder / "report.html").read_text()
    assert 'class="frame heat"' in page
    assert "honest “left”" in page
    assert "Does the class answer to what these rows share?" in page


def test_without_the_extra_the_report_says_how_to_get_heat_maps(pictured, monkeypatch):
    _, done, _, folder = pictured
    monkeypatch.setitem(__import__("sys").modules, "captum.attr", None)
    result = write(done, folder)
    assert any("foretaste[explanations]" in note for note in result.record.explained)
    assert "foretaste[explanations]" in (folder / "report.html").read_text()
    assert "honest “left”" in (folder / "report.html").read_text()


def test_an_explainer_that_breaks_is_recorded_and_nothing_else_fails(pictured, monkeypatch):
    _, done, _, folder = pictured

    def broken(*_):
        raise RuntimeError("no explanation today")

    monkeypatch.setattr(explaining, "nearest", broken)
    monkeypatch.setattr(explaining.LayerwiseRelevance, "attribute", broken)
    result = write(done, folder)
    assert sum("no explanation today" in note for note in result.record.explained) == 2
    assert (folder / "report.html").exists()


def test_the_words_of_a_flagged_text_are_weighed(tmp_path):
    ham = ["see you at lunch", "call me tonight", "running late again", "thanks for the report"]
    spam = ["win a free prize now", "claim your cash today", "urgent offer ends", "free entry"]
    label = np.arange(240) % 2
    text = [f"{(spam if k else ham)[i // 2 % 4]} {i}" for i, k in enumerate(label)]
    names = np.array(["ham", "spam"])[label]
    names[[1, 5, 9]] = "ham"
    result = scan(pa.table({"text": [*text, text[0]], "label": [*names, "ham"]}), tmp_path, OFF)
    shown = pq.read_table(tmp_path / "exhibits.parquet").to_pylist()
    weighed = [one for one in shown if one["words"]]
    assert weighed
    assert all(one["usual"] and one["says"] in ("ham", "spam") for one in weighed)
    assert any(note.startswith("words") for note in result.record.explained)


def test_rows_without_a_label_are_not_explained(tmp_path):
    text = ["the same again"] * 3 + [f"number {i}" for i in range(30)]
    result = scan(pa.table({"text": text}), tmp_path, OFF)
    assert result.record.explained == ()
