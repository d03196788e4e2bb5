"""Which column plays which role, by what the user said, by name, and by what stands in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from foretaste.errors import WrongRole
from foretaste.roles import names as by_name
from foretaste.roles.columns import floats, looks_missing, seconds
from foretaste.roles.images import looks_like_image
from foretaste.roles.layouts import recognised
from foretaste.roles.names import checked, named, plain

Sample = Mapping[str, Sequence[Any]]
CHAT = ("messages", "prompt", "response", "rejected")
MANY = 100  # more classes than this need a column name that says so
_NESTED = (list, dict, bytes, np.ndarray)
_CONTENT = ("text", "image", "features", "user", *CHAT)


@dataclass(frozen=True)
class Cast:
    """Who plays what.

    layout:  the fine-tuning layout, or nothing
    roles:   role -> its columns
    numeric: which of the features are numbers; the others are categories
    """

    layout: str
    roles: Mapping[str, tuple[str, ...]]
    numeric: frozenset[str]

    @property
    def shown(self) -> dict[str, str]:
        """Role -> columns, as people write it."""
        return {role: ",".join(columns) for role, columns in self.roles.items()}

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
    layout, cast = _layout(sample, said)
    taken = {name for names in (*said.values(), *cast.values()) for name in names}
    left = {name: values for name, values in sample.items() if name not in taken}
    found = _Casting(left, {**cast, **said})
    for role in ("image", "text", "people", "label", "time", "source", "features"):
        getattr(found, role)()
    roles = {role: names for role, names in found.roles.items() if names}
    if not roles.keys() & set(_CONTENT):
        raise WrongRole(
            f"no column looks like text, an image or features; columns are {sorted(sample)}; "
            "say which is which, as in --role text=COLUMN"
        )
    numeric = frozenset(name for name in roles.get("features", ()) if is_numeric(sample[name]))
    return Cast(layout, roles, numeric)


def is_numeric(values: Sequence[Any]) -> bool:
    """Whether nearly all there is are numbers."""
    there = [value for value in values if not looks_missing(value)]
    if not there or any(isinstance(value, _NESTED) for value in there):
        return not there and bool(len(values))
    return float(np.isnan(floats(there)).mean()) <= 0.05


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

    def __init__(self, left: dict[str, Sequence[Any]], roles: dict[str, tuple[str, ...]]) -> None:
        self.left, self.roles = left, roles
        self.chat = any(roles.get(role) for role in CHAT)

    def _give(self, role: str, *columns: str) -> None:
        self.roles[role] = columns
        for column in columns:
            self.left.pop(column, None)

    def _open(self, role: str) -> bool:
        return role not in self.roles

    def image(self) -> None:
        if not self._open("image") or self.chat:
            return
        certain = named(self.left, by_name.IMAGE)
        for name in [*certain, *(n for n in self.left if n not in certain)]:
            if looks_like_image(self.left[name]):
                self._give("image", name)
                return

    def text(self) -> None:
        if not self._open("text") or self.chat or self.roles.get("image"):
            return
        for name in named(self.left, by_name.TEXT):
            if _wordiness(self.left[name]) > 0 and _varied(self.left[name]):
                self._give("text", name)
                return
        best = max(self.left, key=lambda name: _wordiness(self.left[name]), default=None)
        if best is not None and _wordiness(self.left[best]) >= 3 and _varied(self.left[best]):
            self._give("text", best)

    def people(self) -> None:
        user, item = named(self.left, by_name.USER), named(self.left, by_name.ITEM)
        for role, names in (("user", user), ("item", item)):
            if self._open(role) and names and (role == "user" or user):
                self._give(role, names[0])
        rated = named(self.left, by_name.RATING)
        if self._open("rating") and rated and self.roles.get("item"):
            self._give("rating", rated[0])

    def label(self) -> None:
        if not self._open("label") or self.roles.get("rating"):
            return
        wanted = by_name.LABEL[:2] if self.chat else (*by_name.LABEL, *by_name.RATING)
        likely = [name for name in named(self.left, wanted) if _is_classes(self.left[name])]
        if not likely and not self.chat:
            ends = [*self.left][-1:] + [*self.left][:1]
            likely = [n for n in ends if plain(n) not in by_name.NOTHING and _is_few(self.left[n])]
        if likely:
            self._give("label", likely[0])

    def time(self) -> None:
        names = [n for n in named(self.left, by_name.TIME) if _is_time(self.left[n])]
        if self._open("time") and names:
            self._give("time", names[0])

    def source(self) -> None:
        names = named(self.left, by_name.SOURCE)
        if self._open("source") and names:
            self._give("source", names[0])

    def features(self) -> None:
        """What is left of a table; beside text, images and chats nothing is a feature unasked."""
        others = ("text", "image", "item", *CHAT)
        if not self._open("features") or any(self.roles.get(role) for role in others):
            return
        wide = [n for n in self.left if any(isinstance(v, np.ndarray) for v in self.left[n][:1])]
        if wide:
            self._give("features", wide[0])
            return
        names = [n for n in self.left if plain(n) not in by_name.NOTHING]
        kept = [n for n in names if _is_feature(self.left[n])]
        if kept:
            self._give("features", *kept)


def _wordiness(values: Sequence[Any]) -> float:
    """Mean words in a value; 0 if these are not texts."""
    texts = [value for value in values if isinstance(value, str) and value]
    if len(texts) < 0.5 * sum(value is not None for value in values) or not texts:
        return 0.0
    return sum(len(text.split()) for text in texts) / len(texts) if not is_numeric(texts) else 0.0


def _varied(values: Sequence[Any]) -> bool:
    there = [value for value in values if value]
    return len(set(map(str, there))) > min(10, 0.2 * len(there))


def _distinct(values: Sequence[Any]) -> tuple[int, int]:
    there = [str(value) for value in values if not looks_missing(value)]
    return len(set(there)), len(there)


def _is_classes(values: Sequence[Any]) -> bool:
    distinct, there = _distinct(values)
    if is_numeric(values) and any("." in str(v) and not str(v).endswith(".0") for v in values):
        return distinct <= 10  # a measurement, not a class
    return distinct <= max(20, there / 2)


def _is_few(values: Sequence[Any]) -> bool:
    distinct, there = _distinct(values)
    return 2 <= distinct <= min(MANY, max(2, there / 4)) and _is_classes(values)


def _is_time(values: Sequence[Any]) -> bool:
    there = [value for value in values if not looks_missing(value)]
    return bool(there) and float(np.isnan(seconds(there)).mean()) <= 0.2


def _is_feature(values: Sequence[Any]) -> bool:
    distinct, there = _distinct(values)
    if any(isinstance(value, _NESTED) for value in values):
        return False
    if is_numeric(values):
        return not _counts_up(values)
    return distinct <= max(20, there / 4)


def _counts_up(values: Sequence[Any]) -> bool:
    """A row number: whole, and one more each time."""
    numbers = floats(list(values))
    return len(numbers) > 20 and bool((np.diff(numbers) == 1).all())
