"""How far the work is, and where the time went."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from foretaste.record import Stage

Progress = Callable[[str, int, int], None]  # stage, rows done, rows in all (0: not known)


def silent(stage: str, done: int, total: int) -> None:
    """Tells nobody."""


@dataclass
class Watch:
    """Times the stages of one piece of work and reports how far each is."""

    progress: Progress = silent
    stages: list[Stage] = field(default_factory=list)
    _parts: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str, total: int = 0) -> Iterator[Callable[[int], None]]:
        """Times what happens inside; what it gives is called with the rows just done.

        >>> watch = Watch()
        >>> with watch.stage("read", 3) as tick:
        ...     tick(3)
        >>> watch.stages[0].name, watch.stages[0].rows
        ('read', 3)
        """
        done, begun = 0, time.perf_counter()

        def tick(rows: int) -> None:
            nonlocal done
            done += rows
            self.progress(name, done, total)

        self.progress(name, 0, total)
        try:
            yield tick
        finally:
            spent = time.perf_counter() - begun
            self.stages.append(Stage(name=name, seconds=round(spent, 3), rows=done))
            self._parts, parts = {}, self._parts
            for part, seconds in parts.items():
                timed = Stage(name=f"{name}: {part}", seconds=round(seconds, 3), rows=done, of=name)
                self.stages.append(timed)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Times one method within the stage, however often it is called."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - begun
            self._parts[name] = self._parts.get(name, 0.0) + spent
