import numpy as np
import pytest

from foretaste.errors import BadInput
from foretaste.inspectors.neural_cleanse import NeuralCleanse
from foretaste.inversion import Search, inverted
from foretaste.standing_out import halvings
from foretaste.trained import Subject
from tests.inspectors import models

LENIENT = 0.5  # the null is of larger images: masks of 8 x 8 pixels cannot differ as much


def inspected(attack, alpha=NeuralCleanse.alpha):
    subject = Subject(victim=models.model(attack), rows=models.clean_rows(), seed=1)
    return NeuralCleanse(alpha=alpha).inspect(subject)


def test_the_target_of_a_patch_stands_out_and_its_trigger_is_shown():
    foremost = max(inspected("patch", LENIENT), key=lambda one: one.score)
    assert foremost.part == "class digit 3"
    assert foremost.picture.shape == (8, 8, 1)
    assert foremost.picture.dtype == np.uint8


def test_a_clean_model_is_not_suspected():
    assert inspected(None) == ()


def test_a_warp_is_not_found():
    assert models.success("warp") > 0.7
    assert inspected("warp") == ()


def test_the_recovered_trigger_turns_images_nobody_searched_with():
    rows = models.clean_rows()
    pixels = rows["pixels"][:150]
    victim = models.model("patch")
    found = inverted(victim, pixels, np.random.default_rng(0))
    others = rows.take(np.arange(150, len(rows)))
    others = others.take(others["label"] != models.TARGET)
    stamped = others.having(pixels=found.stamped(others["pixels"], models.TARGET))
    turned = victim.predict(stamped).argmax(axis=1) == models.TARGET
    assert turned.mean() > 0.8


def test_one_class_alone_is_searched_for_as_well_as_among_others():
    victim, pixels = models.model("patch"), models.clean_rows()["pixels"]
    one = inverted(victim, pixels, np.random.default_rng(0), codes=np.array([models.TARGET]))
    assert one.masks.shape == (1, 8, 8)
    assert one.norms[0] < 8


def test_the_model_can_learn_on_after_a_search():
    victim = models.model(None)
    inverted(victim, models.clean_rows()["pixels"], np.random.default_rng(0), Search(steps=2))
    assert all(one.requires_grad for one in victim.net.parameters())


def test_rows_without_images_are_refused():
    rows = models.clean_rows().without("pixels")
    with pytest.raises(BadInput, match="no row has any"):
        NeuralCleanse().inspect(Subject(victim=models.model(None), rows=rows))


def test_a_class_that_was_not_reached_does_not_stand_out():
    assert halvings(np.array([10.0, 12.0, np.inf, 11.0])).argmin() == 2
    assert np.isnan(halvings(np.array([np.inf, np.inf]))).all()
