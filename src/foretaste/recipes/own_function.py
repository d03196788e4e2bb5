"""The user's own training code, called as a function."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from foretaste.data import Array, Batch, Floats
from foretaste.errors import BadInput
from foretaste.handover import probabilities_of, table_of
from foretaste.recipes import accuracy, classes_of


@dataclass(frozen=True)
class Own:
    """What the user's function trained: his own function from a table to predictions."""

    path: str
    answer: Callable[[Any], Any]
    classes: tuple[str, ...]

    def predict(self, rows: Batch) -> Floats:
        """(n, k) class probabilities."""
        if not len(rows):
            return np.empty((0, len(self.classes)))
        whose, table = f"predict of {self.path}", table_of(rows, self.classes, labels=False)
        answers = _called(whose, self.answer, table)
        return probabilities_of(answers, self.classes, len(rows), whose)


@dataclass(frozen=True)
class OwnFunction:
    """Trains by the user's own `function(train) -> predict`.

    path: `module:function`, of a module that is installed or in the current folder

    `train` is a pyarrow Table: `text`, `features`, `source` … as the data set has them, `label`
    as class names (null where missing), images as a column `image` of (h, w, c) uint8 tensors:
    `train["image"].combine_chunks().to_numpy_ndarray()`. A function that takes `seed` is given it.

    `predict(table)` is given such a table without labels, and gives n labels, or (n, k) class
    probabilities in the order of `classes`, a JSON list in `train.schema.metadata[b"classes"]`.

    The module is imported and runs in this process, so name only code that you would run anyway.
    Its victims cannot be tuned.

    Needs `label` (n,) of class codes, and what the function wants.

    >>> rows = Batch(range(3), {"text": ["a", "b", "c"], "label": [0, 1, 1]}, ["ham", "spam"])
    >>> recipe = OwnFunction("foretaste.recipes.own_function:majority")
    >>> recipe.quality(recipe.train(rows, seed=0).predict(rows), rows) == 2 / 3
    True
    """

    path: str

    needs: ClassVar = ("label",)
    measure: ClassVar = "accuracy"

    def train(self, rows: Batch, seed: int) -> Own:
        function = _function(self.path)
        classes = tuple(rows.class_name(code) for code in range(classes_of(rows)))
        given = {"seed": seed} if _takes_seed(function) else {}
        predict = _called(self.path, function, table_of(rows, classes), **given)
        if not callable(predict):
            raise BadInput(f"{self.path} gave a {type(predict).__name__}, not a function predict")
        return Own(self.path, predict, classes)

    def quality(self, outcomes: Array, rows: Batch) -> float:
        return accuracy(outcomes, rows)


def majority(train: Any) -> Callable[[Any], list[str]]:
    """The least that such a function can be: always the commonest label."""
    common = train["label"].drop_null().value_counts()
    names, counts = common.field("values"), common.field("counts").to_numpy()
    return lambda table: [names[int(counts.argmax())].as_py()] * len(table)


def _function(path: str) -> Callable[..., Any]:
    module, _, name = path.partition(":")
    if not module or not name:
        raise BadInput(f"{path!r} names no function; write module:function, as in train:fit")
    function = getattr(_imported(module), name, None)
    if not callable(function):
        raise BadInput(f"module {module} has no function {name!r}")
    return function


def _imported(module: str) -> Any:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)  # for good: what the function imports later is here as well
    importlib.invalidate_caches()
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and f"{module}.".startswith(f"{error.name}."):
            raise BadInput(f"no module {error.name!r} is installed or in {here}") from error
        raise BadInput(f"module {module} needs {error.name!r}, which is not installed") from error
    except Exception as error:
        raise BadInput(f"module {module} cannot be imported: {_said(error)}") from error


def _takes_seed(function: Callable[..., Any]) -> bool:
    try:
        return "seed" in inspect.signature(function).parameters
    except (TypeError, ValueError):  # of functions not written in Python
        return False


def _called(whose: str, function: Callable[..., Any], table: Any, **given: Any) -> Any:
    try:
        return function(table, **given)
    except Exception as error:
        raise BadInput(f"{whose} failed: {_said(error)}") from error


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
