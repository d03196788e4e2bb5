"""Finds components by name. The folder is the registry: `label_noise.py` holds `LabelNoise`."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import Any, Literal

from foretaste.errors import UnknownComponent

Floor = Literal[
    "readers",
    "encoders",
    "detectors",
    "attacks",
    "recipes",
    "repairs",
    "inspectors",
    "explainers",
    "aggregators",
    "preaggregators",
    "checks",
]


def names(floor: Floor) -> tuple[str, ...]:
    """Every name on a floor, own first, then installed plugins; imports no component.

    >>> "spectral" in names("detectors")
    True
    """
    plugins = entry_points(group=f"foretaste.{floor}")
    return (*sorted(_own(floor)), *sorted(plugin.name for plugin in plugins))


def component(floor: Floor, name: str) -> Any:
    """The class of that name; own components before plugins, so none can be replaced unseen.

    >>> component("detectors", "spectral").__name__
    'Spectral'
    """
    if name in _own(floor):
        module = import_module(f"foretaste.{floor}.{name}")
        return getattr(module, "".join(part.capitalize() for part in name.split("_")))
    for plugin in entry_points(group=f"foretaste.{floor}", name=name):
        return plugin.load()
    raise UnknownComponent(floor, name, names(floor))


def build(floor: Floor, name: str, **settings: object) -> Any:
    """The named component, its settings checked by its own constructor.

    >>> type(build("detectors", "spectral")).__name__
    'Spectral'
    """
    return component(floor, name)(**settings)


@cache
def _own(floor: Floor) -> frozenset[str]:
    """What the folder holds, looked at once."""
    folder = import_module(f"foretaste.{floor}").__path__
    return frozenset(module.name for module in iter_modules(folder))
