"""What a campaign attacks, ready to be attacked."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from foretaste import datasets, readers, registry
from foretaste.campaign.spec import Campaign, Named, TargetSpec
from foretaste.contracts import Recipe
from foretaste.data import Array, Batch, Ints
from foretaste.errors import BadInput, MissingColumn
from foretaste.planting.gathering import whole
from foretaste.store import Digest, read_columns, write_columns

FACTS = "facts.json"
PARTS = ("train", "test", "tuning")
SPLIT = 20_260_101  # the seed of the split: all cells share it, so that they can be compared


@dataclass(frozen=True)
class Target:
    """A training set, unseen rows to measure on, clean rows to fine-tune on, a recipe."""

    train: Batch
    test: Batch
    tuning: Batch
    recipe: Recipe
    groups: str

    @property
    def fingerprint(self) -> str:
        """Of the rows and the recipe; results depend on nothing else of the target."""
        digest = Digest()
        for part in (self.train, self.test, self.tuning):
            digest.add(part)
        return f"{digest.hexdigest()[:16]} {self.recipe!r} {self.groups}"


def target_of(campaign: Campaign) -> Target:
    """Reads the rows and builds the recipe; raises `BadInput` when they do not go together."""
    spec = campaign.target
    rows = _rows(spec.data, spec)
    if isinstance(spec.test, str):
        test = _rows(spec.test, spec, like=rows)
        train = _some(rows, spec.rows)
    else:
        order = np.random.default_rng(SPLIT).permutation(len(rows))
        held = round(spec.test * len(rows))
        test = rows.take(np.sort(order[:held]))
        train = _some(rows.take(np.sort(order[held:])), spec.rows)
    test, recipe = _some(test, spec.test_rows), built_recipe(spec.recipe)
    _suited(recipe, spec.recipe.name, train, test)
    train, tuning = _apart(train, spec.fine_tune)
    return Target(train, test, tuning, recipe, spec.groups)


def built_recipe(named: Named) -> Recipe:
    """The recipe of that name, its settings checked."""
    kind = registry.component("recipes", named.name)
    fields = {field.name for field in dataclasses.fields(kind)}
    unknown = sorted(set(named.settings) - fields)
    if unknown:
        raise BadInput(
            f"recipe {named.name} has no setting {unknown[0]!r}; it has {sorted(fields)}"
        )
    try:
        made: Recipe = kind(**named.settings)
    except TypeError as error:
        raise BadInput(f"recipe {named.name}: {error}") from error
    return made


def group_codes(rows: Batch, column: str) -> tuple[Ints, list[str]]:
    """(n,) the group of each row, and what the groups are called; none without the column."""
    if column not in rows:
        return np.zeros(len(rows), np.int64), []
    if column == "label":
        label: Array = rows["label"]
        present = np.unique(label[label >= 0])
        return np.searchsorted(present, label), [rows.class_name(int(c)) for c in present]
    names, group = np.unique([str(one) for one in rows[column]], return_inverse=True)
    return group, names.tolist()


def _rows(where: str, spec: TargetSpec, like: Batch | None = None) -> Batch:
    """All rows of a data set; with the classes and the image size of others, where given."""
    known = where in datasets.names()
    path = str(datasets.fetch(where)) if known else where
    rows = whole(readers.open(path, spec.roles, spec.format), like=like)
    return rows.without("image") if "pixels" in rows else rows


def _some(rows: Batch, most: int | None) -> Batch:
    if most is None or len(rows) <= most:
        return rows
    return rows.take(np.sort(np.random.default_rng(SPLIT + 1).permutation(len(rows))[:most]))


def _apart(train: Batch, share: float) -> tuple[Batch, Batch]:
    order = np.random.default_rng(SPLIT + 2).permutation(len(train))
    held = round(share * len(train))
    return train.take(np.sort(order[held:])), train.take(np.sort(order[:held]))


def _suited(recipe: Any, name: str, *parts: Batch) -> None:
    for rows in parts:
        lacking = [column for column in recipe.needs if column not in rows]
        if lacking:
            raise BadInput(
                f"recipe {name} needs {', '.join(lacking)}; the rows have {sorted(rows.names)}. "
                "Say which column it is under target.roles, or choose another recipe"
            ) from MissingColumn(lacking[0], rows.names)


def keep(target: Target, folder: Path) -> None:
    """Writes the rows where the processes of cells can map them."""
    for name in PARTS:
        rows: Batch = getattr(target, name)
        # tensors of no rows cannot be written: one row stands in for none
        held = rows if len(rows) else target.train.take([0])
        write_columns(folder / f"{name}.arrow", held, held.names)
    facts = {"classes": target.train.classes, "rows": {n: len(getattr(target, n)) for n in PARTS}}
    (folder / FACTS).write_text(json.dumps(facts), encoding="utf-8")


def kept(folder: Path, spec: TargetSpec) -> Target:
    """The target as `keep` left it."""
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    train, test, tuning = (
        Batch(*read_columns(folder / f"{name}.arrow"), classes=facts["classes"]) for name in PARTS
    )
    if not facts["rows"]["tuning"]:
        tuning = tuning.take([])
    return Target(train, test, tuning, built_recipe(spec.recipe), spec.groups)
