"""The contract of a stream: which fields its records have, of which kind, within which bounds."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from foretaste.errors import BadInput, UnreadableInput
from foretaste.files.pictures import fault
from foretaste.roles.infer import CHAT, Cast
from foretaste.roles.shape import Shape

SCHEMA = 1


class Kind(StrEnum):
    """What may stand in a field."""

    NUMBER = "number"  # or a text that is one
    CATEGORY = "category"  # a short text, a number or true and false, taken as a name
    TEXT = "text"
    TIME = "time"  # seconds since 1970, or ISO 8601
    CHAT = "chat"  # a text, or a list of turns
    VECTOR = "vector"  # a list of numbers
    IMAGE = "image"  # base64 of an encoded image
    OTHER = "other"  # whatever; nothing is judged by it


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Entry(_Part):
    """One field of a record.

    required: null, an empty cell or no such field is a breach
    least, most: bounds of a number, both allowed; infinity is never within
    among: the only values of a category; None: any
    longest: characters of a text or category
    """

    kind: Kind
    required: bool = False
    least: float | None = None
    most: float | None = None
    among: tuple[str, ...] | None = None
    longest: Annotated[int, Field(gt=0)] | None = None


class Form(_Part):
    """The contract of a stream.

    roles:   role -> its fields, as a scan has them; where no field has the role `source` and one
             has the role `user`, that is the source
    classes: labels ever agreed on, in the order of their codes
    named:   names of the codes that stand in the field with the label, if those are codes
    key:     field with what the sender calls a record; need not be there
    extra:   what a field nobody agreed on does to a record
    largest: bytes of a record; deepest: how far lists and objects may be nested
    """

    form_schema: int = Field(SCHEMA, alias="schema", ge=SCHEMA, le=SCHEMA)
    layout: str = ""
    roles: dict[str, tuple[str, ...]]
    fields: dict[str, Entry]
    classes: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    width: int = 0
    key: str = "id"
    extra: Literal["refuse", "ignore"] = "refuse"
    largest: Annotated[int, Field(gt=0)] = 1 << 20
    deepest: Annotated[int, Field(gt=0, le=64)] = 16

    @property
    def shape(self) -> Shape:
        """Makes role columns of the fields, as a scan does; files beside the data are not read."""
        features = self.roles.get("features", ())
        numeric = frozenset(f for f in features if self.fields[f].kind is Kind.NUMBER)
        return Shape(Cast(self.layout, self.roles, numeric, self.width), self.named, _Nowhere())

    @classmethod
    def read(cls, path: Path) -> Self:
        """From YAML or JSON; raises `BadInput`."""
        try:
            return cls.of(yaml.safe_load(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise BadInput(f"the contract {path} cannot be read: {error}") from error
        except (yaml.YAMLError, UnicodeDecodeError, BadInput) as error:
            raise BadInput(f"{path}: {error}") from error

    @classmethod
    def of(cls, said: Any) -> Self:
        """From plain values; raises `BadInput`."""
        try:
            form = cls.model_validate(said)
        except ValidationError as error:
            raise BadInput(f"this is no contract of a stream: {error}") from error
        lost = sorted({f for names in form.roles.values() for f in names} - set(form.fields))
        if lost:
            raise BadInput(f"roles are given to {', '.join(lost)}, which is no field")
        return form

    def text(self) -> str:
        """As YAML, to be read and edited by people."""
        said = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        plain = {"schema": SCHEMA, **said}
        return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100))


class _Nowhere:
    """A record comes alone: there are no files beside it, and it shall name none."""

    def read(self, name: str, limit: int) -> bytes:
        raise UnreadableInput("a record must hold its image, not name a file")

    def fault(self, image: bytes) -> str:
        return fault(image)


def kinds(cast: Cast) -> dict[str, Kind]:
    """Field -> kind, of every field that plays a role."""
    found: dict[str, Kind] = {}
    for role, names in cast.roles.items():
        for name in names:
            found[name] = _kind(role, name, cast)
    return found


def _kind(role: str, name: str, cast: Cast) -> Kind:
    if role in CHAT:
        return Kind.CHAT
    if role == "features" and cast.width:
        return Kind.VECTOR
    if role == "features":
        return Kind.NUMBER if name in cast.numeric else Kind.CATEGORY
    if role == "image":
        return Kind.IMAGE if len(cast.roles["image"]) == 1 else Kind.NUMBER
    return _PLAIN.get(role, Kind.CATEGORY)


_PLAIN: Mapping[str, Kind] = {"text": Kind.TEXT, "time": Kind.TIME, "rating": Kind.NUMBER}
