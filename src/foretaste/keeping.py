"""Trained models as files: weights as safetensors, and what it takes to use them again.

A file holds the name of its recipe and the recipe's settings, never code.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from foretaste import registry
from foretaste.contracts import Recipe, Victim
from foretaste.errors import BadInput, MissingExtra

SCHEMA = "1"
MARK = "foretaste"
LARGEST = 4 << 30  # bytes of a model file that is read


@dataclass(frozen=True, eq=False)
class Kept:
    """A model as it came from its file.

    name, recipe: what trained it; classes: their names, by code
    facts: whatever else was written down when it was trained
    """

    name: str
    recipe: Recipe
    victim: Victim
    classes: tuple[str, ...]
    facts: Mapping[str, Any]


def keep(
    path: Path,
    name: str,
    recipe: Any,
    victim: Victim,
    classes: tuple[str, ...],
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Writes a trained model.

    name: of the recipe; classes: names by code
    Raises `BadInput` for a recipe of which models cannot be kept.
    """
    if not hasattr(recipe, "kept"):
        raise BadInput(f"models of recipe {name} cannot be kept as a file; {keepers()} can")
    arrays, shape = recipe.kept(victim)
    said = {
        "schema": SCHEMA,
        "recipe": name,
        "settings": _settings(recipe),
        "shape": shape,
        "classes": list(classes),
        "facts": dict(facts or {}),
    }
    contiguous = {key: np.ascontiguousarray(one) for key, one in arrays.items()}
    _safetensors().numpy.save_file(contiguous, path, metadata={MARK: json.dumps(said)})


def kept(path: Path) -> Kept:
    """Reads a model that `keep` wrote; nothing of the file is run.

    Raises `BadInput` for any other file.
    """
    if path.stat().st_size > LARGEST:
        raise BadInput(f"{path}: {path.stat().st_size:,} bytes; at most {LARGEST:,} are read")
    try:
        with _safetensors().safe_open(path, framework="numpy") as file:
            said = json.loads((file.metadata() or {}).get(MARK, "null"))
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
        return _revived(path, said, arrays)
    except MissingExtra:
        raise
    except Exception as error:
        raise BadInput(f"{path} is not a model written by foretaste: {error}") from error


def keepers() -> str:
    """The recipes of which models can be kept, for messages."""
    names = registry.names("recipes")
    return ", ".join(n for n in names if hasattr(registry.component("recipes", n), "kept"))


def _revived(path: Path, said: Any, arrays: dict[str, Any]) -> Kept:
    if not isinstance(said, dict) or said.get("schema") != SCHEMA:
        raise BadInput(f"its metadata has no {MARK!r} of schema {SCHEMA}")
    recipe: Any = registry.build("recipes", said["recipe"], **said["settings"])
    victim = recipe.revived(arrays, said["shape"])
    classes = tuple(str(one) for one in said["classes"])
    return Kept(said["recipe"], recipe, victim, classes, said.get("facts", {}))


def _settings(recipe: Any) -> dict[str, Any]:
    """The settings that differ from the defaults and can be written down."""
    fields = [(f, getattr(recipe, f.name)) for f in dataclasses.fields(recipe)]
    plain = int | float | str | bool
    return {f.name: value for f, value in fields if isinstance(value, plain)}


def _safetensors() -> Any:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError as error:
        raise MissingExtra("a model file", "images") from error
    return safetensors
