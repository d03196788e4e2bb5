"""For methods that judge each row by itself."""

from __future__ import annotations

from dataclasses import dataclass

from foretaste.data import Batch


@dataclass(frozen=True)
class Nothing:
    """Remembers nothing."""

    def merge(self, other: Nothing) -> Nothing:
        return self


class Stateless:
    """The half of a detector or an encoder that has nothing to learn."""

    def summarize(self, batch: Batch) -> Nothing:
        return Nothing()

    def fit(self, summary: Nothing) -> None:
        return None
