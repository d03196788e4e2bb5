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
