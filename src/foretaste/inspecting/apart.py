"""Files are looked at in a process of its own, with little memory and little time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from typing import Any, Self

LONGEST = 8 << 20  # bytes of one answer
LOOKING = "foretaste.inspecting.looking"


@dataclass(frozen=True)
class Limits:
    """What a look at one file may take.

    seconds: of each inspector on each file, and one more for each `rate` bytes of it
    memory:  bytes of address space
    """

    seconds: float = 60.0
    rate: int = 10 << 20
    memory: int = 4 << 30

    def time(self, size: int) -> float:
        """Seconds for a file of that size.

        >>> Limits().time(100 << 20)
        70.0
        """
        return self.seconds + size / self.rate


class Died(Exception):
    """The process ended before it answered."""


@dataclass
class Apart:
    """A process that looks at files; started when it is needed, started anew when it died.

    It reads JSON and answers in JSON, writes no large file, and starts in an empty folder, so that
    nothing beside a model is imported by accident.
    """

    limits: Limits = field(default_factory=Limits)
    _process: subprocess.Popen[bytes] | None = None
    _folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="foretaste-")
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        if self._folder is not None:
            self._folder.cleanup()

    def ask(self, task: dict[str, Any], size: int) -> dict[str, Any]:
        """The answer to one task about a file of that size; raises `Died` with the reason."""
        process, seconds = self._started(), self.limits.time(size)
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(seconds, stop)
        timer.start()
        try:
            line = _exchanged(process, task)
        finally:
            timer.cancel()
        answer = _parsed(line)
        if answer is None:
            self._end()
            raise Died(_why(process, seconds if late.is_set() else None))
        return answer

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            words = [sys.executable, "-P", "-m", LOOKING, str(self.limits.memory), "86400"]
            self._process = subprocess.Popen(  # noqa: S603 (our own module)
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=None if self._folder is None else self._folder.name,
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _exchanged(process: subprocess.Popen[bytes], task: dict[str, Any]) -> bytes:
    if process.stdin is None or process.stdout is None:
        return b""
    try:
        process.stdin.write(json.dumps(task).encode() + b"\n")
        process.stdin.flush()
        return process.stdout.readline(LONGEST)
    except OSError:
        return b""


def _parsed(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        answer = json.loads(line)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _why(process: subprocess.Popen[bytes], seconds: float | None) -> str:
    if seconds is not None:
        return f"it could not be inspected within {seconds:.0f} seconds"
    return f"the process that looked at it ended with code {process.returncode}"
