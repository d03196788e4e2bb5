"""Hostile files out of words, for testing what inspects files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from foretaste import registry
from foretaste.errors import BadInput
from foretaste.planting.naming import settable
from foretaste.planting.settings import fitted


def forges(name: str) -> bool:
    """Whether the attack writes a file, and no data set.

    >>> forges("malicious_pickle"), forges("badnets")
    (True, False)
    """
    return hasattr(registry.component("attacks", name), "forge")


def forged(name: str, settings: Mapping[str, Any], file: Path, seed: int) -> Path:
    """The hostile file, newly written; what loading it would run is harmless.

    Raises `BadInput` for a setting that it has not, and where there is a file already.
    """
    fields = settable(name)
    unknown = sorted(set(settings) - set(fields))
    if unknown:
        raise BadInput(f"{name} has no setting {unknown[0]!r}; it has {sorted(fields)}")
    if file.exists():
        raise BadInput(f"{file} is there already; name another file, or move it away")
    chosen = {one: fitted(fields[one], value, f"{name}: {one}") for one, value in settings.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    written: Path = registry.component("attacks", name)(**chosen).forge(
        file, np.random.default_rng(seed)
    )
    return written
