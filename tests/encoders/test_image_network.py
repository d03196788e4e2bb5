import pickle

import numpy as np
import pytest

from foretaste.data import Batch
from foretaste.encoders.image_network import ImageNetwork

pytest.importorskip("torch")


def images(n=120, seed=0, size=8):
    rng = np.random.default_rng(seed)
    label = np.arange(n) % 2
    pixels = rng.integers(0, 120, (n, size, size, 1))
    pixels[label == 1, : size // 2] += 100
    return Batch(
        [f"{i}" for i in range(n)], {"pixels": pixels.astype(np.uint8), "label": label}, "ab"
    )


def trained(rows, **settings):
    network = ImageNetwork(**settings)
    return network, network.fit(network.summarize(rows))


def test_it_learns_what_is_plain_to_see():
    network, model = trained(images())
    seen = network.encode(images(seed=1), model)
    assert (seen["prediction"].argmax(axis=1) == seen["label"]).mean() > 0.95
    assert np.allclose(seen["prediction"].sum(axis=1), 1)


def test_the_model_travels_and_says_the_same():
    network, model = trained(images())
    again = pickle.loads(pickle.dumps(model))
    one, two = (network.encode(images(seed=1), m)["embedding"] for m in (model, again))
    assert (one == two).all()


def test_rows_without_a_label_are_predicted_but_teach_nothing():
    rows = images()
    lost = np.arange(len(rows)) < 20
    network, model = trained(rows.having(label=np.where(lost, -1, rows["label"])))
    assert network.encode(rows, model)["prediction"].shape == (len(rows), 2)
    _, without = trained(rows.take(~lost))
    assert all((model.weights[name] == without.weights[name]).all() for name in model.weights)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_hardly_any_rows_are_no_crash(n):
    network, model = trained(images().take(np.arange(n)))
    assert network.encode(images(4), model)["prediction"].shape == (4, 2)


@pytest.mark.parametrize("size", [1, 2, 28, 64])
def test_images_of_any_size_will_do(size):
    network, model = trained(images(20, size=size))
    assert network.encode(images(20, size=size), model)["embedding"].shape[0] == 20


def test_the_opened_network_predicts_as_the_encoder_and_lets_gradients_through():
    rows = images()
    network, model = trained(rows)
    victim, seen = network.opened(model), network.encode(rows, model)
    assert np.allclose(victim.predict(rows), seen["prediction"], atol=1e-5)
    assert np.allclose(victim.features(rows["pixels"]), seen["embedding"], atol=1e-4)
    inputs = victim.inputs(rows).requires_grad_()
    victim.logits(inputs)[:, 0].sum().backward()
    assert inputs.grad.abs().sum() > 0
