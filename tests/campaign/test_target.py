"""What is attacked, as the processes of cells find it."""

import numpy as np
import pytest

from foretaste.campaign.spec import TargetSpec
from foretaste.campaign.target import Target, keep, kept

SPEC = TargetSpec.model_validate({"data": "x", "recipe": "small_cnn"})


@pytest.mark.parametrize("rows", [0, 1, 50])
def test_rows_come_back_as_they_were_kept_even_none(honest, tmp_path, rows):
    target = Target(honest, honest.take(np.arange(9)), honest.take(np.arange(rows)), None, "label")
    keep(target, tmp_path)
    again = kept(tmp_path, SPEC)
    for name in ("train", "test", "tuning"):
        before, after = getattr(target, name), getattr(again, name)
        assert after.ids.tolist() == before.ids.tolist()
        assert after.classes == before.classes
    assert again.train.arrow("pixels").equals(honest.arrow("pixels"))
    assert len(again.tuning) == rows
