"""Trained models as files."""

import numpy as np
import pytest

from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.keeping import keep, kept
from foretaste.recipes.small_cnn import SmallCnn
from foretaste.recipes.text_network import TextNetwork


def images():
    label = np.arange(40) % 2
    pixels = np.full((40, 6, 6, 1), 40, np.uint8) + 150 * label[:, None, None, None]
    return Batch(range(40), {"pixels": pixels.astype(np.uint8), "label": label})


def texts():
    text = ["a fine film", "fine and warm", "a dull film", "dull and cold"] * 10
    return Batch(range(40), {"text": text, "label": [1, 1, 0, 0] * 10})


@pytest.mark.parametrize(
    ("name", "recipe", "rows"),
    [
        ("small_cnn", SmallCnn(width=4, epochs=1), images()),
        ("text_network", TextNetwork(buckets=64), texts()),
    ],
)
def test_a_model_predicts_the_same_after_it_was_kept(tmp_path, name, recipe, rows):
    victim = recipe.train(rows, seed=0)
    keep(tmp_path / "model.safetensors", name, recipe, victim, ("no", "yes"), {"epsilon": 8.0})
    again = kept(tmp_path / "model.safetensors")
    assert again.recipe == recipe
    assert again.classes == ("no", "yes")
    assert again.facts == {"epsilon": 8.0}
    np.testing.assert_array_equal(again.victim.predict(rows), victim.predict(rows))


def test_any_other_file_is_refused_with_a_reason(tmp_path):
    path = tmp_path / "other.safetensors"
    path.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00not json at all!")
    with pytest.raises(BadInput, match="not a model written by foretaste"):
        kept(path)


def test_a_recipe_that_cannot_be_kept_says_which_can(tmp_path):
    with pytest.raises(BadInput, match="small_cnn"):
        keep(tmp_path / "x", "own", object(), None, ())
