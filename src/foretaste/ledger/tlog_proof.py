"""A file that proves to anybody, offline, that an entry stands in a log: C2SP tlog-proof.

    c2sp.org/tlog-proof@v1
    index 73894
    gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
    …

    example.com/log
    109482
    sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=

    — example.com/log hI2DJw…

It holds neither the entry nor a key: whoever checks it brings both.

References
----------
C2SP. Transparency Log Proofs. c2sp.org/tlog-proof
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass

from foretaste.ledger.checkpoint import Checkpoint
from foretaste.ledger.merkle import LENGTH, check_inclusion, leaf_hash
from foretaste.ledger.note import decoded
from foretaste.ledger.policy import Policy
from foretaste.ledger.refusals import MalformedProof

HEADER = b"c2sp.org/tlog-proof@v1"
SUFFIX = ".tlog-proof"
LARGEST = 2 << 20  # bytes of a proof
HASHES = 63  # no tree of fewer than 2**63 entries has a longer proof

_NUMBER = re.compile(rb"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class TlogProof:
    """That an entry is the one of a number in a log.

    index:      the entry's number, from 0
    hashes:     siblings from the leaf up
    checkpoint: the log's signed note, byte by byte, with the signatures of witnesses
    extra:      anything; nobody has signed it
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""

    @classmethod
    def read(cls, content: bytes) -> TlogProof:
        """From a file; raises `MalformedProof`. What it proves, only `check` says."""
        if len(content) > LARGEST:
            raise MalformedProof(f"{len(content):,} bytes, where {LARGEST:,} are allowed")
        head, _, checkpoint = content.partition(b"\n\n")
        first, *lines = head.split(b"\n")
        if first != HEADER or not lines or not checkpoint:
            raise MalformedProof(
                f"no proof: it begins with {first[:40]!r}, not with {HEADER.decode()}, or has no "
                "index line, or no checkpoint after an empty line"
            )
        extra = b""
        if lines[0].startswith(b"extra "):
            extra = _decoded(lines.pop(0)[len(b"extra ") :], "the extra data")
        index, *said = lines or [b""]
        return cls(number(index, b"index "), hashes_of(said), checkpoint, extra)

    @property
    def content(self) -> bytes:
        """As a file."""
        lines = [HEADER]
        if self.extra:
            lines.append(b"extra " + base64.b64encode(self.extra))
        lines.append(b"index %d" % self.index)
        lines += map(base64.b64encode, self.hashes)
        return b"\n".join(lines) + b"\n\n" + self.checkpoint

    def check(self, entry: bytes, policy: Policy) -> Checkpoint:
        """The checkpoint of the log in which the entry stands at `index`.

        Raises what `Policy.check` raises, `MalformedProof` for a proof of another tree's form, and
        `WrongInclusion` where the entry is not there.

        Blind to what the entry says, and to whether the log is still as it was.
        """
        seen = policy.check(self.checkpoint)
        check_inclusion(leaf_hash(entry), self.index, seen.size, self.hashes, seen.root)
        return seen


def hashes_of(lines: Iterable[bytes]) -> tuple[bytes, ...]:
    """Hashes, one a line; raises `MalformedProof`."""
    found = tuple(_decoded(line, "a hash") for line in lines)
    if len(found) > HASHES or any(len(one) != LENGTH for one in found):
        raise MalformedProof(f"wanted are at most {HASHES} lines of SHA-256 hashes in base64")
    return found


def number(line: bytes, before: bytes) -> int:
    """The number in a line, after what stands before it; raises `MalformedProof`."""
    said = line.removeprefix(before)
    if not line.startswith(before) or not _NUMBER.fullmatch(said) or int(said) >= 1 << 63:
        raise MalformedProof(f"{line[:40]!r}, where a line {before.decode()}NUMBER has to stand")
    return int(said)


def _decoded(said: bytes, what: str) -> bytes:
    found = decoded(said.decode("ascii", "replace"))
    if not found:
        raise MalformedProof(f"{what}: {said[:40]!r} is no base64")
    return found
