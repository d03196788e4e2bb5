"""How one gate is opened: from a settings file, or from the words of a command line."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from foretaste import readers
from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.gate.form import Form
from foretaste.gate.records import Records
from foretaste.gate.terms import Terms
from foretaste.gate.trusting import suggested, trusted_rows
from foretaste.ledger.book import Book
from foretaste.ledger.keys import VerifyingKey
from foretaste.origin.batches import owned
from foretaste.origin.providers import Registry
from foretaste.origin.records import FIELD, Credentials, unknown


class Providers(BaseModel):
    """The table `[gate.providers]`: who signs records, and in which field.

    registry: list of providers; read when the gate is opened
    owner:    public key of whoever has to have signed that list; empty: nobody has to
    ledger:   folder of a ledger that has to know of each key; None: none has to
    field:    of a record, in which its signature stands
    required: whether records of sources without a key have to be signed as well
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    registry: Annotated[Path, AfterValidator(Path.absolute)]
    owner: str = ""
    ledger: Annotated[Path, AfterValidator(Path.absolute)] | None = None
    field: str = FIELD
    required: bool = False

    @property
    def credentials(self) -> Credentials:
        """Looks at signatures. Raises `MalformedRegistry`, `WrongSignature`."""
        if self.owner:
            registry = owned(self.registry, VerifyingKey.read(self.owner))
        else:
            registry = Registry.read(self.registry)
        if self.ledger is not None:
            registry.check_listed(event for _, event in Book.open(self.ledger).events())
        return Credentials(registry, self.field, self.required)


class GateSettings(BaseModel):
    """The table `[gate]` of a settings file.

    trusted: path or URL of rows known to be clean, in any format that a scan reads; may be left
        out where the store has a gate already, which knows its own
    contract: file with the contract of the stream; else the one that the trusted rows suggest
    store:   folder, or URL of a database, for all that was decided; folder: for its files, where
        the store is no folder
    alpha, window, checks, settings, encoders, seed: see `Terms`
    roles, format: how the trusted rows are read
    tenants: who may use the gate of a server; empty: all
    providers: who signs records; None: nobody asks
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trusted: str = ""
    contract: Path | None = None
    store: str | None = None
    folder: Path | None = None
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.01
    window: Annotated[int, Field(gt=0)] = 1_000
    checks: tuple[str, ...] = ()
    settings: dict[str, dict[str, Any]] = Field(default_factory=dict)
    encoders: tuple[str, ...] = ()
    seed: int = 0
    roles: dict[str, str] = Field(default_factory=dict)
    format: str | None = None
    tenants: tuple[str, ...] = ()
    providers: Providers | None = None

    @property
    def credentials(self) -> Credentials | None:
        """Looks at signatures, if anybody asks."""
        return None if self.providers is None else self.providers.credentials

    @property
    def terms(self) -> Terms:
        """What decides the decisions."""
        return Terms(self.alpha, self.window, self.checks, self.settings, self.encoders, self.seed)


@dataclass(frozen=True)
class Opening:
    """What a gate needs, read when it is asked for.

    >>> table = {"age": [i / 7 for i in range(90)], "label": ["a", "b", "b"] * 30}
    >>> opening = Opening(GateSettings(), table)
    >>> opening.form.fields["age"].kind.value, len(opening.rows)
    ('number', 90)
    """

    settings: GateSettings
    data: Any = None  # instead of what stands at `settings.trusted`

    @cached_property
    def source(self) -> Any:
        """The trusted rows as a data set."""
        said = self.settings
        if not said.trusted and self.data is None:
            raise BadInput("a gate compares with rows known to be clean: say which are trusted")
        return readers.open(
            said.trusted if self.data is None else self.data, said.roles, said.format
        )

    @cached_property
    def form(self) -> Form:
        """The contract of the stream."""
        if self.settings.contract is not None:
            return Form.read(self.settings.contract)
        return suggested(self.source)

    @cached_property
    def rows(self) -> Batch:
        """The trusted rows as a gate takes them."""
        rows = trusted_rows(self.source, self.form)
        if self.settings.providers is None:
            return rows
        return rows.having(credential=unknown(len(rows)))

    @cached_property
    def records(self) -> Records:
        """Reads records of the stream."""
        return Records(self.form, self.settings.credentials)


def settings_of(said: Mapping[str, Any]) -> GateSettings:
    """From plain values; raises `BadInput`."""
    try:
        return GateSettings.model_validate(said)
    except ValidationError as error:
        raise BadInput(f"settings of a gate: {error}") from error


def tables(path: Path) -> dict[str, Any]:
    """A settings file, YAML or (by its name) TOML, as plain values; raises `BadInput`."""
    try:
        text = path.read_text(encoding="utf-8")
        said = tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)
    except OSError as error:
        raise BadInput(f"the settings file {path} cannot be read: {error}") from error
    except (tomllib.TOMLDecodeError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: {error}") from error
    if not isinstance(said, dict):
        raise BadInput(f"{path} holds no settings, but a {type(said).__name__}")
    return said


def read_settings(path: Path) -> GateSettings:
    """The table `[gate]` of a settings file, or all of a file that is nothing else.

    A path in it that is not absolute is meant from where the file stands.
    """
    said = tables(path)
    said = said.get("gate", said)
    if not isinstance(said, dict):
        raise BadInput(f"{path}: `gate` holds no settings")
    return settings_of(beside(path, said))


def beside(path: Path, said: Mapping[str, Any]) -> dict[str, Any]:
    """Settings in which relative paths are meant from where their file stands."""
    moved = dict(said)
    for name in ("trusted", "contract", "store", "folder"):
        value = moved.get(name)
        if isinstance(value, str) and "://" not in value:
            moved[name] = str(path.parent / value)
    told = moved.get("providers")
    if isinstance(told, dict):
        paths = {n: str(path.parent / str(told[n])) for n in ("registry", "ledger") if n in told}
        moved["providers"] = {**told, **paths}
    return moved
