"""A list of addresses beside what they led to before: what is other now.

Against a *split view* (the address is bought, the content exchanged after the list was made) helps
what was seen when the list was indexed. Against *frontrunning* (the content is changed a moment
before it is looked at, and back again later) that is blind: the poison was there when the digest
was taken. What helps is to look twice, with so much time between that moderators have acted, at a
moment nobody can foresee, and to keep what was the same both times.

References
----------
Carlini et al. (2023). Poisoning Web-Scale Training Datasets is Practical. arXiv:2302.10149
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np

from foretaste.data import Mask
from foretaste.durable import write_durably
from foretaste.origin.digests import Digests, Sight
from foretaste.origin.listing import UrlList


class Kind(StrEnum):
    """What is other."""

    CHANGED = "changed"  # leads to other content
    MISSING = "missing"  # leads to nothing any more
    UNLISTED = "unlisted"  # was not in the list when it was indexed: added since
    UNRECORDED = "unrecorded"  # was, and led to nothing then
    REMOVED = "removed"  # was in the list when it was indexed, and is gone from it
    BLANK = "blank"  # a row without an address


@dataclass(frozen=True, slots=True)
class Other:
    """A row that is not as it was.

    row, place: in the list; -1 and nothing where it is gone from it
    then, now:  SHA-256, or why there is none
    """

    kind: Kind
    row: int
    place: str
    url: str
    then: str = ""
    now: str = ""


@dataclass(frozen=True)
class Compared:
    """What is other, and what is not.

    kept: (n,) rows of the list that lead to what they led to
    """

    kept: Mask
    found: Sequence[Other] = field(default_factory=tuple)

    @property
    def counts(self) -> dict[str, int]:
        """Kind -> rows."""
        told = Counter(one.kind.value for one in self.found)
        return {kind.value: told[kind.value] for kind in Kind if told[kind.value]}

    def write(self, path: Path) -> None:
        """All that was found, as JSON lines."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(
            path, b"".join(json.dumps(asdict(one)).encode() + b"\n" for one in self.found)
        )


def compared(listed: UrlList, then: Digests, now: Digests) -> Compared:
    """Which rows of a list lead to what they led to."""
    kept, found = np.zeros(len(listed.urls), bool), []
    for row, (url, place) in enumerate(zip(listed.urls, listed.places, strict=True)):
        other = _other(row, place, url, then, now)
        kept[row] = other is None
        if other is not None:
            found.append(other)
    return Compared(kept, (*found, *_removed(listed, then)))


def _other(row: int, place: str, url: str | None, then: Digests, now: Digests) -> Other | None:
    if url is None:
        return Other(Kind.BLANK, row, place, "")
    before, after = then.by_url.get(url), now.by_url.get(url)
    told = _told(before), _told(after)
    if before is None:
        return Other(Kind.UNLISTED, row, place, url, *told)
    if before.sha256 is None:
        return Other(Kind.UNRECORDED, row, place, url, *told)
    if after is None or after.sha256 is None:
        return Other(Kind.MISSING, row, place, url, *told)
    if after.sha256 != before.sha256:
        return Other(Kind.CHANGED, row, place, url, *told)
    return None


def _told(sight: Sight | None) -> str:
    if sight is None:
        return "not looked at"
    return sight.sha256 or sight.problem or "nothing"


def _removed(listed: UrlList, then: Digests) -> Iterator[Other]:
    there = set(listed.urls)
    for sight in then.sights:
        if sight.url not in there:
            yield Other(Kind.REMOVED, -1, "", sight.url, _told(sight))
