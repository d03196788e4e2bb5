import numpy as np
import pytest

from foretaste.attacks.near_boundary_flip import NearBoundaryFlip
from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.recipes.linear_table import LinearTable

SETTINGS = {}
LINE = Batch(range(100), {"features": np.arange(100.0)[:, None], "label": np.arange(100) // 50})


@pytest.mark.parametrize("surrogate", [None, LinearTable()])
def test_near_flips_are_in_the_middle_and_far_flips_at_the_ends(surrogate):
    middle, ends = (
        NearBoundaryFlip(count=20, first=first, surrogate=surrogate)
        .poison(LINE, np.random.default_rng(0))
        .touched
        for first in ("near", "far")
    )
    assert 38 <= np.flatnonzero(middle).min() < np.flatnonzero(middle).max() <= 61
    assert not ends[20:80].any()


def test_class_conditional_flips_touch_only_these(honest):
    attack = NearBoundaryFlip(count=10, source=2, target=0, column="pixels")
    poisoned, touched = attack.poison(honest, np.random.default_rng(0))
    assert (honest["label"][touched] == 2).all()
    assert (poisoned["label"][touched] == 0).all()


def test_rows_that_no_model_can_read_are_refused():
    rows = Batch(["a", "b"], {"label": [0, 1]})
    with pytest.raises(BadInput, match="features or text"):
        NearBoundaryFlip(count=1).poison(rows, np.random.default_rng(0))
    with pytest.raises(BadInput, match="needs features"):
        NearBoundaryFlip(1, surrogate=LinearTable()).poison(rows, np.random.default_rng(0))
