"""From rows on disk to a model on disk."""

import numpy as np
import pytest

from foretaste.errors import BadInput
from foretaste.keeping import kept
from foretaste.training import Training, read_settings, train

WORDS = {"ham": "see you at noon for lunch", "spam": "win a free prize now"}


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    path = tmp_path_factory.mktemp("train") / "rows.csv"
    lines = [f"{label},{text} {i % 7}" for i in range(60) for label, text in WORDS.items()]
    path.write_text("label,text\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("train") / "rows.csv"
    rng = np.random.default_rng(0)
    lines = [
        f"{('no', 'yes')[i % 2]},{i % 2 + rng.normal(0, 0.2):.3f},{('Oslo', 'Lima')[i % 2]}"
        for i in range(60)
    ]
    path.write_text("label,amount,town\n" + "\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("recipe", ["linear_text", "text_network"])
def test_a_model_of_texts_is_trained_measured_and_kept(texts, tmp_path, recipe):
    done = train(texts, tmp_path / "m.safetensors", Training(recipe), test=texts)
    model = kept(done.path)
    assert done.quality == done.tested == 1.0
    assert model.classes == ("ham", "spam")
    assert model.facts["rows"] == 120
    assert model.facts["seed"] == 0


def test_a_model_of_a_table_is_kept_with_how_its_rows_become_vectors(table, tmp_path):
    from foretaste import readers
    from foretaste.planting.gathering import whole

    done = train(table, tmp_path / "m.safetensors", Training("linear_table"))
    rows = whole(readers.open(table))
    again = kept(done.path).victim.predict(rows)
    assert (again.argmax(axis=1) == rows["label"]).all()


def test_privacy_takes_the_private_twin_and_writes_what_it_spent(texts, tmp_path):
    settings = {"epochs": 1, "batch_size": 32, "buckets": 64}
    how = Training("text_network", settings, epsilon=8.0, delta=1e-3)
    done = train(texts, tmp_path / "m.safetensors", how)
    facts = kept(done.path).facts
    assert done.recipe == "private_text"
    assert 7.5 < facts["epsilon"] <= 8.0
    assert facts["delta"] == 1e-3
    assert "Poisson" in facts["sampling"]


def test_the_seed_of_the_noise_is_not_written_down_unless_it_was_given(texts, tmp_path):
    settings = {"epochs": 1, "batch_size": 32, "buckets": 64, "epsilon": 8.0, "delta": 1e-3}
    secret = train(texts, tmp_path / "a.safetensors", Training("private_text", settings))
    given = train(texts, tmp_path / "b.safetensors", Training("private_text", settings, seed=5))
    assert "seed" not in kept(secret.path).facts
    assert kept(given.path).facts["seed"] == 5


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (Training("small_cnn"), "needs pixels"),
        (Training("linear_text", epsilon=1.0), "cannot train privately"),
        (Training("linear_text", {"longst": 1}), "longst"),
        (Training("user_neighbours"), "cannot be kept"),
    ],
)
def test_what_does_not_go_together_is_said_before_any_work(texts, tmp_path, how, said):
    with pytest.raises(BadInput, match=said):
        train(texts, tmp_path / "m.safetensors", how)
    assert not (tmp_path / "m.safetensors").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [({"wdth": "3"}, "wdth"), ({"width": "x"}, "width"), ({"meddler": "x"}, "words")],
)
def test_a_setting_that_cannot_be_read_is_named(words, said):
    with pytest.raises(BadInput, match=said):
        read_settings("small_cnn", words)
