"""Lists of addresses: read, indexed by what they lead to, and written again without some rows."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from foretaste import readers
from foretaste.data import Mask
from foretaste.durable import add_line, whole_lines, write_durably
from foretaste.errors import BadInput, BadRecord, UnreadableInput, WrongRole
from foretaste.files.streams import sha256
from foretaste.origin.digests import Digests, Sight
from foretaste.origin.fetching import Bounds, Fetched, fetched
from foretaste.roles.columns import strings

NAMES = ("url", "URL", "image_url", "Url", "urls", "link", "uri", "href")
LINES = (".txt", ".list", ".urls")
CHUNK = 256  # addresses fetched between two times that what was found is written down
LONGEST = 8_192  # letters of an address
Progress = Callable[[str, int, int], None]
Watch = Callable[[Sight, bytes], None]


@dataclass(frozen=True)
class UrlList:
    """A list as it was read.

    urls:   (n,) None where a row has no address, or cannot be read
    places: (n,) where each row stands
    """

    path: Path
    urls: Sequence[str | None]
    places: Sequence[str]
    _source: Any = None

    @classmethod
    def read(cls, path: Path, column: str | None = None) -> UrlList:
        """A text with an address a line, or any table that a scan reads.

        column: with the addresses; None: the one that is called like that
        """
        if path.suffix.lower() in LINES and column is None:
            return _of_lines(path)
        for name in [column] if column else NAMES:
            try:
                source = readers.open(str(path), {"text": name, "label": ""})
            except WrongRole:
                continue
            return _of_table(path, source, name)
        raise BadInput(f"{path}: no column with addresses; say which, as in --column url")

    def write(self, out: Path, kept: Mask) -> None:
        """The rows that are kept, as they came, in the folder `out`."""
        if self._source is not None:
            self._source.write(out, kept)
            return
        lines = self.path.read_bytes().splitlines(keepends=True)
        out.mkdir(parents=True, exist_ok=True)
        chosen = b"".join(line for line, keep in zip(lines, kept, strict=True) if keep)
        write_durably(out / self.path.name, chosen)


@dataclass(frozen=True)
class Indexing:
    """How a list is indexed.

    bounds:  of what is fetched; workers: addresses asked at once
    watch:   is given what was found and the bytes, so that what is checked can be what is kept
    """

    bounds: Bounds = field(default_factory=Bounds)
    workers: int = 16
    watch: Watch | None = None

    def __call__(self, listed: UrlList, out: Path, progress: Progress = lambda *_: None) -> Digests:
        """Fetches every address once and writes the digests; goes on where it was interrupted."""
        journal = out.with_name(out.name + ".part")
        out.parent.mkdir(parents=True, exist_ok=True)
        known = dict(_journaled(journal))
        wanted = list(dict.fromkeys(url for url in listed.urls if url is not None))
        left = [url for url in wanted if url not in known]
        threads = ThreadPoolExecutor(self.workers)
        try:
            for some in _chunks(left):
                found = list(threads.map(self._sight, some))
                add_line(journal, json.dumps([asdict(one) for one in found]).encode())
                known.update((one.url, one) for one in found)
                progress("fetching", len(known), len(wanted))
        finally:
            threads.shutdown(cancel_futures=True)  # whoever interrupts does not wait for them all
        facts = {"list": listed.path.name, "sha256": _digest(listed.path), "rows": len(listed.urls)}
        digests = Digests([known[url] for url in wanted], facts)
        digests.write(out)
        journal.unlink(missing_ok=True)
        return digests

    def _sight(self, url: str) -> Sight:
        now = time.time()
        try:
            found: Fetched = fetched(url, self.bounds)
        except BadInput as error:
            return Sight(url, None, 0, now, str(error)[:300])
        sight = Sight(url, found.sha256, len(found.content), now)
        if self.watch is not None:
            self.watch(sight, found.content)
        return sight


def _chunks(urls: Iterable[str]) -> Iterator[list[str]]:
    walk = iter(urls)
    while some := list(islice(walk, CHUNK)):
        yield some


def _journaled(path: Path) -> Iterator[tuple[str, Sight]]:
    """What was found before an interruption; a line that was torn is fetched again."""
    for line in whole_lines(path):
        try:
            for told in json.loads(line):
                sight = Sight(**told)
                yield sight.url, sight
        except (ValueError, TypeError) as error:
            raise BadRecord(
                f"{path} is damaged; delete it, and all is fetched again: {error}"
            ) from error


def _of_lines(path: Path) -> UrlList:
    try:
        lines = [line.decode("utf-8") for line in path.read_bytes().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableInput(f"{path} cannot be read: {error}") from error
    places = [f"{path.name}:{number}" for number in range(1, len(lines) + 1)]
    return UrlList(path, [_url(line) for line in lines], places)


def _of_table(path: Path, source: Any, column: str) -> UrlList:
    urls: list[str | None] = []
    places: list[str] = []
    for piece in source.rows.pieces():
        start = len(urls)
        urls += [None] * piece.found
        places += [""] * piece.found
        values = strings(piece.columns[column]).to_pylist() if column in piece.columns else []
        for at, value, place in zip(
            piece.positions.tolist(), values, piece.locations.to_pylist(), strict=False
        ):
            urls[start + at], places[start + at] = _url(value), place
        for refusal in piece.refused:
            places[start + refusal.index] = refusal.location
    return UrlList(path, urls, places, source)


def _url(value: str | None) -> str | None:
    bare = (value or "").strip()
    return bare if 0 < len(bare) <= LONGEST else None


def _digest(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return sha256(file)
