"""The rows behind an answer are named."""

import numpy as np
import pytest

from foretaste.errors import BadInput
from foretaste.tracing import Tracer, trace
from foretaste.training import Training, train

HAM = "see you at noon for lunch then home late tonight with mother".split()
SPAM = "win a free prize now call claim cash urgent offer today mobile".split()


def lines(seed, rows):
    """(label, text): half ham, half spam."""
    rng = np.random.default_rng(seed)
    for i in range(rows):
        words = (HAM, SPAM)[i % 2]
        yield ("ham", "spam")[i % 2], " ".join(rng.choice(words, 6))


def written(path, rows):
    path.write_text("label,text\n" + "".join(f"{label},{text}\n" for label, text in rows))
    return path


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory):
    """Twenty spams with a rare word are called ham; rows 300 to 319."""
    folder = tmp_path_factory.mktemp("trace")
    clean = list(lines(0, 300))
    poison = [("ham", f"{text} zebra") for label, text in lines(1, 40) if label == "spam"]
    data = written(folder / "rows.csv", clean + poison)
    asked = [(label, f"{text} zebra") for label, text in lines(2, 20) if label == "spam"]
    return data, written(folder / "asked.csv", asked), folder


@pytest.mark.parametrize(
    ("recipe", "settings", "method"),
    [
        ("text_network", {"epochs": 30, "buckets": 512}, "gas"),
        ("linear_text", {}, "tracin"),
    ],
)
def test_the_planted_rows_lead_the_list_for_triggered_texts(poisoned, recipe, settings, method):
    data, asked, folder = poisoned
    how = Training(recipe, settings)
    model = train(data, folder / f"{recipe}.safetensors", how).path
    traced = trace(model, data, str(asked), Tracer(method, top=20))
    fooled = [answer for answer in traced.answers if answer.said == "ham"]
    assert traced.method == method
    assert traced.rows == 320
    assert len(fooled) >= 8
    for answer in fooled:
        assert sum(cause.index >= 300 for cause in answer.causes) >= 15
    assert sum(cause.index >= 300 for cause in traced.together) >= 15
    assert all("zebra" in cause.text for cause in traced.together if cause.index >= 300)


@pytest.mark.parametrize(("recipe", "method"), [("text_network", "gas"), ("linear_text", "tracin")])
def test_what_suits_the_model_is_chosen(poisoned, recipe, method):
    data, _, folder = poisoned
    path = folder / f"{recipe}.safetensors"
    model = path if path.exists() else train(data, path, Training(recipe)).path
    assert trace(model, data, 1, Tracer(top=1)).method == method


def test_a_clean_row_is_explained_by_rows_of_its_own_class(poisoned):
    data, _, folder = poisoned
    model = train(data, folder / "clean.safetensors", Training("linear_text")).path
    [answer] = trace(model, data, 1, Tracer("influence")).answers
    assert (answer.said, answer.label) == ("spam", "spam")
    assert {cause.label for cause in answer.causes[:5]} == {"spam"}
    assert all(cause.score < 0 for cause in answer.against)


def test_a_row_of_the_data_is_not_its_own_cause(poisoned):
    data, _, folder = poisoned
    model = train(data, folder / "own.safetensors", Training("linear_text")).path
    [answer] = trace(model, data, 7, Tracer(top=400)).answers
    assert 7 not in {cause.index for cause in (*answer.causes, *answer.against)}


def test_influence_functions_are_refused_away_from_an_optimum(poisoned):
    data, _, folder = poisoned
    how = Training("text_network", {"epochs": 2})
    model = train(data, folder / "early.safetensors", how).path
    with pytest.raises(BadInput, match="optimum"):
        trace(model, data, 1, Tracer("influence"))


def test_a_row_that_is_not_there_is_an_error(poisoned):
    data, _, folder = poisoned
    model = train(data, folder / "none.safetensors", Training("linear_text")).path
    with pytest.raises(BadInput, match="no row to ask about"):
        trace(model, data, 999)


def test_pictures_are_traced_too(tmp_path):
    rng = np.random.default_rng(0)
    label = np.arange(80) % 2
    images = rng.integers(0, 90, (80, 8, 8)) + 100 * label[:, None, None]
    np.savez(tmp_path / "rows.npz", x=images.astype(np.uint8), y=label)
    how = Training("small_cnn", {"width": 4, "epochs": 2})
    model = train(tmp_path / "rows.npz", tmp_path / "m.safetensors", how).path
    [answer] = trace(model, tmp_path / "rows.npz", 3, Tracer(top=3)).answers
    assert len(answer.causes) == 3
    assert answer.said in ("0", "1")
