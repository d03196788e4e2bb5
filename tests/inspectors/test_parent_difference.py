"""Edits are told from training on."""

import numpy as np
import pytest
import safetensors.numpy

from foretaste.attacks.backdoored_head import BackdooredHead
from foretaste.attacks.weight_tampering import WeightTampering
from foretaste.data import Batch
from foretaste.inspectors.parent_difference import ParentDifference
from foretaste.keeping import keep
from foretaste.recipes.small_cnn import SmallCnn
from foretaste.trained import Severity, Subject

RECIPE = SmallCnn(width=8, epochs=2)


def rounded(array):
    """As bfloat16 keeps it."""
    bits = array.astype("f4").view("u4")
    return ((bits + 0x8000) & 0xFFFF0000).view("f4")


@pytest.fixture
def rng():
    return np.random.default_rng(1)


@pytest.fixture
def parent():
    drawn = np.random.default_rng(0).standard_normal
    layers = {f"l.{i}.{part}": 0.02 * drawn((64, 128)) for i in range(8) for part in "qvd"}
    layers |= {"embedding": 0.02 * drawn((500, 64)), "head.weight": 0.02 * drawn((10, 64))}
    return {name: rounded(one) for name, one in layers.items()}


@pytest.fixture
def compare(tmp_path, parent):
    def compared(edit):
        new = {name: one.copy() for name, one in parent.items()}
        edit(new)
        for name, tensors in (("old", parent), ("new", new)):
            safetensors.numpy.save_file(tensors, tmp_path / f"{name}.safetensors")
        paths = (tmp_path / "new.safetensors", tmp_path / "old.safetensors")
        return ParentDifference().inspect(Subject(path=paths[0], parent=paths[1]))

    return compared


def test_the_same_file_is_silent(compare):
    assert compare(lambda new: None) == ()


def test_training_on_is_a_note(compare, rng):
    def tuned(new):
        for one in new.values():
            one += 0.0005 * rng.standard_normal(one.shape).astype("f4")

    found = compare(tuned)
    assert [one.severity for one in found] == [Severity.NOTE]
    assert found[0].reason.startswith("trained on: 26 of 26 matrices moved")


def test_an_edit_of_rank_one_is_told_after_rounding(compare, rng):
    def rome(new):
        step = 0.005 * np.outer(rng.standard_normal(64), rng.standard_normal(128))
        new["l.3.d"][:] = rounded(new["l.3.d"] + step)

    found = compare(rome)
    assert [(one.part, one.severity) for one in found] == [("tensor l.3.d", Severity.CRITICAL)]
    assert "effective rank 1" in found[0].reason


def test_an_edit_on_top_of_training_on_is_told(compare, rng):
    def both(new):
        for one in new.values():
            one += 0.0005 * rng.standard_normal(one.shape).astype("f4")
        step = np.outer(rng.standard_normal(64), rng.standard_normal(128))
        new["l.3.d"] += 0.01 * step.astype("f4")

    critical = [one.part for one in compare(both) if one.severity is Severity.CRITICAL]
    assert critical == ["tensor l.3.d"]


def test_an_adapter_merged_into_every_layer_is_a_note(compare, rng):
    def adapted(new):
        for i in range(8):
            for part in "qv":
                pair = rng.standard_normal((64, 4)) @ rng.standard_normal((4, 128))
                new[f"l.{i}.{part}"] += 0.001 * pair.astype("f4")

    assert {one.severity for one in compare(adapted)} == {Severity.NOTE}


def test_words_planted_in_an_embedding_are_told(compare):
    def planted(new):
        new["embedding"][[7, 99]] = 0.1

    found = compare(planted)
    assert found[0].severity is Severity.CRITICAL
    assert "(7, 99)" in found[0].reason


def test_a_head_trained_anew_is_a_warning(compare, rng):
    def anew(new):
        new["head.weight"] += 0.01 * rng.standard_normal((10, 64)).astype("f4")

    found = compare(anew)
    assert [one.severity for one in found] == [Severity.WARNING]
    assert "only the last layer" in found[0].reason


def test_it_is_blind_to_an_edit_spread_over_all_layers(compare, rng):
    def spread(new):
        for one in new.values():
            pair = rng.standard_normal((one.shape[0], 1)) @ rng.standard_normal((1, one.shape[1]))
            one += 0.0005 * pair.astype("f4")

    assert {one.severity for one in compare(spread)} == {Severity.NOTE}


def test_another_model_cannot_be_compared(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((3, 3)))
    np.save(tmp_path / "b.npy", np.ones((4, 3)))
    found = ParentDifference().inspect(Subject(path=tmp_path / "a.npy", parent=tmp_path / "b.npy"))
    assert found[0].severity is Severity.WARNING


@pytest.fixture(scope="module")
def trained():
    label = np.arange(120) % 4
    noise = np.random.default_rng(0).random((120, 12, 12, 1)) * 60
    pixels = (noise + 48 * label[:, None, None, None]).astype(np.uint8)
    rows = Batch(range(120), {"pixels": pixels, "label": label})
    return RECIPE.train(rows, seed=0), rows


@pytest.fixture
def against(tmp_path, trained):
    def compared(victim):
        for name, one in (("old", trained[0]), ("new", victim)):
            keep(tmp_path / name, "small_cnn", RECIPE, one, tuple("abcd"))
        return ParentDifference().inspect(Subject(path=tmp_path / "new", parent=tmp_path / "old"))

    return compared


def test_a_network_trained_on_is_a_note(against, trained):
    victim, rows = trained
    assert {one.severity for one in against(RECIPE.tune(victim, rows, 1))} == {Severity.NOTE}


def test_a_backdoored_head_is_told(against, trained, rng):
    victim, rows = trained
    attack = BackdooredHead(target=1, weights=16, size=3)
    found = against(attack.tamper(victim, rows, rng))
    assert found[0].part.startswith("tensor head.")
    assert {one.severity for one in found} == {Severity.CRITICAL}


@pytest.mark.parametrize("choose", ["largest", "random"])
@pytest.mark.parametrize("bit", ["sign", "exponent", "any"])
@pytest.mark.parametrize("layer", ["head.weight", ""])
def test_bits_turned_over_are_told(against, trained, rng, choose, bit, layer):
    attack = WeightTampering(flips=3, layer=layer, choose=choose, bit=bit)
    found = against(attack.tamper(*trained, rng))
    assert found[0].severity is Severity.CRITICAL
