"""A log's files in an object store, or whatever else fsspec knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from foretaste.errors import UnreadableInput
from foretaste.ledger.folder import bounded


class Objects:
    """Files behind any fsspec URL: `s3://`, `gs://`, `memory://`. A write is durable at once."""

    def __init__(self, system: Any, root: str) -> None:
        self.system, self.root = system, root

    def __repr__(self) -> str:
        return f"Objects({self.root!r})"

    def read(self, path: str, most: int) -> bytes | None:
        try:
            with self.system.open(f"{self.root}/{path}", "rb") as file:
                return bounded(file, most + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnreadableInput(f"{self.root}/{path} cannot be read: {error}") from error

    def write(self, files: Mapping[str, bytes]) -> None:
        self.system.pipe({f"{self.root}/{path}": content for path, content in files.items()})

    def settle(self, paths: Iterable[str]) -> None:
        """Nothing is left to do."""

    def partials(self, path: str) -> list[str]:
        self.system.invalidate_cache()
        try:
            found = self.system.ls(f"{self.root}/{path}.p", detail=False)
        except FileNotFoundError:
            return []
        return [f"{path}.p/{name.rstrip('/').rpartition('/')[2]}" for name in sorted(found)]

    def drop(self, paths: Iterable[str]) -> None:
        for path in paths:
            with suppress(FileNotFoundError):
                self.system.rm_file(f"{self.root}/{path}")

    def begun(self) -> bool:
        self.system.invalidate_cache()
        return bool(self.system.exists(f"{self.root}/tile"))
