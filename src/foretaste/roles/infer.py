"""Which column plays which role, by what the user said, by name, and by what stands in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

from foretaste.errors import WrongRole
from foretaste.roles import names as by_name
from foretaste.roles.layouts import recognised
from foretaste.roles.look import NUMBERED, Look
from foretaste.roles.names import checked, joined, named, plain

Sample = Mapping[str, Sequence[Any]]
CHAT = ("messages", "prompt", "response", "rejected")
_CONTENT = ("text", "image", "features", "user", *CHAT)


@dataclass(frozen=True)
class Cast:
    """Who plays what.

    layout:  the fine-tuning layout, or nothing
    roles:   role -> its columns
    numeric: which of the features are numbers; the others are categories
    width:   how long the vectors are, if the features are vectors in one column; else 0
    """

    layout: str
    roles: Mapping[str, tuple[str, ...]]
    numeric: frozenset[str]
    width: int = 0

    @property
    def shown(self) -> dict[str, str]:
        """Role -> columns, as people write it."""
        return {role: joined(columns) for role, columns in self.roles.items()}

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that plays a role."""
        return tuple(dict.fromkeys(name for names in self.roles.values() for name in names))


def infer(sample: Sample, given: Mapping[str, str]) -> Cast:
    """Roles of the columns, from some rows and what the user said.

    >>> infer({"text": ["hello you", "and you"], "label": ["a", "b"]}, {}).shown
    {'text': 'text', 'label': 'label'}
    """
    said = checked(given, sample)
    for role, names in said.items():
        _check_kind(role, names, sample)
    layout, cast = _layout(sample, said)
    taken = {name for names in (*said.values(), *cast.values()) for name in names}
    left = {name: Look(values) for name, values in sample.items() if name not in taken}
    found = _Casting(left, {**cast, **said}, sample)
    for role in ("image", "text", "people", "label", "time", "source", "digest", "features"):
        getattr(found, role)()
    roles = {role: names for role, names in found.roles.items() if names}
    if not roles.keys() & set(_CONTENT):
        raise WrongRole(
            f"no column looks like text, an image or features; columns are {sorted(sample)}; "
            "say which is which, as in --role text=COLUMN"
        )
    looks = {name: Look(sample[name]) for name in roles.get("features", ())}
    numeric = frozenset(name for name, look in looks.items() if look.numeric)
    width = max((look.width for look in looks.values()), default=0)
    return Cast(layout, roles, numeric, width if len(looks) == 1 else 0)


def _check_kind(role: str, names: tuple[str, ...], sample: Sample) -> None:
    """A role the user gave must be one that its column can play."""
    asked = {"image": ("image", "images"), "time": ("time", "points in time"),
             "rating": ("numeric", "numbers")}.get(role)  # fmt: skip
    if asked is None or len(names) != 1:
        return
    look = Look(sample[names[0]])
    if look.there and not getattr(look, asked[0]):
        found = str(look.there[0])[:60]
        raise WrongRole(f"role {role}: column {names[0]!r} holds no {asked[1]}, but {found!r}")


def _layout(
    sample: Sample, said: Mapping[str, tuple[str, ...]]
) -> tuple[str, dict[str, tuple[str, ...]]]:
    if any(said.get(role) for role in CHAT):
        kinds = {"messages": "messages", "rejected": "preference"}
        return next((kinds[r] for r in kinds if said.get(r)), "prompt-completion"), {}
    if said.get("text") or said.get("image") or any(role in said for role in CHAT):
        return "", {}
    taken = {name for names in said.values() for name in names}
    layout = recognised({name: values for name, values in sample.items() if name not in taken})
    return (layout.name, dict(layout.roles)) if layout else ("", {})


class _Casting:
    """Roles given out one after another; a column plays one role only."""

    def __init__(
        self, left: dict[str, Look], roles: dict[str, tuple[str, ...]], sample: Sample
    ) -> None:
        self.left, self.roles, self.sample = left, roles, sample
        self.chat = any(roles.get(role) for role in CHAT)

    def _give(self, role: str, columns: Iterable[str]) -> None:
        """The role to these columns, if there are any."""
        given = tuple(columns)
        if given:
            self.roles[role] = given
        for column in given:
            self.left.pop(column, None)

    def _open(self, role: str) -> bool:
        return role not in self.roles

    def image(self) -> None:
        if not self._open("image") or self.chat or self.roles.get("text"):
            return
        certain = named(self.left, by_name.IMAGE)
        others = [name for name in self.left if name not in certain]
        self._give("image", [n for n in [*certain, *others] if self.left[n].image][:1])
        if not self.roles.get("image") and self._open("features"):
            self._give("image", self._pixels())

    def _pixels(self) -> list[str]:
        """The columns of a table in which a row is a square grey image, with or without label."""
        pixels = [n for n, look in self.left.items() if NUMBERED.match(plain(n)) and look.pixel]
        ends = [n for n in (*pixels[-1:], *pixels[:1]) if self.left[n].few]
        for dropped in ([], *([end] for end in ends)):
            rest = [name for name in pixels if name not in dropped]
            if len(rest) >= 64 and isqrt(len(rest)) ** 2 == len(rest):
                return rest
        return []

    def text(self) -> None:
        if not self._open("text") or self.chat or self.roles.get("image"):
            return
        called = named(self.left, by_name.TEXT)
        wordy = [n for n, look in self.left.items() if look.words >= 3]
        wordy.sort(key=lambda name: -self.left[name].words)
        likely = [n for n in called if self.left[n].words > 0] + wordy
        sure = [n for n in likely if self.left[n].varied or (n in called and n in wordy)]
        self._give("text", sure[:1])

    def people(self) -> None:
        user, item = named(self.left, by_name.USER), named(self.left, by_name.ITEM)
        if self._open("user"):
            self._give("user", user[:1])
        if self._open("item") and self.roles.get("user"):
            self._give("item", item[:1])
        if self._open("rating") and self.roles.get("item"):
            self._give("rating", named(self.left, by_name.RATING)[:1])

    def label(self) -> None:
        if not self._open("label") or self.roles.get("rating"):
            return
        wanted = by_name.LABEL[:2] if self.chat else (*by_name.LABEL, *by_name.RATING)
        likely = [name for name in named(self.left, wanted) if self.left[name].classes]
        if not likely and not self.chat:
            ends = [*self.left][-1:] + [*self.left][:1]
            likely = [n for n in ends if plain(n) not in by_name.NOTHING and self.left[n].few]
        self._give("label", likely[:1])

    def time(self) -> None:
        if self._open("time"):
            self._give("time", [n for n in named(self.left, by_name.TIME) if self.left[n].time][:1])

    def source(self) -> None:
        if self._open("source"):
            self._give("source", named(self.left, by_name.SOURCE)[:1])

    def digest(self) -> None:
        if self._open("digest"):
            called = named(self.left, by_name.DIGEST)
            self._give("digest", [name for name in called if self.left[name].digest][:1])

    def features(self) -> None:
        """What is left of a table; beside text, images and chats nothing is a feature unasked."""
        others = ("text", "image", "item", *CHAT)
        if not self._open("features") or any(self.roles.get(role) for role in others):
            return
        wide = [name for name, look in self.left.items() if look.width]
        names = [n for n in self.left if plain(n) not in by_name.NOTHING]
        label = [Look(self.sample[name]) for name in self.roles.get("label", ())]
        self._give(
            "features",
            wide[:1]
            or [
                name
                for name in names
                if self.left[name].feature
                and not any(self.left[name].same_as(other) for other in label)
            ],
        )
