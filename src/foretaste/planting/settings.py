"""A value for a setting, from text or from a file of settings, checked against its type."""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin

import yaml

from foretaste import registry
from foretaste.contracts import Recipe
from foretaste.errors import BadInput

_UNIONS = (Union, types.UnionType)
_LISTS = (list, tuple, Sequence)
_NONE = ("", "none", "null", "~")
_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class _Misfit(Exception):
    """The value is none of this type."""


def fitted(hint: Any, value: Any, where: str) -> Any:
    """The value as the type wants it; text is read, a list becomes a tuple, a name a recipe.

    >>> from typing import Literal
    >>> fitted(float, "0.5", "rate"), fitted(tuple[str, ...], "a,b", "words")
    (0.5, ('a', 'b'))
    >>> fitted(int | None, None, "source"), fitted(Literal["corner", "random"], "random", "place")
    (None, 'random')
    """
    try:
        return _fit(hint, value)
    except _Misfit:
        wanted = hint.__name__ if inspect.isclass(hint) else str(hint).replace("typing.", "")
        raise BadInput(f"{where} should be {wanted}, not {value!r}") from None


def _fit(hint: Any, value: Any) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in _UNIONS:
        return _any_of(inner, value)
    if origin is Literal:
        return _one_of(inner, value)
    if origin is Mapping or origin is dict:
        return _mapping(inner, value)
    if origin in _LISTS or hint in _LISTS:
        return _several(inner, value)
    if hint is Recipe or (inspect.isclass(hint) and hasattr(hint, "train")):
        return _recipe(value)
    return _plain(hint, value)


def _plain(hint: Any, value: Any) -> Any:
    if hint is bool:
        return _truth(value)
    if hint in (int, float):
        return _number(hint, value)
    if hint is type(None):
        return _nothing(value)
    if hint is Any or (inspect.isclass(hint) and isinstance(value, hint)):
        return value
    raise _Misfit


def _any_of(hints: Sequence[Any], value: Any) -> Any:
    exact = [hint for hint in hints if inspect.isclass(hint) and type(value) is hint]
    # of text, a number is tried before a word
    ordered = [h for h in hints if h is not str] + [h for h in hints if h is str]
    for hint in ordered if isinstance(value, str) else (*exact, *ordered):
        try:
            return _fit(hint, value)
        except _Misfit:
            continue
    raise _Misfit


def _one_of(choices: Sequence[Any], value: Any) -> Any:
    for one in choices:
        if one == value or str(one) == value:
            return one
    raise _Misfit


def _mapping(inner: Sequence[Any], value: Any) -> dict[Any, Any]:
    value = _read(value)
    if not isinstance(value, Mapping):
        raise _Misfit
    key, of = inner or (Any, Any)
    return {_fit(key, one): _fit(of, other) for one, other in value.items()}


def _several(inner: Sequence[Any], value: Any) -> tuple[Any, ...]:
    """A tuple: of so many values of those types, or of any number of one."""
    if isinstance(value, str):
        read = _read(value)
        value = read if isinstance(read, list | tuple) else [part.strip() for part in _parts(value)]
    if not isinstance(value, list | tuple):
        raise _Misfit
    if not inner:
        return tuple(value)
    if len(inner) == 1 or inner[-1] is ...:
        return tuple(_fit(inner[0], one) for one in value)
    if len(inner) != len(value):
        raise _Misfit
    return tuple(_fit(hint, one) for hint, one in zip(inner, value, strict=True))


def _parts(text: str) -> list[str]:
    return text.split(",") if text.strip() else []


def _recipe(value: Any) -> Any:
    """A recipe, or by its name, or by its name and settings: {small_cnn: {epochs: 3}}."""
    value = _read(value)
    if isinstance(value, str):
        return registry.build("recipes", value)
    if isinstance(value, Mapping) and len(value) == 1:
        name, settings = next(iter(value.items()))
        try:
            return registry.build("recipes", name, **(settings or {}))
        except TypeError as error:
            raise BadInput(f"recipe {name}: {error}") from error
    if hasattr(value, "train"):
        return value
    raise _Misfit


def _truth(value: Any) -> bool:
    if isinstance(value, str):
        value = _TRUTH.get(value.strip().lower())
    if not isinstance(value, bool):
        raise _Misfit
    return value


def _number(kind: type, value: Any) -> Any:
    if isinstance(value, bool):
        raise _Misfit
    if isinstance(value, str) or (kind is float and isinstance(value, int)):
        try:
            return kind(value)
        except ValueError:
            raise _Misfit from None
    if isinstance(value, kind):
        return value
    raise _Misfit


def _nothing(value: Any) -> None:
    if value is not None and not (isinstance(value, str) and value.strip().lower() in _NONE):
        raise _Misfit


def _read(text: Any) -> Any:
    """What a text says in YAML, of which JSON is a part; other values are themselves."""
    if not isinstance(text, str):
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text
