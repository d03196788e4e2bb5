"""Which logs are trusted, and which witnesses must have signed beside them: C2SP tlog-policy.

A policy is a text file that checks a checkpoint without any network:

    log example.com/data+0b4cd5d6+AZ…
    witness north north.example+7ca1cd60+BJ…
    witness south south.example+2a71e2ac+BO…
    group both all north south
    quorum both

Names are octets: bytes that are no UTF-8 are kept as they are (`surrogateescape`).

References
----------
C2SP. Transparency log trust policy. c2sp.org/tlog-policy
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from foretaste.errors import LedgerRefused
from foretaste.ledger.checkpoint import Checkpoint
from foretaste.ledger.keys import LOG, WITNESS, WITNESS_ML_DSA, Kind, VerifyingKey
from foretaste.ledger.note import Note
from foretaste.ledger.refusals import MalformedPolicy, TooFewWitnesses, UnknownSigner

NONE = "none"  # the quorum that asks for no witness
LARGEST = 1 << 20  # bytes of a policy
MOST = 256  # logs, witnesses, groups: of each

_OCTETS = re.compile(rb"[\t\n\x20-\x7e\x80-\xff]*")
_SPACE = re.compile(rb"[ \t]+")
_NAME = re.compile(r"[^\x00-\x20\x7f]+")
_NUMBER = re.compile(r"[1-9][0-9]{0,3}")


@dataclass(frozen=True)
class Log:
    """A log that is trusted; its key has the log's name. url: where it is, if that is said."""

    key: VerifyingKey
    url: str = ""


@dataclass(frozen=True)
class Witness:
    """A witness by the name that the policy gives it. url: its submission prefix, if said."""

    name: str
    key: VerifyingKey
    url: str = ""


@dataclass(frozen=True)
class Group:
    """Witnesses and groups of which at least so many must have signed."""

    name: str
    least: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    r"""Any of these logs, and witnesses by the quorum: a witness's name, a group's, or `NONE`.

    >>> Policy("none").text
    'quorum none\n'

    groups: a group may have members that stand before it, and nobody is a member twice

    Blind to what stands in entries, and to the time: a checkpoint of last year passes, too.
    """

    quorum: str
    logs: tuple[Log, ...] = ()
    witnesses: tuple[Witness, ...] = ()
    groups: tuple[Group, ...] = ()

    def __post_init__(self) -> None:
        for what, some in (
            ("logs", self.logs),
            ("witnesses", self.witnesses),
            ("groups", self.groups),
        ):
            if len(some) > MOST:
                raise MalformedPolicy(f"{len(some)} {what}, where {MOST} are allowed")
        _only("log", [log.key for log in self.logs], (LOG, WITNESS_ML_DSA))
        _only("witness", [one.key for one in self.witnesses], (WITNESS, WITNESS_ML_DSA))
        urls = [log.url for log in self.logs] + [one.url for one in self.witnesses]
        for url in urls:
            if url and not _NAME.fullmatch(url):
                raise MalformedPolicy(f"{url!r} is no URL: it has a space or a control character")
        _known(self.witnesses, self.groups, self.quorum)

    @classmethod
    def read(cls, content: bytes) -> Policy:
        """From a file; raises `MalformedPolicy`."""
        if len(content) > LARGEST:
            raise MalformedPolicy(f"{len(content):,} bytes, where {LARGEST:,} are allowed")
        if not _OCTETS.fullmatch(content):
            raise MalformedPolicy("a control character other than tab and newline")
        *lines, rest = content.split(b"\n")
        if rest:
            raise MalformedPolicy("the last line does not end: add a newline")
        reading = _Reading()
        for number, line in enumerate(lines, 1):
            try:
                reading.take([one.decode("utf-8", "surrogateescape") for one in _words(line)])
            except LedgerRefused as error:
                raise MalformedPolicy(f"line {number}: {error}") from error
        return reading.policy()

    @property
    def content(self) -> bytes:
        """As a file."""
        return self.text.encode("utf-8", "surrogateescape")

    @property
    def text(self) -> str:
        """As the text of a file."""
        lines = [["log", log.key.text, log.url] for log in self.logs]
        lines += [["witness", one.name, one.key.text, one.url] for one in self.witnesses]
        lines += [["group", one.name, str(one.least), *one.members] for one in self.groups]
        lines += [["quorum", self.quorum]]
        return "".join(" ".join(filter(None, line)) + "\n" for line in lines)

    def check(self, content: bytes, logs: Iterable[VerifyingKey] = ()) -> Checkpoint:
        """The checkpoint in a signed note, once a log and enough witnesses have signed it.

        logs: keys of logs that are trusted beside those of the policy

        Raises `UnknownSigner`, `WrongSignature` or `TooFewWitnesses`.
        """
        note = Note.read(content)
        checkpoint = Checkpoint.read(note.text)
        keys = [log.key for log in self.logs]
        keys += [key for key in logs if key not in keys]
        named = [key for key in keys if key.name == checkpoint.origin]
        if not [key for key in named if _signed(note, key)]:
            raise UnknownSigner(
                f"no log of the policy signed this checkpoint of {checkpoint.origin!r}; "
                f"logs are {', '.join(sorted({key.name for key in keys})) or 'none'}"
            )
        self._enough({one.name for one in self.witnesses if _signed(note, one.key)})
        return checkpoint

    def _enough(self, signed: set[str]) -> None:
        told = ", ".join(sorted(signed)) or "none"
        for group in self.groups:
            if len(signed.intersection(group.members)) >= group.least:
                signed.add(group.name)
        if self.quorum != NONE and self.quorum not in signed:
            raise TooFewWitnesses(f"the policy wants {self.quorum}; witnesses that signed: {told}")


@dataclass
class _Reading:
    """What the lines so far said."""

    logs: list[Log] = field(default_factory=list)
    witnesses: list[Witness] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    quorum: str | None = None

    def take(self, words: list[str]) -> None:
        match words:
            case []:
                pass
            case ["log", key, *url] if len(url) < 2:
                self.logs.append(Log(_key(key), *url))
            case ["witness", name, key, *url] if len(url) < 2:
                self.witnesses.append(Witness(name, _key(key), *url))
            case ["group", name, least, *members] if members:
                self.groups.append(self._group(name, least, members))
            case ["quorum", name]:
                self._set_quorum(name)
            case [first, *_]:
                raise MalformedPolicy(
                    f"{first!r} with {len(words) - 1} words after it; lines are log KEY [URL], "
                    "witness NAME KEY [URL], group NAME all|any|NUMBER NAME…, quorum NAME"
                )

    def policy(self) -> Policy:
        if self.quorum is None:
            raise MalformedPolicy("there is no line that says the quorum; add: quorum none")
        return Policy(self.quorum, tuple(self.logs), tuple(self.witnesses), tuple(self.groups))

    def _group(self, name: str, least: str, members: Sequence[str]) -> Group:
        self._before(members)
        if least in ("all", "any"):
            return Group(name, len(members) if least == "all" else 1, tuple(members))
        if not _NUMBER.fullmatch(least):
            raise MalformedPolicy(f"{least!r} is none of all, any and a number from 1")
        return Group(name, int(least), tuple(members))

    def _set_quorum(self, name: str) -> None:
        if self.quorum is not None:
            raise MalformedPolicy("a second quorum; there is one in a policy")
        if name != NONE:
            self._before([name])
        self.quorum = name

    def _before(self, names: Iterable[str]) -> None:
        known = {one.name for one in self.witnesses} | {one.name for one in self.groups}
        for name in names:
            if name not in known:
                raise MalformedPolicy(f"{name!r} is no witness or group of a line before this one")


def _words(line: bytes) -> list[bytes]:
    words = [word for word in _SPACE.split(line) if word]
    return [] if words and words[0].startswith(b"#") else words


def _key(text: str) -> VerifyingKey:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise MalformedPolicy("a key whose name is not UTF-8, which no signed note has") from error
    return VerifyingKey.read(text)


def _signed(note: Note, key: VerifyingKey) -> bool:
    """Whether a key signed a note; raises `WrongSignature` where it seems so and is not."""
    mine = [one for one in note.signatures if (one.name, one.key_id) == (key.name, key.key_id)]
    for signature in mine:
        key.check(note.text, signature)
    return bool(mine)


def _only(what: str, keys: Sequence[VerifyingKey], kinds: Sequence[Kind]) -> None:
    for key in keys:
        if key.kind not in kinds:
            raise MalformedPolicy(f"the key of {key.name} is of another kind than a {what}'s")
    seen: set[bytes] = set()
    for key in keys:
        if key.public in seen:
            raise MalformedPolicy(f"the key of {key.name} is the key of another {what}, too")
        seen.add(key.public)


def _known(witnesses: Sequence[Witness], groups: Sequence[Group], quorum: str) -> None:
    """Raises where a name is used twice, or is not there."""
    known = {NONE}
    members: set[str] = set()
    some: list[Witness | Group] = [*witnesses, *groups]
    for one in some:
        if not _NAME.fullmatch(one.name) or one.name in known:
            raise MalformedPolicy(f"{one.name!r} is no name, or there is one like it already")
        if isinstance(one, Group):
            _members(one, known - {NONE}, members)
        known.add(one.name)
    if quorum not in known:
        raise MalformedPolicy(f"the quorum {quorum!r} is no witness and no group")


def _members(group: Group, known: set[str], taken: set[str]) -> None:
    """Adds a group's members to those that are taken."""
    for name in group.members:
        if name not in known:
            raise MalformedPolicy(
                f"{name!r} in group {group.name} is no witness or group before it"
            )
        if name in taken:
            raise MalformedPolicy(f"{name!r} is a member twice; a witness counts in one way only")
        taken.add(name)
    if not 1 <= group.least <= len(group.members):
        raise MalformedPolicy(
            f"group {group.name} wants {group.least} of {len(group.members)} members"
        )
