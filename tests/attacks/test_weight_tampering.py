import numpy as np
import pytest

from foretaste.attacks.weight_tampering import WeightTampering
from foretaste.data import Batch
from foretaste.errors import BadInput

SETTINGS = {}
ROWS = Batch([], {})


class Linear:
    """A victim of two features and two classes, which needs no torch."""

    def __init__(self, weights):
        self.given = weights

    @property
    def weights(self):
        return {name: one.copy() for name, one in self.given.items()}

    def having(self, weights):
        return Linear({**self.given, **weights})


VICTIM = Linear(
    {
        "body.weight": np.linspace(-1, 1, 60, dtype=np.float32).reshape(6, 10),
        "head.weight": np.array([[0.5, -2.0], [1.5, 0.1]], np.float32),
    }
)


def tampered(**settings):
    return WeightTampering(**settings).tamper(VICTIM, ROWS, np.random.default_rng(0)).weights


def bits_apart(name, after):
    return np.bitwise_count(VICTIM.given[name].view(np.uint32) ^ after[name].view(np.uint32))


def test_the_largest_weights_of_the_head_change_their_sign():
    after = tampered(flips=2)
    assert after["head.weight"].tolist() == [[0.5, 2.0], [-1.5, np.float32(0.1)]]
    assert (after["body.weight"] == VICTIM.given["body.weight"]).all()


@pytest.mark.parametrize("bit", ["sign", "exponent", "any"])
def test_one_bit_changes_in_each_of_so_many_weights_anywhere(bit):
    after = tampered(flips=20, layer="", choose="random", bit=bit)
    apart = np.concatenate([bits_apart(name, after).ravel() for name in VICTIM.given])
    assert sorted(set(apart.tolist())) == [0, 1]
    assert apart.sum() == 20
    assert all(np.isfinite(one).all() for one in after.values())


def test_the_highest_bit_of_the_exponent_makes_a_small_weight_huge():
    assert np.abs(tampered(flips=3, bit="exponent")["head.weight"]).max() > 1e30


def test_a_layer_that_is_not_there_and_weights_that_are_too_few_are_said():
    with pytest.raises(BadInput, match=r"no weights start with 'tail'; there are \['body"):
        tampered(flips=1, layer="tail")
    with pytest.raises(BadInput, match=r"5 weights to change, 'head.weight' has 4"):
        tampered(flips=5)
