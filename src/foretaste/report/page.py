"""What every page shares: its template, its style, and how strange characters are shown."""

from __future__ import annotations

import unicodedata
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template

UNSEEN = ("Cf", "Cc", "Co", "Cn", "Zl", "Zp")  # Unicode categories of which a reader sees nothing
PLAIN = "\n\r\t"


def template(name: str) -> Template:
    """A template of this folder; everything put into it is escaped, a missing value is an error."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(asset(name))


def asset(name: str) -> str:
    """A file of this folder as text."""
    return files("foretaste.report").joinpath(name).read_text(encoding="utf-8")


def visible(text: str) -> str:
    r"""The text with its invisible characters spelt out.

    >>> print(visible("a\u200bb"))
    a⟨U+200B⟩b
    """
    return "".join(f"⟨U+{ord(c):04X}⟩" if _unseen(c) else c for c in text)


def png_size(image: bytes) -> tuple[int, int]:
    """Height and width, from the header of a PNG."""
    return int.from_bytes(image[20:24], "big"), int.from_bytes(image[16:20], "big")


def _unseen(character: str) -> bool:
    return unicodedata.category(character) in UNSEEN and character not in PLAIN
