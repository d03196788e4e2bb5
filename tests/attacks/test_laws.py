"""Every attack keeps every law."""

import numpy as np
import pytest

from foretaste import registry
from foretaste.errors import BadInput

SETTINGS = {
    "label_flip": {},
    "rare_word": {"target": 1},
    "sentence": {"target": 1},
    "word_pair": {"target": 1},
    "zero_width": {"target": 1},
    "badnets": {"target": 1},
    "blended": {"target": 1},
    "value_trigger": {"target": 1, "values": (("age", 9.0), ("town", "Oslo"))},
    "fixed_response": {},
}
NAMES = registry.names("attacks")


def attack(name: str, count: int = 20):
    return registry.build("attacks", name, count=count, **SETTINGS[name])


def rows(batch):
    """Each row as text, without its id."""
    columns = [batch.arrow(name).to_pylist() for name in sorted(batch.names)]
    return [repr(row) for row in zip(*columns, strict=True)]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_chance_gives_the_same_poison(name, honest):
    one, two = (attack(name).poison(honest, np.random.default_rng(3)) for _ in range(2))
    assert one.batch.ids.tolist() == two.batch.ids.tolist()
    assert rows(one.batch) == rows(two.batch)


@pytest.mark.parametrize("name", NAMES)
def test_touched_is_exactly_where_rows_and_ids_differ(name, honest):
    poisoned, touched = attack(name).poison(honest, np.random.default_rng(3))
    before = honest.without(*set(honest.names) - set(poisoned.names))
    differ = [a != b for a, b in zip(rows(before), rows(poisoned), strict=True)]
    assert touched.tolist() == differ
    assert touched.tolist() == (honest.ids != poisoned.ids).tolist()


@pytest.mark.parametrize("name", NAMES)
def test_as_many_rows_as_asked_are_touched(name, honest):
    for count in (0, 1, 20):
        _, touched = attack(name, count).poison(honest, np.random.default_rng(3))
        assert touched.sum() == count


@pytest.mark.parametrize("name", NAMES)
def test_more_rows_than_there_are_cannot_be_poisoned(name, honest):
    with pytest.raises(BadInput, match="only"):
        attack(name, 1000).poison(honest, np.random.default_rng(3))


@pytest.mark.parametrize("name", NAMES)
def test_what_was_computed_from_the_old_row_is_gone(name, honest):
    poisoned = attack(name).poison(honest, np.random.default_rng(3)).batch
    assert "prediction" not in poisoned or name == "fixed_response"
    assert set(poisoned.names) <= set(honest.names)


@pytest.mark.parametrize("name", [n for n in NAMES if SETTINGS[n].get("target") == 1])
def test_a_backdoor_labels_its_rows_with_the_target_and_takes_none_of_it(name, honest):
    poisoned, touched = attack(name).poison(honest, np.random.default_rng(3))
    assert (poisoned["label"][touched] == 1).all()
    assert (honest["label"][touched] != 1).all()


@pytest.mark.parametrize("name", [n for n in NAMES if SETTINGS[n].get("target") == 1])
def test_a_trigger_goes_into_every_row_and_leaves_the_labels(name, honest):
    triggered = attack(name).trigger(honest, np.random.default_rng(3))
    changed = next(c for c in ("text", "pixels", "features") if c in attack(name).needs)
    before, after = honest.arrow(changed).to_pylist(), triggered.arrow(changed).to_pylist()
    assert all(a != b for a, b in zip(before, after, strict=True))
    assert triggered["label"].tolist() == honest["label"].tolist()
