import numpy as np
import pytest

from foretaste.errors import BadInput
from foretaste.inspectors.max_margin import MaxMargin
from foretaste.trained import Subject
from tests.inspectors import models


def test_the_target_of_a_patch_has_the_largest_margin():
    margins = MaxMargin().margins(models.model("patch"), (1, 8, 8), np.random.default_rng(0))
    assert margins.argmax() == models.TARGET


def test_a_clean_model_is_not_suspected_and_no_rows_are_needed():
    assert MaxMargin().inspect(Subject(victim=models.model(None))) == ()


def test_a_warp_is_not_found():
    assert MaxMargin().inspect(Subject(victim=models.model("warp"))) == ()


def test_a_model_that_does_not_tell_the_size_of_its_images_needs_rows():
    class Closed:
        net = models.model(None).net
        classes = 10

    with pytest.raises(BadInput, match="give some rows"):
        MaxMargin().inspect(Subject(victim=Closed()))
