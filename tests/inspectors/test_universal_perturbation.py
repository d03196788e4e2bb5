import numpy as np

from foretaste.inspectors.universal_perturbation import UniversalPerturbation
from foretaste.trained import Subject
from tests.inspectors import models

LENIENT = 0.5  # the null is of larger images: pictures of 8 x 8 pixels cannot differ as much


def inspected(attack):
    subject = Subject(victim=models.model(attack), rows=models.clean_rows())
    return UniversalPerturbation(alpha=LENIENT).inspect(subject)


def test_the_target_of_a_picture_that_is_mixed_in_is_suspected():
    assert models.success("blended") > 0.9
    (found,) = inspected("blended")
    assert found.part == "class digit 3"
    assert found.p_value <= LENIENT
    assert found.picture.shape == (8, 8, 1)
    assert found.picture.dtype == np.uint8


def test_a_clean_model_is_not_suspected():
    assert inspected(None) == ()


def test_a_warp_is_not_found():
    assert inspected("warp") == ()
