"""What the user chose, in a settings file or in words."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from foretaste import registry
from foretaste.contracts import Encoder
from foretaste.errors import BadInput

CONFIG = Path("foretaste.toml")


class Config(BaseModel):
    """The table `[scan]` of foretaste.toml, with `[scan.roles]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.01
    detectors: tuple[str, ...] | None = None
    encoders: tuple[str, ...] = ()
    roles: dict[str, str] = Field(default_factory=dict)
    format: str | None = None
    trusted: str | None = None
    power: Literal["off", "quick", "full"] = "quick"
    thorough: bool = False
    seed: int = 0


def read_config(path: Path | None) -> Config:
    """The settings file named, or foretaste.toml where there is one, or the defaults."""
    if path is None and not CONFIG.exists():
        return Config()
    chosen = path or CONFIG
    try:
        tables = tomllib.loads(chosen.read_text(encoding="utf-8"))
        return Config.model_validate(tables.get("scan", {}))
    except OSError as error:
        raise BadInput(f"the settings file {chosen} cannot be read: {error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError) as error:
        raise BadInput(f"{chosen}: {error}") from error


def roles_of(words: Iterable[str]) -> dict[str, str]:
    """`role=column` words as a mapping.

    >>> roles_of(["source=author", "time="])
    {'source': 'author', 'time': ''}
    """
    return dict(_pair(word, "ROLE=COLUMN") for word in words)


def settings_of(words: Iterable[str]) -> dict[str, str]:
    """`name=value` words as a mapping; none may be there twice.

    >>> settings_of(["size=4", "sentence=a = b"])
    {'size': '4', 'sentence': 'a = b'}
    """
    settings: dict[str, str] = {}
    for name, value in (_pair(word, "SETTING=VALUE") for word in words):
        if name in settings:
            raise BadInput(f"the setting {name} is given twice")
        settings[name] = value
    return settings


def encoders(words: Iterable[str]) -> tuple[Encoder[Any, Any], ...]:
    """Encoders from words such as `table` or `transformer_text:model=/models/minilm`."""
    return tuple(_encoder(word) for word in words)


def _encoder(word: str) -> Encoder[Any, Any]:
    name, _, said = word.partition(":")
    kind = registry.component("encoders", name)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    given = dict(_pair(one, "setting=value") for one in said.split(",") if one)
    unknown = [one for one in given if one not in fields]
    if unknown:
        raise BadInput(f"encoder {name} has no setting {unknown[0]!r}; it has {sorted(fields)}")
    words = {one for one in given if fields[one].type == "str"}  # layer=2.10 is no number
    chosen = {one: value if one in words else _value(value) for one, value in given.items()}
    made: Encoder[Any, Any] = kind(**chosen)
    return made


def _pair(word: str, wanted: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals:
        raise BadInput(f"{word!r} should be {wanted}")
    return name, value


def _value(word: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word
