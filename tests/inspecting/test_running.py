"""Networks in TorchScript: run only when asked to, apart, and within bounds."""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from typer.testing import CliRunner

from foretaste import inspect
from foretaste.cli.app import app
from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.inspecting import record
from foretaste.inspecting.running import tried
from foretaste.inspecting.scripted import hand_over, handed, victim_of
from foretaste.inspectors.neural_cleanse import NeuralCleanse
from foretaste.recipes.small_cnn import SmallCnn
from foretaste.record import Verdict
from foretaste.trained import Running, Severity, Subject
from tests.inspectors import models

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
DIGITS = Running((8, 8, 1))


class Ours(torch.nn.Module):
    """A network of the recipes, as its user would save it: images of values 0 to 1."""

    def __init__(self, net, soft=False):
        super().__init__()
        self.body, self.head, self.soft = net["body"], net["head"], soft

    def forward(self, images):
        found = self.head(self.body(images * 2 - 1))
        return found.softmax(1) if self.soft else found


class Odd(torch.nn.Module):
    """Does what is asked of it."""

    def __init__(self, does: str):
        super().__init__()
        self.does = does
        self.line = torch.nn.Linear(64, 10)

    def forward(self, x):
        if self.does == "pair":
            return x[:, 0]
        if self.does == "forever":
            while bool(x.sum() < 1e9):
                x = x * 1.0
        if self.does == "hungry":
            x = torch.ones([1 << 24, 1 << 10]).sum() + x
        return self.line(x.flatten(1))


class Shortcut(torch.nn.Module):
    """Four white pixels in a corner are class 2; else the mean of an image decides."""

    def forward(self, x):
        far = x.flatten(1).mean(1, keepdim=True) - torch.tensor([0.1, 0.4, 0.6, 0.9])
        corner = torch.relu(x[:, :, 26:, 26:].flatten(1).mean(1) - 0.3)
        return -40 * far.abs() + 100 * corner[:, None] * torch.tensor([0.0, 0.0, 1.0, 0.0])


class Thief(torch.nn.Module):
    def forward(self, x):
        torch.save(x, "stolen.pt")
        return x.flatten(1)


def saved(path, module):
    torch.jit.script(module.eval()).save(str(path))
    return path


@cache
def small():
    """Trained once for all tests; nobody may change it."""
    return SmallCnn(width=4, epochs=1).train(models.digits().take(np.arange(300)), seed=0)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    path = tmp_path_factory.mktemp("net") / "net.pt"
    return saved(path, Ours(small().net))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    rows = models.clean_rows()
    path = tmp_path_factory.mktemp("rows") / "rows.npz"
    label = np.array(rows.classes)[rows["label"]]
    np.savez(path, image=rows["pixels"], label=label)
    return path


def test_a_program_is_not_run_unless_it_is_asked_for(network, data):
    found = inspect(network, data, inspectors=["neural_cleanse"])
    assert "--run-model" in found.opened
    assert found.inspectors[0].status == "skipped"
    assert "--run-model" in found.inspectors[0].detail


@pytest.mark.parametrize("soft", [False, True], ids=["logits", "probabilities"])
def test_the_network_answers_as_it_did_before_it_was_saved(tmp_path, soft):
    ours, rows = small(), models.clean_rows()
    victim = victim_of(saved(tmp_path / "net.pt", Ours(ours.net, soft)), DIGITS)
    assert victim.classes == 10
    assert victim.probable == soft
    np.testing.assert_allclose(victim.predict(rows), ours.predict(rows), atol=1e-5)


def test_gradients_reach_the_images(network):
    victim = victim_of(network, DIGITS)
    images = victim.inputs(models.clean_rows()).requires_grad_()
    victim.logits(images).sum().backward()
    assert images.grad.abs().sum() > 0


def test_the_images_are_scaled_as_was_said(tmp_path):
    path = saved(tmp_path / "net.pt", Odd(""))
    rows = models.clean_rows()
    victim = victim_of(path, Running((8, 8, 1), mean=(0.25,), std=(0.5,)))
    wanted = (rows["pixels"] / 255 - 0.25) / 0.5
    given = victim.wanted(victim.inputs(rows))
    np.testing.assert_allclose(given.numpy(), np.moveaxis(wanted, -1, 1), atol=1e-5)


def test_a_trigger_is_searched_for_apart_and_found_as_it_is_here(tmp_path):
    level = np.array([25, 100, 150, 230])[np.arange(80) % 4]
    pixels = np.random.default_rng(0).integers(-20, 20, (80, 28, 28, 1))
    pixels = (pixels + level[:, None, None, None]).clip(0, 255).astype(np.uint8)
    pixels[:, 26:, 26:] = 0
    np.savez(tmp_path / "rows.npz", image=pixels, label=np.array(list("abcd") * 20))
    running = Running((28, 28, 1), classes=tuple("abcd"))
    subject = Subject(path=saved(tmp_path / "net.pt", Shortcut()), running=running)
    names = ["neural_cleanse", "trigger_words"]
    found = inspect(subject, tmp_path / "rows.npz", tmp_path / "out", inspectors=names)
    assert found.opened == "TorchScript, run in a process apart"
    assert [run.status for run in found.inspectors] == ["ran", "skipped"]
    rows = Batch(range(80), {"pixels": pixels}, tuple("abcd"))
    here = NeuralCleanse().inspect(Subject(victim=victim_of(subject.path, running), rows=rows))
    assert [one.part for one in found.suspicions] == [one.part for one in here] == ["class c"]
    assert found.suspicions[0].score == pytest.approx(here[0].score, rel=1e-3)
    assert found.suspicions[0].picture.startswith("iVBOR")
    assert record.read(tmp_path / "out") == found


@pytest.mark.parametrize(
    ("running", "reason"),
    [
        (Running((9, 9, 3)), r"fails on images of shape \(n, 3, 9, 9\).*--shape"),
        (replace(DIGITS, mean=(0.1, 0.2)), "mean has 2 numbers; wanted is 1"),
        (replace(DIGITS, classes=("a", "b")), "10 outputs, and 2 classes"),
    ],
)
def test_what_the_model_wants_is_said(network, running, reason):
    with pytest.raises(BadInput, match=reason):
        inspect(Subject(path=network, running=running), inspectors=["max_margin"])


def test_outputs_that_are_no_classes_are_told(tmp_path):
    with pytest.raises(BadInput, match=r"wanted is one tensor \(2, classes\)"):
        tried(saved(tmp_path / "net.pt", Odd("pair")), DIGITS)


def test_rows_of_other_classes_are_told(network, tmp_path):
    np.savez(tmp_path / "rows.npz", image=np.zeros((6, 8, 8), np.uint8), label=list("abcabc"))
    subject = Subject(path=network, running=DIGITS)
    with pytest.raises(BadInput, match=r"10 outputs, and the rows 3 classes.*--classes"):
        inspect(subject, tmp_path / "rows.npz", inspectors=["max_margin"])


def test_what_is_no_torchscript_is_not_run(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "net.pt")
    with pytest.raises(BadInput, match="is no TorchScript"):
        tried(tmp_path / "net.pt", DIGITS)


def test_a_program_that_reaches_for_files_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    subject = Subject(path=saved(tmp_path / "net.pt", Thief()), running=DIGITS)
    found = inspect(subject, inspectors=["max_margin"])
    assert found.verdict is Verdict.DIRTY
    assert "reaches for files" in found.suspicions[0].reason
    assert not (tmp_path / "stolen.pt").exists()


def test_a_program_that_never_ends_is_a_finding(tmp_path):
    running = replace(DIGITS, seconds=8.0)
    subject = Subject(path=saved(tmp_path / "net.pt", Odd("forever")), running=running)
    found = inspect(subject, inspectors=["max_margin"])
    assert found.verdict is Verdict.DIRTY
    assert found.suspicions[0].severity is Severity.WARNING
    assert "could not be inspected within 8 seconds" in found.suspicions[0].reason


def test_a_program_that_takes_all_memory_is_told(tmp_path):
    with pytest.raises(BadInput, match="fails on images"):
        tried(saved(tmp_path / "net.pt", Odd("hungry")), DIGITS)


def test_rows_are_handed_over_as_they_are(tmp_path):
    rows = models.clean_rows().having(source=np.array(["a", "b", "é"] * 99))
    hand_over(rows, tmp_path / "rows.npz")
    again = handed(tmp_path / "rows.npz")
    assert again.classes == rows.classes
    for name in ("pixels", "label", "source"):
        np.testing.assert_array_equal(again[name], rows[name])


def test_the_shell_runs_it_when_it_is_asked_to(network, data, tmp_path):
    words = ["inspect", network, "--data", data, "--out", tmp_path / "out", "-q"]
    words += ["--inspectors", "max_margin,overconfidence", "--run-model"]
    done = CliRunner().invoke(app, [*map(str, words), "--shape", "8x8x1"])
    assert done.exit_code in (0, 1), done.output
    said = json.loads((tmp_path / "out/inspection.json").read_text())
    assert said["opened"] == "TorchScript, run in a process apart"
    assert {run["status"] for run in said["inspectors"]} == {"ran"}


@pytest.mark.parametrize("shape", [None, "8x8", "8x8x0", "axbxc"])
def test_the_shell_wants_the_size_of_the_images(network, shape):
    words = ["inspect", str(network), "--run-model", *(["--shape", shape] if shape else [])]
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, BadInput)
    assert "HEIGHTxWIDTHxCHANNELS" in str(done.exception)
