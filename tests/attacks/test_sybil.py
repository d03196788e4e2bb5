import numpy as np

from foretaste.attacks.sybil import Sybil

SETTINGS = {"target": 1}


def test_every_name_is_new_and_none_sends_more_than_four_rows(honest):
    taken = honest.having(source=["contributor-1"] * 200)
    poisoned, touched = Sybil(count=30, target=1).poison(taken, np.random.default_rng(0))
    names, rows = np.unique(poisoned["source"][touched].astype(str), return_counts=True)
    assert "contributor-1" not in names
    assert len(names) == 8
    assert rows.max() == 4


def test_as_many_names_as_asked_share_the_rows(honest):
    attack = Sybil(count=30, target=1, identities=3)
    poisoned, touched = attack.poison(honest, np.random.default_rng(0))
    _, rows = np.unique(poisoned["source"][touched].astype(str), return_counts=True)
    assert rows.tolist() == [10, 10, 10]
    assert set(poisoned["label"][touched]) == {1}


def test_with_a_trigger_the_model_is_shown_the_trigger(honest):
    attack = Sybil(count=5, target=1, payload="trigger")
    poisoned, touched = attack.poison(honest, np.random.default_rng(0))
    assert all(text.startswith("cf ") for text in poisoned["text"][touched])
    assert all(t.startswith("cf ") for t in attack.probe(honest, None).rows["text"])
    flipped = Sybil(count=5, target=1).probe(honest, None).rows
    assert not any(t.startswith("cf ") for t in flipped["text"])
