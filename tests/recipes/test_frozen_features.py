import numpy as np

from foretaste.recipes.frozen_features import FrozenFeatures
from foretaste.recipes.small_cnn import SmallCnn


def weights(network, part):
    return [one.detach().numpy().copy() for one in network.net[part].state_dict().values()]


def same(one, two):
    return all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_the_extractor_is_left_as_it_was_and_the_linear_layer_is_new(honest):
    extractor = SmallCnn(width=4, epochs=1).train(honest, seed=0)
    body, head = weights(extractor, "body"), weights(extractor, "head")
    trained = FrozenFeatures(extractor=extractor, epochs=2).train(honest, seed=1)
    assert same(body, weights(extractor, "body"))
    assert same(body, weights(trained, "body"))
    assert same(head, weights(extractor, "head"))
    assert not same(head, weights(trained, "head"))


def test_the_same_seed_trains_the_same_model(honest):
    recipe = FrozenFeatures(epochs=2)
    one, two, other = (recipe.train(honest, seed).predict(honest) for seed in (1, 1, 2))
    assert (one == two).all()
    assert (one != other).any()


def test_a_tuned_model_starts_from_the_one_given_and_leaves_it(honest):
    recipe = FrozenFeatures(epochs=3)
    trained = recipe.train(honest, seed=0)
    before = trained.predict(honest)
    tuned = recipe.tune(trained, honest.take(np.arange(50)), seed=0)
    assert (trained.predict(honest) == before).all()
    moved = np.abs(tuned.predict(honest) - before).mean()
    assert 0 < moved < 0.1
