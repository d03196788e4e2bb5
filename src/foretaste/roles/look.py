"""What some rows of a column look like."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from foretaste.data import Floats
from foretaste.roles.columns import floats, looks_missing, seconds
from foretaste.roles.images import looks_like_image

MANY = 100  # more classes than this need a column name that says so
NUMBERED = re.compile(r"^[a-z]*_?\d+(_?x?_?\d+)?$")  # pixel17, column_3, 1x28
_DIGEST = re.compile(
    r"(md5|sha1|sha256|sha512)?[:-]?([0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128})"
)
_NESTED = (list, dict, bytes, np.ndarray)


class Look:
    """Answers questions about a column from some of its values; each is answered once.

    >>> Look(["1", "2", "", "2.5"]).numeric, Look(["ham", "spam"] * 9).few
    (True, True)
    """

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = values

    @cached_property
    def there(self) -> list[Any]:
        """The values that are not missing."""
        return [value for value in self.values if not looks_missing(value)]

    @cached_property
    def distinct(self) -> int:
        """How many different values there are."""
        return len(set(map(str, self.there)))

    @cached_property
    def digest(self) -> bool:
        """Whether all there is are digests of something, in hexadecimal digits."""
        return bool(self.there) and all(map(_is_digest, self.there))

    @cached_property
    def nested(self) -> bool:
        """Whether some value is no single string or number."""
        return any(isinstance(value, _NESTED) for value in self.values)

    @cached_property
    def width(self) -> int:
        """How many numbers nearly every value has, if these are vectors; else 0."""
        sizes = Counter(len(value) if _is_vector(value) else 0 for value in self.there)
        width, often = sizes.most_common(1)[0] if sizes else (0, 0)
        return width if width > 1 and often >= 0.9 * len(self.there) else 0

    @cached_property
    def numbers(self) -> Floats:
        """The values that are not missing, as numbers; NaN where they are none."""
        return np.full(len(self.there), np.nan) if self.nested else floats(self.there)

    @cached_property
    def numeric(self) -> bool:
        """Whether nearly all there is are numbers; so is a column that is empty throughout."""
        if not self.there:
            return bool(len(self.values))
        return not self.nested and float(np.isnan(self.numbers).mean()) <= 0.05

    @cached_property
    def whole(self) -> bool:
        """Whether these are whole numbers."""
        return self.numeric and bool((np.nan_to_num(self.numbers) % 1 == 0).all())

    @cached_property
    def pixel(self) -> bool:
        """Whether these could be values of one pixel."""
        low, high = self.numbers.min(initial=0), self.numbers.max(initial=0)
        return self.whole and bool(low >= 0 and high <= 255)

    @cached_property
    def words(self) -> float:
        """Mean words in a value; 0 if these are not texts."""
        texts = [value for value in self.there if isinstance(value, str)]
        if self.numeric or len(texts) < 0.5 * len(self.there):
            return 0.0
        return sum(len(text.split()) for text in texts) / len(texts)

    @cached_property
    def varied(self) -> bool:
        """Whether values seldom recur."""
        return self.distinct > min(10, 0.2 * len(self.there))

    @cached_property
    def classes(self) -> bool:
        """Whether these may be classes, given a name that says so."""
        if self.nested or (self.numeric and not self.whole):
            return not self.nested and self.distinct <= 10
        return self.distinct <= max(20, len(self.there) / 2)

    @cached_property
    def few(self) -> bool:
        """Whether these look like classes whatever the column is called."""
        most = min(MANY, max(2, len(self.there) / 4))
        return 2 <= self.distinct <= most and self.classes and self.words < 3

    @cached_property
    def time(self) -> bool:
        """Whether nearly all there is are points in time."""
        return bool(self.there) and float(np.isnan(seconds(self.there)).mean()) <= 0.2

    @cached_property
    def image(self) -> bool:
        """Whether these are images or paths to some."""
        return looks_like_image(self.values)

    @cached_property
    def feature(self) -> bool:
        """Whether this is a measurement or a category, and no row number."""
        if self.nested:
            return False
        if self.numeric:
            counts = np.arange(len(self.numbers)) + self.numbers[:1]
            finite = bool(np.isfinite(counts).all())
            return len(counts) <= 20 or not (finite and np.array_equal(self.numbers, counts))
        return self.distinct <= max(20, len(self.there) / 4)

    def same_as(self, other: Look) -> bool:
        """Whether one column is only another name for the other's values."""
        pairs = len(set(zip(map(str, self.values), map(str, other.values), strict=True)))
        counts = {len(set(map(str, self.values))), len(set(map(str, other.values))), pairs}
        return len(counts) == 1 and pairs > 1


def _is_vector(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim == 1
    return isinstance(value, list) and all(isinstance(one, int | float) for one in value)


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and bool(_DIGEST.fullmatch(value.strip().lower()))
