"""A gate's store: its journal, and beside it all that is needed to open it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from foretaste.data import Batch
from foretaste.durable import write_durably
from foretaste.errors import BadInput, BadRecord, MissingExtra
from foretaste.gate.form import Form
from foretaste.gate.keeper import Keeper
from foretaste.gate.packing import pack, unpack
from foretaste.gate.records import Records
from foretaste.gate.settings import GateSettings, Opening, Providers, settings_of, tables

try:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError
except ImportError as error:
    raise MissingExtra("the store of a gate", "gate") from error

SETTINGS, CONTRACT, TRUSTED = "gate.yaml", "contract.yaml", "trusted.rows"


class Stored:
    """What a store says of its gate.

    Trusted rows and contract are copies of those the gate began with: the files they came from may
    change or go, the gate goes by what it knows.
    """

    def __init__(self, store: str, folder: Path | None = None) -> None:
        self.store, self.folder, self.place = store, folder, place_of(store, folder)

    @property
    def there(self) -> bool:
        """Whether a gate was begun here."""
        return all((self.place / name).exists() for name in (SETTINGS, CONTRACT, TRUSTED))

    @property
    def settings(self) -> GateSettings:
        """As it was begun, but where the store is now."""
        said = tables(self._found(SETTINGS))
        return settings_of({**said, "store": self.store, "folder": self.folder})

    @property
    def records(self) -> Records:
        """Reads records of the stream."""
        return Records(Form.read(self._found(CONTRACT)), self.settings.credentials)

    @property
    def trusted(self) -> Batch:
        """The rows it compares with."""
        rows = unpack(self._found(TRUSTED).read_bytes(), [])
        if not isinstance(rows, Batch):
            raise BadRecord(f"{self.place / TRUSTED} holds no rows")
        return rows

    def begin(self, opening: Opening) -> None:
        """Writes down what the gate begins with."""
        self.place.mkdir(parents=True, exist_ok=True)
        said = opening.settings.model_dump(mode="json", exclude_defaults=True)
        for gone in ("store", "folder", "contract"):
            said.pop(gone, None)
        write_durably(self.place / TRUSTED, pack(opening.rows))
        write_durably(self.place / CONTRACT, opening.form.text().encode())
        write_durably(self.place / SETTINGS, yaml.safe_dump(said, sort_keys=False).encode())

    def agree(self, form: Form) -> None:
        """From now on another contract; roles and labels are what the gate was begun with."""
        old = self.records.form
        for part in ("roles", "classes", "layout", "named", "width"):
            if getattr(old, part) != getattr(form, part):
                raise BadInput(
                    f"the gate in {self.place} was begun with other {part}; a contract may change "
                    "its fields' bounds, or begin another gate"
                )
        if form != old:
            write_durably(self.place / CONTRACT, form.text().encode())

    def believe(self, providers: Providers) -> None:
        """From now on another list of providers; whether there is one follows from the rows."""
        if self.settings.providers is None:
            raise BadInput(
                f"the gate in {self.place} was begun without providers; begin another one with them"
            )
        said = tables(self._found(SETTINGS))
        said["providers"] = providers.model_dump(mode="json", exclude_defaults=True)
        write_durably(self.place / SETTINGS, yaml.safe_dump(said, sort_keys=False).encode())

    def open(self, **changes: Any) -> Keeper:
        """The gate, ready to decide."""
        terms = self.settings.model_copy(update=changes).terms
        return Keeper.open(self.store, self.trusted, terms, folder=self.folder)

    def _found(self, name: str) -> Path:
        if not self.there:
            raise BadInput(f"{self.place} holds no gate; `foretaste gate run --store` makes one")
        return self.place / name


def begun(opening: Opening) -> tuple[Stored, Keeper]:
    """The store that settings name, with the gate in it; begun where there is none.

    Raises `JournalTaken` where the gate there has other trusted rows or terms.
    """
    settings = opening.settings
    if settings.store is None:
        raise BadInput("a gate without a store is no keeper's: say where, as in store: gate/")
    stored = Stored(settings.store, settings.folder)
    if not stored.there:
        stored.begin(opening)
        return stored, stored.open()
    if settings.contract is not None:
        stored.agree(opening.form)
    if settings.providers is not None:
        stored.believe(settings.providers)
    if not settings.trusted:
        return stored, stored.open()
    keeper = Keeper.open(settings.store, opening.rows, settings.terms, folder=settings.folder)
    return stored, keeper


def place_of(store: str, folder: Path | None) -> Path:
    """Where the files of a store are.

    >>> place_of("gate", None).name, place_of("sqlite:///some/gate.db", None).name
    ('gate', 'some')
    """
    if folder is not None:
        return folder
    if "://" not in store:
        return Path(store)
    try:
        url = make_url(store)
    except ArgumentError as error:
        raise BadInput(f"{store} is no URL of a database: {error}") from error
    if not url.drivername.startswith("sqlite") or not url.database:
        raise BadInput(f"{url!r} needs a folder for its files beside the database")
    return Path(url.database).parent
