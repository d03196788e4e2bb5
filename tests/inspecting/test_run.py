"""One inspection: which inspectors run, what becomes of those that do not, what is written down."""

import json
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from foretaste import inspect, registry
from foretaste.data import Batch
from foretaste.errors import BadInput, BadRecord, MissingColumn
from foretaste.inspecting import record
from foretaste.inspecting.apart import Apart, Died, Limits
from foretaste.inspecting.opening import Opened, opened
from foretaste.inspecting.run import inspect_model
from foretaste.keeping import keep
from foretaste.recipes.small_cnn import SmallCnn
from foretaste.record import Verdict
from foretaste.report.inspected import render, write
from foretaste.trained import Severity, Subject, Suspicion
from tests.inspecting import zoo

RECIPE = SmallCnn(width=4, epochs=1)


@dataclass(frozen=True)
class Judge:
    """An inspector that does as it is told."""

    needs: ClassVar = ("victim", "rows")
    answer: ClassVar = ()

    def inspect(self, subject):
        if isinstance(self.answer, Exception):
            raise self.answer
        assert subject.victim.classes == 2
        assert subject.rows["pixels"].shape[1:] == (6, 6, 1)
        return self.answer


@pytest.fixture
def judged(monkeypatch):
    """Every name is the judge's."""

    def judging(answer):
        monkeypatch.setattr(Judge, "answer", answer)
        known = registry.component
        monkeypatch.setattr(
            registry,
            "component",
            lambda floor, name: Judge if floor == "inspectors" else known(floor, name),
        )

    return judging


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    label = np.arange(40) % 2
    pixels = np.full((40, 6, 6, 1), 40, np.uint8) + 150 * label[:, None, None, None]
    rows = Batch(range(40), {"pixels": pixels.astype(np.uint8), "label": label})
    keep(folder / "net", "small_cnn", RECIPE, RECIPE.train(rows, seed=0), ("no", "yes"))
    images = np.repeat(np.repeat(pixels.astype(np.uint8), 2, axis=1), 2, axis=2)[..., 0]
    np.savez(folder / "rows.npz", image=images, label=np.array(["no", "yes"])[label])
    return folder


def test_a_kept_model_is_opened_and_rows_are_made_to_fit_it(kept, judged):
    judged(())
    found = inspect(kept / "net", kept / "rows.npz", inspectors=["judge"])
    assert found.opened == "small_cnn"
    assert found.classes == ("no", "yes")
    assert found.rows == 40
    assert found.inspectors[0].status == "ran"
    assert found.verdict is Verdict.CLEAN


def test_suspicions_of_a_model_are_written_with_their_pictures(kept, judged, tmp_path):
    picture = np.zeros((6, 6, 1), np.uint8)
    one = Suspicion("class <yes>", Severity.CRITICAL, "small trigger", 4.0, 0.001, picture)
    judged((one,))
    found = inspect(kept / "net", kept / "rows.npz", tmp_path, inspectors=["judge"])
    assert found.verdict is Verdict.POISONED
    assert record.read(tmp_path) == found
    page = (tmp_path / "inspection.html").read_text()
    assert "data:image/png;base64,iVBOR" in page
    assert "class &lt;yes&gt;" in page


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MissingColumn("text", ["pixels"]), "skipped"),
        (BadInput("not for images"), "skipped"),
        (ZeroDivisionError("oh"), "failed"),
    ],
)
def test_what_does_not_apply_is_skipped_and_what_crashes_has_failed(kept, judged, error, status):
    judged(error)
    found = inspect(kept / "net", kept / "rows.npz", inspectors=["judge"])
    assert found.inspectors[0].status == status
    assert str(error) in found.inspectors[0].detail


def test_what_is_not_at_hand_is_said(kept, judged):
    judged(())
    found = inspect(kept / "net", inspectors=["judge"])
    assert found.inspectors[0].status == "skipped"
    assert "--data" in found.inspectors[0].detail


def test_a_file_that_only_claims_to_be_kept_is_not_opened(tmp_path):
    said = {"__metadata__": {"foretaste": '{"schema": "1", "recipe": "own_command"}'}}
    path = tmp_path / "net.safetensors"
    path.write_bytes(zoo.header(said))
    found = opened(path)
    assert found.victim is None
    assert "not a model written by foretaste" in found.said


def test_a_file_that_would_take_all_memory_is_not_opened(kept, tmp_path):
    raw = (kept / "net").read_bytes()
    size = int.from_bytes(raw[:8], "little")
    said = json.loads(raw[8 : 8 + size])
    mark = json.loads(said["__metadata__"]["foretaste"])
    mark["settings"]["width"] = 1 << 20
    said["__metadata__"]["foretaste"] = json.dumps(mark)
    (tmp_path / "net").write_bytes(zoo.header(said, raw[8 + size :]))
    assert opened(tmp_path / "net").victim is None


def test_links_and_pipes_are_told_and_not_followed(tmp_path):
    import os

    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "a.npy").symlink_to("/nowhere")
    (folder / "up").symlink_to("/etc")
    os.mkfifo(folder / "pipe")
    np.save(folder / "b.npy", np.ones(3))
    found = inspect_model(Subject(path=folder), Opened(None, ""), ["file_structure"])
    assert {one.file for one in found.suspicions} == {"a.npy", "up", "pipe"}
    assert found.files == 1


def test_nothing_beside_the_model_is_imported(tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text(f"open({str(tmp_path / zoo.MARKER)!r}, 'w')\n")
    np.save(tmp_path / "net.npy", np.ones(3))
    monkeypatch.chdir(tmp_path)
    inspect(tmp_path, inspectors=["file_structure"])
    assert not (tmp_path / zoo.MARKER).exists()


def test_a_process_that_dies_is_started_anew(tmp_path):
    np.save(tmp_path / "net.npy", np.ones(3))
    task = {
        "inspector": "tensor_values",
        "settings": {},
        "subject": {"path": str(tmp_path / "net.npy")},
    }
    with Apart(Limits(seconds=30)) as apart:
        assert apart.ask(task, 0) == {"found": [], "more": 0}
        apart._process.kill()
        with pytest.raises(Died, match="code -9"):
            apart.ask(task, 0)
        assert apart.ask(task, 0) == {"found": [], "more": 0}


def test_a_digest_that_is_none_is_bad_input(tmp_path):
    np.save(tmp_path / "net.npy", np.ones(3))
    with pytest.raises(BadInput, match="64 hexadecimal digits"):
        inspect(Subject(path=tmp_path / "net.npy", digest="abc"), inspectors=["digest"])


def test_a_damaged_record_is_told(tmp_path):
    (tmp_path / "inspection.json").write_text('{"schema": 99}')
    with pytest.raises(BadRecord, match="schema 99"):
        record.read(tmp_path)


def test_a_page_is_made_of_what_was_written(tmp_path):
    np.save(tmp_path / "net.npy", np.full((4, 4), np.nan))
    found = inspect(tmp_path / "net.npy", inspectors=["tensor_values"])
    write(found, tmp_path / "out")
    assert render(record.read(tmp_path / "out")) == (tmp_path / "out/inspection.html").read_text()
    assert "it holds NaN" in render(found)
