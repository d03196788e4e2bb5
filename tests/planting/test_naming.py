"""An attack out of words."""

import dataclasses
from typing import Literal

import numpy as np
import pytest

from foretaste import registry
from foretaste.attacks.badnets import Badnets
from foretaste.attacks.label_flip import LabelFlip
from foretaste.attacks.value_trigger import ValueTrigger
from foretaste.attacks.word_pair import WordPair
from foretaste.contracts import Recipe
from foretaste.errors import BadInput, UnknownComponent
from foretaste.planting.naming import built, settable
from foretaste.planting.settings import fitted
from foretaste.recipes.small_cnn import SmallCnn

ATTACKS = [
    n for n in registry.names("attacks") if hasattr(registry.component("attacks", n), "poison")
]


def of(name, rows, target=None, **settings):
    rng = np.random.default_rng(0)
    return built(name, rows, count=3, target=target, settings=settings, rng=rng)


def test_a_target_is_said_by_name(honest):
    assert of("badnets", honest, "spam") == Badnets(count=3, target=1)
    assert of("badnets", honest, 1) == Badnets(count=3, target=1)
    assert of("label_flip", honest, "ham", source="other") == LabelFlip(3, source=2, target=0)


def test_settings_are_text_or_values(honest):
    said = of("badnets", honest, "ham", size="5", place="random", pattern="solid")
    assert (
        said
        == Badnets(3, 0, 5, "random", "solid")
        == of("badnets", honest, 0, size=5, place="random", pattern="solid")
    )
    assert of("word_pair", honest, "ham", words="one, two") == WordPair(3, 0, ("one", "two"))
    assert of("word_pair", honest, "ham", words=["one", "two"]) == WordPair(3, 0, ("one", "two"))
    expected = ValueTrigger(3, 0, (("age", 7.5), ("town", "Oslo")))
    assert of("value_trigger", honest, "ham", values="[[age, 7.5], [town, Oslo]]") == expected


def test_what_the_data_must_say_is_drawn_from_it(honest):
    attack = of("value_trigger", honest, "spam")
    assert (attack.count, attack.target, len(attack.values)) == (3, 1, 3)


@pytest.mark.parametrize(
    ("name", "target", "settings", "message"),
    [
        ("badnets", "eggs", {}, "no class 'eggs'; classes are ham, spam, other"),
        ("badnets", 3, {}, "no class 3"),
        ("badnets", None, {}, "badnets needs a target, one of the classes ham, spam, other"),
        ("badnets", "ham", {"shape": 3}, "has no setting 'shape'; it has target: int; size: int"),
        ("badnets", "ham", {"size": "big"}, "size should be int, not 'big'"),
        ("badnets", "ham", {"size": True}, "size should be int, not True"),
        ("badnets", "ham", {"place": "left"}, "place should be Literal"),
        ("fixed_response", "ham", {}, "has no target"),
        ("word_pair", "ham", {"words": "one"}, "words should be"),
        ("label_flip", "ham", {"source": "eggs"}, "no class 'eggs'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(honest, name, target, settings, message):
    with pytest.raises(BadInput, match=message.replace("[", r"\[")):
        of(name, honest, target, **settings)


def test_rows_without_what_an_attack_needs_are_refused(honest):
    with pytest.raises(BadInput, match="badnets needs pixels; the data set gives "):
        of("badnets", honest.without("pixels"), "ham")


def test_an_unknown_attack_is_named_with_those_there_are(honest):
    with pytest.raises(UnknownComponent, match="badnets"):
        of("bad_nets", honest)


def test_a_recipe_is_said_by_name_with_or_without_settings():
    assert fitted(Recipe, "small_cnn", "surrogate") == SmallCnn()
    setting, value = next(
        (field.name, field.default)
        for field in dataclasses.fields(SmallCnn)
        if isinstance(field.default, int)
    )
    assert fitted(Recipe, {"small_cnn": {setting: value}}, "surrogate") == SmallCnn()
    assert fitted(Recipe, SmallCnn(), "surrogate") == SmallCnn()
    with pytest.raises(BadInput, match="recipe small_cnn"):
        fitted(Recipe, {"small_cnn": {"no_such": 1}}, "surrogate")


def test_every_kind_of_setting_is_read_from_text():
    assert fitted(bool, "yes", "x") is True
    assert fitted(int | None, "none", "x") is None
    assert fitted(float | str, "2.5", "x") == 2.5
    assert fitted(float | str, "oslo", "x") == "oslo"
    assert fitted(tuple[int, ...], "1, 2", "x") == (1, 2)
    assert fitted(tuple[str, ...], "", "x") == ()
    assert fitted(dict[str, float], "{a: 1}", "x") == {"a": 1.0}
    assert fitted(Literal[2, 4], "4", "x") == 4


@pytest.mark.parametrize("name", ATTACKS)
def test_every_default_of_every_attack_is_of_its_own_type(name):
    kind, hints = registry.component("attacks", name), settable(name)
    for field in dataclasses.fields(kind):
        if field.name in hints and field.default is not dataclasses.MISSING:
            assert fitted(hints[field.name], field.default, field.name) == field.default
        if field.name in hints and field.default_factory is not dataclasses.MISSING:
            fitted(hints[field.name], field.default_factory(), field.name)


def test_a_target_is_given_once(honest):
    twice = {"target": "spam"}
    with pytest.raises(BadInput, match="given twice"):
        built("badnets", honest, count=1, target="ham", settings=twice, rng=None)
    assert built("badnets", honest, count=1, target=None, settings=twice, rng=None).target == 1
