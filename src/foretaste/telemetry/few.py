"""A label with few values, whatever is put into it."""

from __future__ import annotations

OTHER = "other"
_LONGEST = 80  # characters


class Few:
    """Keeps the first so many values apart and calls the rest "other".

    >>> few = Few(2)
    >>> [few(word) for word in "abca"]
    ['a', 'b', 'other', 'a']
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        value = value[:_LONGEST]
        if value not in self._known:
            if len(self._known) >= self._most:
                return OTHER
            self._known.add(value)
        return value
