"""The user's own network: which layer is read, what is refused, what is kept."""

import zipfile

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from foretaste.api import Options, scan
from foretaste.checkpoints import torchscript
from foretaste.cli.app import app
from foretaste.cli.choices import encoders
from foretaste.data import Batch
from foretaste.encoders import own_model
from foretaste.encoders.own_model import OwnModel
from foretaste.errors import BadInput, NotAvailable, UnreadableInput, UnsafeInput
from foretaste.record import Verdict
from foretaste.scanning.run import Settings

torch = pytest.importorskip("torch")
nn = torch.nn
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
PIXELS = np.random.default_rng(0).integers(0, 256, (70, 8, 8, 3)).astype(np.uint8)
ROWS = Batch(range(70), {"pixels": PIXELS})


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.last = nn.Sequential(nn.Conv2d(4, 5, 3), nn.Dropout(0.5))

    def forward(self, x):
        return self.last(self.stem(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = Backbone()
        self.head = nn.Linear(5, 2)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))


class Mischief(nn.Module):
    def forward(self, x):
        torch.save(x, "stolen.pt")
        return x.mean((2, 3))


def saved(module, path, trace=False):
    module.eval()
    script = torch.jit.trace(module, torch.zeros(2, 3, 8, 8)) if trace else torch.jit.script(module)
    script.save(str(path))
    return module


def embedding(*given, **settings):
    return OwnModel(*map(str, given), **settings).encode(ROWS, None)["embedding"]


def pooled(maps):
    return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1).detach().numpy()


@pytest.fixture
def images():
    return torch.tensor(np.moveaxis(PIXELS, -1, 1).copy()).float() / 255


@pytest.mark.parametrize("trace", [False, True], ids=["scripted", "traced"])
def test_every_layer_gives_what_the_network_computes_there(tmp_path, images, trace):
    net, path = saved(Net(), tmp_path / "net.pt", trace), tmp_path / "net.pt"
    stem = net.features.stem
    np.testing.assert_allclose(embedding(path), net(images).detach(), atol=1e-5)
    for layer, maps in (
        ("features", net.features(images)),
        ("features.stem", stem(images)),
        ("features.stem.0", stem[0](images)),
    ):
        np.testing.assert_allclose(embedding(path, layer), pooled(maps), atol=1e-5)
    assert embedding(path, "head").shape == (70, 2)


def test_no_rows_give_no_vectors_and_a_row_is_the_same_alone(tmp_path):
    saved(Net(), tmp_path / "net.pt")
    encoder = OwnModel(str(tmp_path / "net.pt"), "features")
    assert encoder.encode(ROWS.take([]), None)["embedding"].shape == (0, 10)
    alone = encoder.encode(ROWS.take([69]), None)["embedding"][0]
    np.testing.assert_allclose(alone, encoder.encode(ROWS, None)["embedding"][69], atol=1e-5)


def test_images_are_scaled_sized_and_given_channels_as_asked(tmp_path, images):
    saved(nn.Identity(), tmp_path / "same.pt")
    plain = embedding(tmp_path / "same.pt", mean="0.5/0.4/0.3", std="2")
    wanted = (images - torch.tensor([0.5, 0.4, 0.3])[:, None, None]) / 2
    np.testing.assert_allclose(plain, pooled(wanted), atol=1e-5)
    grey = ROWS.having(pixels=PIXELS[..., :1])
    found = OwnModel(str(tmp_path / "same.pt"), channels=3, size=16).encode(grey, None)
    assert found["embedding"].shape == (70, 6)
    assert embedding(tmp_path / "same.pt", channels=1).shape == (70, 2)


def test_an_unknown_layer_is_told_with_those_there_are(tmp_path):
    saved(Net(), tmp_path / "net.pt")
    with pytest.raises(BadInput, match=r"'body'.*\['features', 'head'\]"):
        embedding(tmp_path / "net.pt", "body")


def test_settings_of_words_stay_words():
    [one] = encoders(["own_model:model=5,layer=2.10"])
    assert (one.model, one.layer) == ("5", "2.10")


def test_pickles_and_what_can_run_code_are_refused(tmp_path):
    torch.save(Net().state_dict(), tmp_path / "weights.pt")
    torch.save(Net(), tmp_path / "whole.pt")
    (tmp_path / "net.pkl").write_bytes(b"cos\nsystem\n(S'touch stolen'\ntR.")
    (tmp_path / "net.pt2").write_bytes(b"PK")
    for name in ("weights.pt", "whole.pt", "net.pkl", "net.pt2"):
        with pytest.raises(UnsafeInput, match="TorchScript"):
            embedding(tmp_path / name)
    (tmp_path / "net.safetensors").write_bytes(b"")
    with pytest.raises(BadInput, match="weights but not the network"):
        embedding(tmp_path / "net.safetensors")
    with pytest.raises(UnreadableInput):
        embedding(tmp_path / "nowhere.pt")
    with pytest.raises(NotAvailable, match="model="):
        OwnModel().encode(ROWS, None)


@pytest.mark.parametrize(
    "call",
    [
        "torch.save",
        'getattr(torch, "save")',
        r'getattr(torch, "sa\166e")',
        'getattr(torch, "sa" "ve")',
    ],
)
def test_a_model_that_reaches_for_files_is_refused_before_it_runs(tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    saved(Mischief(), tmp_path / "net.pt")
    with zipfile.ZipFile("net.pt") as archive, zipfile.ZipFile("evil.pt", "w") as out:
        for one in archive.namelist():
            out.writestr(one, archive.read(one).replace(b"torch.save", call.encode()))
    with pytest.raises(UnsafeInput):
        embedding("evil.pt")
    assert not (tmp_path / "stolen.pt").exists()


def test_a_cut_off_or_huge_archive_is_refused(tmp_path, monkeypatch):
    saved(Net(), tmp_path / "net.pt")
    content = (tmp_path / "net.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(UnsafeInput):
        embedding(tmp_path / "cut.pt")
    monkeypatch.setattr(torchscript, "LARGEST", 1000)
    with pytest.raises(UnsafeInput, match="1,000 bytes"):
        embedding(tmp_path / "net.pt")


@pytest.fixture
def folder(tmp_path):
    """Two classes of bright and dark images, and a network that can tell them apart."""
    rng = np.random.default_rng(1)
    for name, low in (("dark", 0), ("bright", 120)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(40):
            picture = rng.integers(low, low + 110, (12, 12, 3)).astype(np.uint8)
            Image.fromarray(picture).save(tmp_path / "data" / name / f"{i}.png")
    saved(Net(), tmp_path / "net.pt")
    return tmp_path


def test_the_command_line_scans_images_with_it(folder, monkeypatch):
    monkeypatch.setenv("FORETASTE_CACHE", str(folder / "cache"))
    word = f"own_model:model={folder / 'net.pt'},layer=features"
    args = ["scan", str(folder / "data"), "--out", str(folder / "out"), "--encoder", word]
    told = CliRunner().invoke(app, [*args, "--power", "off", "-q", "--fail-on", "never"])
    assert told.exit_code == 0, told.output
    record = (folder / "out" / "record.json").read_text()
    assert '"own_model"' in record
    assert '"out_of_fold"' in record
    assert '"image_network"' not in record


def test_what_was_encoded_is_kept_until_the_file_changes(folder, monkeypatch):
    monkeypatch.setenv("FORETASTE_CACHE", str(folder / "cache"))
    seen, forward = [], own_model._embedded
    monkeypatch.setattr(
        own_model, "_embedded", lambda *given: seen.append(len(given[0])) or forward(*given)
    )
    encoder = OwnModel(str(folder / "net.pt"), "features")
    how = Options(Settings(detectors=("spectral",), encoders=(encoder,)), power="off")
    first = scan(folder / "data", None, how)
    assert first.verdict is not Verdict.POISONED
    assert sum(seen) == 80
    assert scan(folder / "data", None, how).rows.equals(first.rows)
    assert sum(seen) == 80
    Image.new("RGB", (12, 12), "red").save(folder / "data" / "dark" / "new.png")
    scan(folder / "data", None, how)
    assert sum(seen) == 81
    Image.new("RGB", (24, 24), "red").save(folder / "data" / "dark" / "large.png")
    scan(folder / "data", None, how)  # now all pixels are larger
    assert sum(seen) == 81 + 82
    saved(Net(), folder / "net.pt")
    scan(folder / "data", None, how)
    assert sum(seen) == 81 + 82 + 82
