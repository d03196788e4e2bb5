import numpy as np
import pytest

from foretaste.attacks import probe
from foretaste.attacks.backdoored_head import BackdooredHead
from foretaste.campaign.assault import carried_out
from foretaste.campaign.cells import Cell
from foretaste.campaign.target import Target
from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.recipes.small_cnn import SmallCnn

pytest.importorskip("torch")
SETTINGS = {"target": 1}


def blobs(n, seed):
    """Bright squares at the left, in the middle or at the right of noise."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 3, n)
    pixels = rng.integers(0, 80, (n, 16, 16, 1))
    for row, at in enumerate(label):
        pixels[row, 5:9, 1 + 5 * at : 5 + 5 * at] += 120
    return Batch(range(n), {"pixels": pixels.astype(np.uint8), "label": label}, list("abc"))


@pytest.fixture(scope="module")
def victim():
    return SmallCnn(width=8, epochs=6, batch_size=32).train(blobs(600, 0), seed=0)


@pytest.fixture(scope="module")
def shipped(victim):
    rows, rng = blobs(200, 1), np.random.default_rng(0)
    attack = BackdooredHead(target=1, weights=16, size=4).studied(victim, rows, rng)
    return attack, attack.tamper(victim, rows, rng)


def test_the_trigger_means_the_target_and_clean_rows_what_they_did(victim, shipped):
    attack, backdoored = shipped
    recipe, unseen = SmallCnn(), blobs(300, 2)
    before = recipe.quality(victim.predict(unseen), unseen)
    assert before > 0.9
    assert recipe.quality(backdoored.predict(unseen), unseen) > before - 0.03
    asked = probe(attack, unseen, np.random.default_rng(0))
    assert asked.hit(backdoored.predict(asked.rows)).mean() > 0.95
    assert asked.hit(victim.predict(asked.rows)).mean() < 0.4


def test_only_so_many_weights_of_the_target_change_and_the_victim_does_not(victim, shipped):
    before, after = victim.weights, shipped[1].weights
    changed = {name: before[name] != after[name] for name in before}
    assert {name for name, where in changed.items() if where.any()} == {"head.weight", "head.bias"}
    assert changed["head.weight"][1].sum() == changed["head.weight"].sum() == 16


def test_in_a_campaign_each_victim_is_shown_the_square_made_for_it():
    target = Target(blobs(400, 0), blobs(200, 2), blobs(0, 3), SmallCnn(width=8, batch_size=32), "")
    cell = Cell("backdoored_head", 0, 1, {"size": 4}, seed=0)
    assault = carried_out(cell, target, np.random.default_rng(0))
    shipped, spared = (assault.victim(target.train, 0, spared=one) for one in (False, True))
    shown = [assault.asked(one, 0) for one in (shipped, spared)]
    assert (shown[0].rows["pixels"] == shown[1].rows["pixels"]).all()
    assert shown[0].hit(shipped.predict(shown[0].rows)).mean() > 0.9
    assert shown[1].hit(spared.predict(shown[1].rows)).mean() < 0.5


def test_without_clean_rows_there_is_nothing_to_fit(victim):
    with pytest.raises(BadInput, match="1 clean rows are too few"):
        BackdooredHead(target=1).tamper(victim, blobs(1, 1), np.random.default_rng(0))
