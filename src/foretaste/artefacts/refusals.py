"""Why a signed model or data set is refused: one class a reason.

ArtefactRefused
├── MalformedSignature    no signature in the OpenSSF format, or one cut short
├── UnsupportedSignature  one of another method, hash or version than is read here
├── OtherKey              it names another key than the one it is checked with
├── ForgedSignature       it is not by this key over this list of files
├── ContentDiffers        the files are not those that were signed; says which, and how
└── ContentMoves          the files were changed while they were being read
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from foretaste.errors import ArtefactRefused


class MalformedSignature(ArtefactRefused):
    """No signature in the OpenSSF format, or one cut short."""


class UnsupportedSignature(ArtefactRefused):
    """A signature of another method, hash or version than is read here."""


class OtherKey(ArtefactRefused):
    """The signature names another key than the one it is checked with."""


class ForgedSignature(ArtefactRefused):
    """The signature is not by this key over this list of files."""


class ContentMoves(ArtefactRefused):
    """The files were changed while they were being read."""


class How(StrEnum):
    """How a file differs from what was signed."""

    CHANGED = "changed"
    MISSING = "missing"
    UNLISTED = "unlisted"  # it is there, and nobody signed it
    LINK = "link"  # to somewhere else
    ODD = "odd"  # a device, a pipe, or nothing that can be read


@dataclass(frozen=True, slots=True)
class Difference:
    """One file that is not as it was signed.

    name: inside the folder; "." is the one file that was signed
    """

    how: How
    name: str
    detail: str = ""


class ContentDiffers(ArtefactRefused):
    """The files are not those that were signed.

    differences: all of them, by name
    """

    def __init__(self, differences: Iterable[Difference]) -> None:
        self.differences = tuple(differences)
        told = [f"{one.how} {one.name!r}" for one in self.differences[:5]]
        more = len(self.differences) - len(told)
        also = f" and {more:,} more" if more else ""
        super().__init__(f"not what was signed: {', '.join(told)}{also}")
