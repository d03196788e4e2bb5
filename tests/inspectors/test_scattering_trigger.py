from foretaste.inspectors.scattering_trigger import ScatteringTrigger
from foretaste.trained import Subject
from tests.inspectors import models

LENIENT = 0.4  # the null is of larger images: masks of 8 x 8 pixels cannot differ as much


def inspected(attack):
    subject = Subject(victim=models.model(attack), rows=models.clean_rows())
    return ScatteringTrigger(alpha=LENIENT).inspect(subject)


def test_a_patch_that_sends_each_class_to_another_is_found():
    assert models.success("all to all") > 0.8
    (found,) = inspected("all to all")
    assert found.part == "all classes"
    assert "digit 1 to digit 2" in found.reason


def test_a_clean_model_is_not_suspected():
    assert inspected(None) == ()


def test_a_patch_with_one_target_is_left_to_others():
    assert inspected("patch") == ()
