"""Events of many things, as several of a bounded size: lineage unites what they say was made."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TypeVar

MOST = 200  # things of one event
T = TypeVar("T")


def batched(some: Sequence[T], most: int) -> Iterator[tuple[T, ...]]:
    """In parts of at most so many; nothing as one part of none.

    >>> list(batched("abc", 2)), list(batched("", 2))
    ([('a', 'b'), ('c',)], [()])
    """
    for start in range(0, max(1, len(some)), most):
        yield tuple(some[start : start + most])


def sha_of(text: str) -> str:
    """The SHA-256 of a text, for what has no file that would give it a digest."""
    return hashlib.sha256(text.encode()).hexdigest()
