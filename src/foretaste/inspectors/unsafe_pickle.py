"""Pickles that run something when they are loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from foretaste.checkpoints.bounded import Bomb, Unreadable, spelt
from foretaste.checkpoints.imports import Trust, trust
from foretaste.checkpoints.opcodes import follow
from foretaste.checkpoints.pickles import Pickled, pickles, rewound
from foretaste.checkpoints.standins import Followed, Name, Within
from foretaste.errors import MissingExtra
from foretaste.trained import Severity, Subject, Suspicion

MOST_PICKLES = 1_000  # one behind the other in a stream
GRAVE = "DANGEROUS"  # how the rules of the other scanner are named that no clean file breaks
LEGACY = 0x1950A86A20F9469CFC6C  # the first of the pickles that torch used to write


@dataclass(frozen=True)
class UnsafePickle:
    """Suspects pickles that would import anything but what builds numbers and containers.

    Pickles are looked for in plain files, compressed ones, zip archives (torch, TorchScript, npz)
    and arrays of objects. Each is followed opcode by opcode with stand-ins on the stack; nothing
    is imported or called. Every name it would import is held against a list of names that only
    build data, and a list of what runs code, commands, files or the network. A name on the
    second, or a name that is computed, is CRITICAL; one on neither is a WARNING: unknown is not
    safe. Beside that the scanner modelaudit-picklescan tells calls that it knows to be dangerous;
    it reads on where a pickle is broken. What cannot be followed to its end is a WARNING.

    largest: bytes of a pickle that the second scanner reads

    Blind to what trusted libraries do with hostile numbers, and to pickles that are encrypted.

    Needs `path`, and the extra `checkpoints`.

    >>> import numpy as np
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from foretaste.attacks.malicious_pickle import MaliciousPickle
    >>> with TemporaryDirectory() as folder:
    ...     path = MaliciousPickle(call="system").forge(Path(folder, "n"), np.random.default_rng(0))
    ...     UnsafePickle().inspect(Subject(path=path))[0].reason
    'loading it imports and runs os.system'

    References
    ----------
    Slaviero (2011). Sour Pickles: A serialised exploitation guide in one part. Black Hat USA.
    Trail of Bits (2021). Never a dill moment: Exploiting machine learning pickle files.
    Zhao et al. (2025). The Art of Hide and Seek: Making Pickle-Based Model Supply Chain Poisoning
    Stealthy Again. arXiv:2508.19774
    """

    largest: int = 256 << 20
    needs: ClassVar[tuple[str, ...]] = ("path",)

    def inspect(self, subject: Subject) -> tuple[Suspicion, ...]:
        if subject.path is None:
            return ()
        found: list[Suspicion] = []
        try:
            for one in pickles(subject.path):
                found += self._looked(one)
        except Unreadable as error:
            reason = f"pickles in it cannot be looked at: {error}"
            grave = Severity.CRITICAL if isinstance(error, Bomb) else Severity.WARNING
            found.append(Suspicion("file", grave, reason))
        return tuple(found)

    def _looked(self, one: Pickled) -> list[Suspicion]:
        followed = _followed(one)
        suspicions = list(_judged(one, followed))
        if one.sure or suspicions:
            suspicions += self._second(one, suspicions)
        return suspicions

    def _second(self, one: Pickled, known: list[Suspicion]) -> Iterator[Suspicion]:
        """The calls that the other scanner knows to be dangerous; of what it says twice, once."""
        said = {suspicion.reason for suspicion in known}
        with rewound(one) as stream:
            report = _scanned(stream, min(one.size, self.largest), self.largest)
        for finding in report.findings:
            reason = f"modelaudit-picklescan: {finding.message}"
            if str(finding.rule_code).startswith(GRAVE) and reason not in said:
                said.add(reason)
                yield Suspicion(one.part, Severity.CRITICAL, reason)


def _followed(one: Pickled) -> list[Followed]:
    """Every pickle of a stream, once as joblib reads it and once as pickle does."""
    found = []
    for among in (True, False):
        with rewound(one) as stream:
            within = Within(stream, one.size)
            found.append(_in_turn(within, one.size, among))
    both, plain = found
    same = {str(name) for each in both for name in each.names}
    extra = [each for each in plain if any(_odd(name, same) for name in each.names)]
    return both + [Followed(names=each.names) for each in extra]


def _in_turn(within: Within, size: int, among: bool) -> list[Followed]:
    """Pickles one behind the other, as long as what comes is one."""
    found = [follow(within, among)]
    wanted = 5 if found[0].root == LEGACY else MOST_PICKLES
    while found[-1].end >= 0 and within.tell() < size and len(found) < wanted:
        found.append(follow(within, among))
        if found[-1].end < 0 and not found[-1].names:
            found[-1].trouble = f"{size - within.tell():,} bytes after its end are no pickle"
    return found


def _odd(name: Name, known: set[str]) -> bool:
    plain = name.module.replace(".", "").isidentifier() and name.name.isidentifier()
    return plain and str(name) not in known and trust(name) is not Trust.SAFE


def _judged(one: Pickled, followed: list[Followed]) -> Iterator[Suspicion]:
    names = {str(name): trust(name) for each in followed for name in each.names}
    bad = [name for name, kind in names.items() if kind is Trust.DANGEROUS]
    unknown = [name for name, kind in names.items() if kind is Trust.UNKNOWN]
    ended = followed[0].end >= 0
    if not (one.sure or bad or (ended and names)):
        return
    if bad:
        reason = f"loading it imports and runs {', '.join(bad[:12])}"
        yield Suspicion(one.part, Severity.CRITICAL, reason)
    if unknown:
        reason = f"it imports what is not known to only build data: {spelt(unknown, 12)}"
        yield Suspicion(one.part, Severity.WARNING, reason)
    yield from _oddities(one, followed)


def _oddities(one: Pickled, followed: list[Followed]) -> Iterator[Suspicion]:
    if any(each.computed for each in followed):
        reason = "the name of what it imports is computed, which no writer of pickles does"
        yield Suspicion(one.part, Severity.CRITICAL, reason)
    if any(each.extensions for each in followed):
        reason = "it imports by number, from a registry that is not in the file"
        yield Suspicion(one.part, Severity.WARNING, reason)
    for each in followed:
        if each.trouble:
            reason = f"it cannot be followed to its end: {each.trouble}"
            yield Suspicion(one.part, Severity.WARNING, reason)
            return


def _scanned(stream: Any, size: int, largest: int) -> Any:
    try:
        from modelaudit_picklescan import PickleScanner, ScanOptions
    except ModuleNotFoundError as error:
        raise MissingExtra("unsafe_pickle", "checkpoints") from error
    options = ScanOptions(timeout_s=30, max_known_stream_read_bytes=largest)
    return PickleScanner(options).scan_stream(stream, size=size, enrich_call_graph=False)
