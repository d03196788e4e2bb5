import numpy as np
import pytest

from foretaste.attacks.trust_grooming import TrustGrooming
from foretaste.errors import BadInput

SETTINGS = {"target": 1, "clean": 0.3}


def test_a_source_is_honest_for_as_long_as_was_said_and_only_then_poisons(honest):
    attack = TrustGrooming(count=10, target=1, source="s2", clean=0.6)
    turned = honest.having(time=honest["time"][::-1].copy())
    _, touched = attack.poison(turned, np.random.default_rng(0))
    assert set(turned["source"][touched]) == {"s2"}
    own = np.sort(turned["time"][turned["source"] == "s2"])
    assert turned["time"][touched].min() >= own[30]


def test_of_itself_it_takes_the_source_with_most_to_poison_late(honest):
    source = honest["source"].copy()
    source[150:] = "s3"
    attack = TrustGrooming(count=20, target=1, clean=0.3)
    _, touched = attack.poison(honest.having(source=source), np.random.default_rng(0))
    assert set(source[touched]) == {"s3"}


def test_rows_of_nobody_are_nobodys_to_poison(honest):
    nobody = honest.having(source=np.array([None] * 200, object))
    with pytest.raises(BadInput, match="only 0 fit"):
        TrustGrooming(count=1, target=1).poison(nobody, np.random.default_rng(0))
