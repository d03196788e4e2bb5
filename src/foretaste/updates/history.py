"""All model updates of a gate in order, what was undone, and what was found bad afterwards.

FOLDER/history.jsonl         a line an event: update, rollback, pull_back; only ever appended to
FOLDER/MODEL.safetensors     each model once, by the SHA-256 of its content
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from foretaste.durable import add_line, whole_lines, write_durably
from foretaste.errors import BadInput, BadRecord
from foretaste.keeping import LARGEST, Kept, kept
from foretaste.updates.record import Guarded, PullBack, Rollback, Update

LINES = "history.jsonl"
Event = Update | Rollback | PullBack
_KINDS: dict[str, type[Event]] = {
    "update": Update,
    "rollback": Rollback,
    "pull_back": PullBack,
}


@dataclass(frozen=True)
class History:
    """What happened to the models that a gate's windows taught."""

    folder: Path

    def events(self) -> list[Event]:
        """All there were, oldest first; a line torn by a crash does not count."""
        path = self.folder / LINES
        return [_read(line, path, at) for at, line in enumerate(whole_lines(path), 1)]

    def updates(self) -> list[Update]:
        """Every update, admitted or not, undone or not."""
        return [one for one in self.events() if isinstance(one, Update)]

    def undone(self) -> frozenset[int]:
        """Numbers of the updates that were rolled back."""
        events = self.events()
        return frozenset(n for one in events if isinstance(one, Rollback) for n in one.undone)

    def in_use(self) -> Update | None:
        """The newest update that was admitted and not undone."""
        undone = self.undone()
        good = [one for one in self.updates() if one.admitted and one.number not in undone]
        return good[-1] if good else None

    def set_aside(self) -> frozenset[str]:
        """Content digests of the windows that nothing may learn from any more."""
        events = self.events()
        return frozenset(w for one in events if isinstance(one, Rollback) for w in one.windows)

    def pulled(self) -> frozenset[tuple[str, str]]:
        """Window and content id of each record found bad afterwards."""
        events = [one for one in self.events() if isinstance(one, PullBack)]
        return frozenset((found.window, found.record) for one in events for found in one.found)

    def model(self, update: Update) -> Kept:
        """The model of an update, if its file is as it was written.

        Raises `BadRecord` for a file that was changed or is gone.
        """
        path = self.path(update.model)
        if not path.exists():
            raise BadRecord(f"{path} is gone: the model of update {update.number}")
        if _sha(path) != update.model:
            raise BadRecord(f"{path} is not the file that was written: restore it from a copy")
        return kept(path)

    def path(self, model: str) -> Path:
        """Where a model of that digest is."""
        return self.folder / f"{model}.safetensors"

    def keep(self, model: Path) -> str:
        """Takes in a model's file, and gives its digest."""
        if model.stat().st_size > LARGEST:
            raise BadInput(f"{model}: {model.stat().st_size:,} bytes; at most {LARGEST:,} are read")
        content = model.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.path(digest).exists():
            write_durably(self.path(digest), content)
        return digest

    def add(
        self,
        model: Path,
        learned: tuple[str, ...],
        guarded: Guarded,
        shadow: Guarded | None = None,
        recipe: str = "",
    ) -> Update:
        """Writes down an update, with the digests of the windows it learned from."""
        parent = self.in_use()
        before = () if parent is None else parent.learned
        update = Update.model_validate(
            {
                "number": len(self.updates()) + 1,
                "model": self.keep(model),
                "parent": "" if parent is None else parent.model,
                "recipe": recipe,
                "learned": learned,
                "newest": tuple(one for one in learned if one not in set(before)),
                "guarded": guarded,
                "shadow": shadow,
                "admitted": guarded.admitted and (shadow is None or shadow.admitted),
                "time": now(),
            }
        )
        self.write("update", update)
        return update

    def write(self, kind: str, event: Event) -> None:
        """Adds an event, durably."""
        self.folder.mkdir(parents=True, exist_ok=True)
        said = {"kind": kind, **event.model_dump(mode="json", by_alias=True)}
        add_line(self.folder / LINES, json.dumps(said).encode())


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _read(line: bytes, path: Path, at: int) -> Event:
    try:
        said = json.loads(line)
        return _KINDS[said.pop("kind")].model_validate(said)
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        raise BadRecord(f"{path} line {at} is damaged: {error}") from error


def _sha(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
