"""One writer at a time; the lock of a process that died is free at once."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from foretaste.ledger.refusals import WriterTaken


class Lock:
    """Held from the time it is made until `free`.

    path: an empty file that stays when the lock is free; whoever deletes it lets two writers in
    Raises `WriterTaken` where another has it, in this process or another.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.free()
            raise WriterTaken(
                f"another process writes to this ledger (it holds {path}); let it finish first"
            ) from error

    def free(self) -> None:
        """Lets another write."""
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1
