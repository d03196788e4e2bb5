"""From a data set to a model on disk, private where that is asked for."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foretaste import keeping, readers
from foretaste.campaign.spec import Named
from foretaste.campaign.target import built_recipe
from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.planting.gathering import whole
from foretaste.private_descent import facts_of
from foretaste.registry import component

PRIVATE = {"small_cnn": "private_cnn", "text_network": "private_text"}


@dataclass(frozen=True)
class Training:
    """How to train.

    recipe, settings: a name and its settings; see `foretaste.recipes`
    epsilon: asks for differential privacy: the recipe's private twin is taken
    delta, clip: of that; None leaves the recipe's own
    seed: None takes 0; of a private recipe one that nobody is told, since the noise follows from it
    """

    recipe: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    epsilon: float | None = None
    delta: float | None = None
    clip: float | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Trained:
    """What came of it: where the model is, how good it is, what was written beside it.

    quality: by the recipe's measure, on the training rows and on others where they were given
    """

    path: Path
    recipe: str
    measure: str
    rows: int
    quality: float
    tested: float | None
    facts: Mapping[str, Any]


def train(
    data: Any,
    out: Path,
    how: Training,
    test: Any = None,
    roles: Mapping[str, str] | None = None,
) -> Trained:
    """Trains on all rows of a data set, measures, and writes the model.

    Raises `BadInput` before any work when recipe, settings and rows do not go together.
    """
    name, recipe = _recipe(how)
    if not hasattr(recipe, "kept"):
        raise BadInput(f"models of recipe {name} cannot be kept; {keeping.keepers()} can")
    source = readers.open(data, roles or {})
    rows = _fitting(whole(source), recipe, name)
    others = None
    if test is not None:
        others = _fitting(whole(readers.open(test, source.roles), like=rows), recipe, name)
    facts = facts_of(recipe, rows)
    seed = how.seed if how.seed is not None else secrets.randbits(62) if facts else 0
    victim = recipe.train(rows, seed)
    quality = recipe.quality(victim.predict(rows), rows)
    tested = None if others is None else recipe.quality(victim.predict(others), others)
    facts.update(rows=len(rows), quality=quality, measure=recipe.measure)
    if tested is not None:
        facts.update(test_rows=len(others or ()), test_quality=tested)
    if how.seed is not None or seed == 0:
        facts.update(seed=seed)
    classes = rows.classes or tuple(map(str, range(getattr(victim, "classes", 0))))
    keeping.keep(out, name, recipe, victim, classes, facts)
    return Trained(out, name, recipe.measure, len(rows), quality, tested, facts)


def read_settings(recipe: str, words: Mapping[str, str]) -> dict[str, Any]:
    """Settings of a recipe out of the words of a command line.

    >>> read_settings("small_cnn", {"width": "8", "augment": "true"})
    {'width': 8, 'augment': True}
    """
    fields = {field.name: field for field in dataclasses.fields(component("recipes", recipe))}
    unknown = sorted(set(words) - set(fields))
    if unknown:
        raise BadInput(f"recipe {recipe} has no setting {unknown[0]!r}; it has {sorted(fields)}")
    return {name: _read(fields[name], word, recipe) for name, word in words.items()}


def _read(wanted: dataclasses.Field[Any], word: str, recipe: str) -> Any:
    kind = type(wanted.default)
    if kind is bool and word.lower() in ("true", "false"):
        return word.lower() == "true"
    if kind not in (int, float, str):
        raise BadInput(f"recipe {recipe}: {wanted.name}={word} cannot be said in words")
    try:
        return kind(word)
    except ValueError as error:
        raise BadInput(f"recipe {recipe}: {wanted.name}={word}: {error}") from error


def _recipe(how: Training) -> tuple[str, Any]:
    """The recipe asked for; with a wish for privacy, its private twin."""
    name, settings = how.recipe, dict(how.settings)
    wish = {"epsilon": how.epsilon, "delta": how.delta, "clip": how.clip}
    said = {key: value for key, value in wish.items() if value is not None}
    if said:
        name = PRIVATE.get(name, name)
        if not hasattr(component("recipes", name), "promise"):
            raise BadInput(f"recipe {name} cannot train privately; {', '.join(PRIVATE)} can")
    return name, built_recipe(Named(name=name, settings={**settings, **said}))


def _fitting(rows: Batch, recipe: Any, name: str) -> Batch:
    lacking = [column for column in recipe.needs if column not in rows]
    if lacking:
        raise BadInput(
            f"recipe {name} needs {', '.join(lacking)}; the rows have {sorted(rows.names)}"
        )
    return rows.without("image") if "pixels" in rows else rows
