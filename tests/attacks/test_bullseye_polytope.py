import numpy as np

from foretaste.attacks.bullseye_polytope import BullseyePolytope
from foretaste.recipes.frozen_features import FrozenFeatures
from foretaste.recipes.small_cnn import SmallCnn

SMALL = SmallCnn(width=4, epochs=1)
SETTINGS = {"target": 1, "steps": 5, "surrogate": SMALL}


def test_the_mean_of_the_poisoned_images_comes_to_the_aim_among_features(honest):
    victim = FrozenFeatures(extractor=SMALL.train(honest, seed=0))
    network = victim.train(honest, seed=0)
    attack = BullseyePolytope(20, 1, epsilon=32, steps=60, surrogate=victim)
    attack = attack.aimed(honest, np.random.default_rng(0))
    poisoned, touched = attack.poison(honest, np.random.default_rng(0))
    place = network.features(attack.aim["pixels"])
    before, after = (
        np.linalg.norm(network.features(rows["pixels"][touched]).mean(axis=0) - place)
        for rows in (honest, poisoned)
    )
    assert after < before / 2


def test_a_linear_layer_on_known_features_calls_the_aim_the_target(honest):
    victim = FrozenFeatures(extractor=SMALL.train(honest, seed=0), learning_rate=0.1)
    hits, chance = [], []
    for seed in range(4):
        attack = BullseyePolytope(40, 1, epsilon=32, steps=60, surrogate=victim)
        attack = attack.aimed(honest, np.random.default_rng(seed))
        poisoned = attack.poison(honest, np.random.default_rng(seed)).batch
        shown = attack.probe(honest, np.random.default_rng(seed))
        others = honest.take(~np.isin(honest.ids, attack.aim.ids))
        hits.append(victim.train(poisoned, seed).predict(shown.rows)[0, 1])
        chance.append(victim.train(others, seed).predict(shown.rows)[0, 1])
    assert np.mean(hits) > np.mean(chance)
