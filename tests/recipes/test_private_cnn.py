"""Networks trained under differential privacy, and what is promised of them."""

import numpy as np
import pytest

from foretaste.attacks.badnets import Badnets
from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.keeping import keep, kept
from foretaste.private_descent import Promise, drawn
from foretaste.recipes.private_cnn import PrivateCnn
from foretaste.recipes.private_text import PrivateText


def pictures(n=600, seed=0):
    rng = np.random.default_rng(seed)
    label = np.arange(n) % 2
    pixels = rng.integers(0, 60, (n, 8, 8, 1)) + 120 * label[:, None, None, None]
    return Batch(range(n), {"pixels": pixels.astype(np.uint8), "label": label})


SMALL = PrivateCnn(width=4, epochs=4, batch_size=64, epsilon=8.0)


def test_what_is_spent_is_no_more_than_what_was_allowed_and_hardly_less():
    for epsilon in (1.0, 3.0, 8.0):
        promise = PrivateCnn(epsilon=epsilon).promise(6_000)
        assert 0.97 * epsilon < promise.epsilon <= epsilon
        assert promise.share == 512 / 6_000
        assert promise.steps * promise.share >= PrivateCnn.epochs


def test_less_epsilon_takes_more_noise():
    noise = [PrivateCnn(epsilon=one).promise(6_000).noise for one in (8.0, 3.0, 1.0)]
    assert noise == sorted(noise)


def test_the_two_accountants_agree():
    opacus = pytest.importorskip("opacus.accountants")
    promise = PrivateCnn(epsilon=3.0).promise(6_000)
    looser = opacus.RDPAccountant()
    looser.history = [(promise.noise, promise.share, promise.steps)]
    assert promise.epsilon < looser.get_epsilon(promise.delta) < 1.2 * promise.epsilon


@pytest.mark.parametrize("delta", [0.0, 0.01, 1.0])
def test_a_delta_that_promises_nothing_is_refused(delta):
    with pytest.raises(BadInput, match="promises nothing"):
        PrivateCnn(delta=delta).promise(1_000)


def test_every_row_is_drawn_by_its_own_coin():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    promise = Promise(1.0, 1e-5, 1.0, 1.0, share=0.1, steps=400)
    sizes, seen = [], np.zeros(50)
    for part in drawn(np.arange(50), promise):
        sizes.append(len(part))
        seen[part] += 1
    assert min(sizes) <= 1  # the size of a step is not fixed: that would not be Poisson sampling
    assert max(sizes) >= 9
    assert abs(seen.mean() / 400 - 0.1) < 0.01


def test_steps_without_any_row_do_no_harm():
    rows = pictures(20)
    victim = PrivateCnn(width=4, epochs=2, batch_size=1, epsilon=8.0, delta=1e-3).train(rows, 0)
    assert np.isfinite(victim.predict(rows)).all()


def test_a_batch_is_never_normalised_as_a_whole():
    torch = pytest.importorskip("torch")
    net = SMALL._blank((8, 8, 1), 2).net
    assert not any(isinstance(one, torch.nn.BatchNorm2d) for one in net.modules())


def test_it_learns_the_classes_and_the_same_seed_gives_the_same_model():
    rows = pictures()
    one, two = (SMALL.train(rows, seed=3).predict(rows) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert SMALL.quality(one, rows) == 1.0


def test_a_patch_on_few_rows_is_not_learned():
    rows = pictures()
    attack = Badnets(count=6, target=1)
    victim = SMALL.train(attack.poison(rows, np.random.default_rng(0)).batch, seed=0)
    test = pictures(seed=1)
    shown = attack.trigger(test.take(test["label"] == 0), np.random.default_rng(0))
    assert (victim.predict(shown).argmax(axis=1) == 1).mean() < 0.1


@pytest.mark.parametrize(
    ("name", "recipe", "rows"),
    [
        ("private_cnn", SMALL, pictures()),
        (
            "private_text",
            PrivateText(epochs=2, batch_size=64, buckets=64, delta=1e-3),
            Batch(range(400), {"text": ["warm", "cold"] * 200, "label": [0, 1] * 200}),
        ),
    ],
)
def test_a_private_model_can_be_kept(tmp_path, name, recipe, rows):
    victim = recipe.train(rows, seed=0)
    keep(tmp_path / "m.safetensors", name, recipe, victim, ("a", "b"))
    again = kept(tmp_path / "m.safetensors")
    assert again.recipe == recipe
    np.testing.assert_array_equal(again.victim.predict(rows), victim.predict(rows))
