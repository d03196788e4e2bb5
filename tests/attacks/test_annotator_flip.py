import numpy as np
import pytest

from foretaste.attacks.annotator_flip import AnnotatorFlip
from foretaste.errors import BadInput

SETTINGS = {}


def test_all_flips_are_of_one_contributor(honest):
    poisoned, touched = AnnotatorFlip(count=30).poison(honest, np.random.default_rng(0))
    assert len(set(honest["source"][touched])) == 1
    assert (poisoned["label"][touched] != honest["label"][touched]).all()


def test_the_contributor_named_flips_to_the_target(honest):
    attack = AnnotatorFlip(count=20, annotator="s2", target=1)
    poisoned, touched = attack.poison(honest, np.random.default_rng(0))
    assert set(honest["source"][touched]) == {"s2"}
    assert set(poisoned["label"][touched]) == {1}


@pytest.mark.parametrize("annotator", [None, "s1", "nobody"])
def test_nobody_flips_more_rows_than_he_has(honest, annotator):
    with pytest.raises(BadInput, match="60 rows"):
        AnnotatorFlip(60, annotator=annotator).poison(honest, np.random.default_rng(0))
