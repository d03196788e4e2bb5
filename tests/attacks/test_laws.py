"""Every attack keeps every law.

What an attack is built with here stands in its own test file: `SETTINGS`, a dict, and where the
honest rows do not suit it `ROWS`, a function of them.
"""

import inspect
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from foretaste import registry
from foretaste.attacks import DERIVED, probe
from foretaste.errors import BadInput

HERE = Path(__file__).parent
KINDS = {name: registry.component("attacks", name) for name in registry.names("attacks")}
ROW_ATTACKS = [name for name, kind in KINDS.items() if hasattr(kind, "poison")]
TRIGGERS = [name for name in ROW_ATTACKS if hasattr(KINDS[name], "trigger")]


def said(name: str, what: str, otherwise):
    spec = spec_from_file_location(f"settings_of_{name}", HERE / f"test_{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, what, otherwise)


@pytest.fixture
def victims(honest, request):
    """The rows this attack is tried on."""
    suited = said(request.getfixturevalue("name"), "ROWS", lambda rows: rows)
    return suited(honest)


def attack(name: str, batch, count: int = 20):
    built = registry.build("attacks", name, count=count, **said(name, "SETTINGS", {}))
    return built.aimed(batch, np.random.default_rng(5)) if hasattr(built, "aimed") else built


def rows(batch):
    """Each row as text, without its id."""
    columns = [batch.arrow(name).to_pylist() for name in sorted(batch.names)]
    return [repr(row) for row in zip(*columns, strict=True)]


def only(batch, column: str):
    return batch.without(*set(batch.names) - {column})


@pytest.mark.parametrize("name", ROW_ATTACKS)
def test_the_same_chance_gives_the_same_poison(name, victims):
    one, two = (attack(name, victims).poison(victims, np.random.default_rng(3)) for _ in range(2))
    assert one.batch.ids.tolist() == two.batch.ids.tolist()
    assert rows(one.batch) == rows(two.batch)


@pytest.mark.parametrize("name", ROW_ATTACKS)
def test_touched_is_exactly_where_rows_and_ids_differ(name, victims):
    poisoned, touched = attack(name, victims).poison(victims, np.random.default_rng(3))
    before = rows(victims.without(*set(victims.names) - set(poisoned.names)))
    after = rows(poisoned)
    added = len(after) - len(before)
    assert (added > 0) == getattr(KINDS[name], "adds", False)
    differ = [a != b for a, b in zip(before, after, strict=False)] + added * [True]
    assert touched.tolist() == differ
    renamed = [a != b for a, b in zip(victims.ids, poisoned.ids, strict=False)] + added * [True]
    assert touched.tolist() == renamed


@pytest.mark.parametrize("name", ROW_ATTACKS)
def test_as_many_rows_as_asked_are_touched(name, victims):
    for count in (0, 1, 20):
        _, touched = attack(name, victims, count).poison(victims, np.random.default_rng(3))
        assert touched.sum() == count


@pytest.mark.parametrize("name", ROW_ATTACKS)
def test_columns_and_their_types_stay(name, victims):
    poisoned = attack(name, victims).poison(victims, np.random.default_rng(3)).batch
    assert set(poisoned.names) <= set(victims.names)
    assert all(poisoned.arrow(c).type == victims.arrow(c).type for c in poisoned.names)
    assert poisoned.classes == victims.classes


@pytest.mark.parametrize("name", ROW_ATTACKS)
def test_the_batch_given_is_never_changed(name, victims):
    before, ids = rows(victims), victims.ids.tolist()
    attack(name, victims).poison(victims, np.random.default_rng(3))
    assert rows(victims) == before
    assert victims.ids.tolist() == ids


@pytest.mark.parametrize("name", ROW_ATTACKS)
def test_what_was_computed_from_the_old_row_is_gone(name, victims):
    poisoned = attack(name, victims).poison(victims, np.random.default_rng(3)).batch
    n = len(victims)
    changed = [c for c in poisoned.names if rows(only(poisoned, c))[:n] != rows(only(victims, c))]
    stale = {one for column in changed for one in DERIVED.get(column, ())}
    assert not stale.intersection(poisoned.names)


@pytest.mark.parametrize("name", [n for n in ROW_ATTACKS if not getattr(KINDS[n], "adds", False)])
def test_more_rows_than_there_are_cannot_be_poisoned(name, victims):
    with pytest.raises(BadInput, match="201 rows"):
        attack(name, victims, 201).poison(victims, np.random.default_rng(3))


@pytest.mark.parametrize("name", TRIGGERS)
def test_a_trigger_goes_into_every_row_and_leaves_the_labels(name, victims):
    triggered = attack(name, victims).trigger(victims, np.random.default_rng(3))
    changed = KINDS[name].needs[0]
    before, after = victims.arrow(changed).to_pylist(), triggered.arrow(changed).to_pylist()
    assert all(a != b for a, b in zip(before, after, strict=True))
    if "label" in victims:
        assert triggered["label"].tolist() == victims["label"].tolist()


@pytest.mark.parametrize("name", [n for n in TRIGGERS if "label" in KINDS[n].needs])
def test_a_probe_asks_for_one_outcome_a_row(name, victims):
    asked = probe(attack(name, victims), victims, np.random.default_rng(3))
    k = len(victims.classes)
    hits = sum(asked.hit(np.tile(np.eye(k)[c], (len(asked.rows), 1))).sum() for c in range(k))
    assert hits == len(asked.rows)


@pytest.mark.parametrize("name", KINDS)
def test_an_attack_says_what_counters_it_what_it_needs_and_where_it_is_from(name):
    doc = inspect.getdoc(KINDS[name]) or ""
    missing = [part for part in ("Countered by", "Needs", ">>>", "References") if part not in doc]
    assert not missing, f"{name} lacks {missing}"
