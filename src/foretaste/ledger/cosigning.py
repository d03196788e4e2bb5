"""Asks witnesses to sign a log's newest checkpoint, and believes none of them.

A log that forked, or was put back to an earlier state, is told so by any witness that signed more
of it: that is what witnesses are for. They are all asked before anything is said, so that one that
lies keeps nobody else from signing.

References
----------
C2SP. Transparency Log Witnesses. c2sp.org/tlog-witness
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from types import MappingProxyType
from typing import IO
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from foretaste.errors import LedgerRefused
from foretaste.ledger.checkpoint import Checkpoint
from foretaste.ledger.note import Note, Signature
from foretaste.ledger.policy import Policy, Witness
from foretaste.ledger.reader import Reader
from foretaste.ledger.refusals import Forked, RolledBack, WitnessRefused
from foretaste.ledger.witness_wire import (
    PATH,
    SIZE_TYPE,
    TEXT_TYPE,
    AddCheckpoint,
    read_signature_lines,
    read_size_line,
)
from foretaste.ledger.writer import Writer

PATIENCE = 30.0  # seconds for one answer
LARGEST = 64 << 10  # bytes of it
TRIES = 4  # requests to one witness, whose size may change meanwhile

Grown = Callable[[int, int], Sequence[bytes]]  # proof that a log grew from one size to another


@dataclass(frozen=True)
class Answer:
    """What a witness answered. kind: media type, without parameters"""

    status: int
    kind: str
    content: bytes


@dataclass(frozen=True)
class Cosigned:
    """A checkpoint with the signatures that witnesses gave.

    given:   these alone
    refused: by the witness's name, why it gave none
    """

    note: Note
    given: tuple[Signature, ...]
    refused: Mapping[str, LedgerRefused]


Post = Callable[[str, bytes], Answer]


def ask(reader: Reader, policy: Policy, post: Post | None = None) -> Cosigned:
    """Has a policy's witnesses sign a log's newest checkpoint; raises what `cosigned` raises."""
    return cosigned(reader.note(), reader.consistency, policy.witnesses, post or posting())


def published(writer: Writer, asked: Cosigned) -> bool:
    """Puts signatures under the log's checkpoint; False: it has grown meanwhile, so ask again."""
    if writer.note.text != asked.note.text:
        return False
    writer.cosign(asked.given)
    return True


def cosigned(note: Note, grown: Grown, witnesses: Iterable[Witness], post: Post) -> Cosigned:
    """Has every witness with an address sign a checkpoint.

    note:  signed by the log
    grown: proofs out of the log's own files
    post:  sends a request to an address, as `posting` does

    Raises `RolledBack` where a witness signed more than the log has, `Forked` where one signed
    something else; a witness that only says no, or nothing, is in the answer.
    """
    given: list[Signature] = []
    refused: dict[str, LedgerRefused] = {}
    for witness in witnesses:
        if witness.url:
            try:
                given += _asked(witness, note, grown, post)
            except LedgerRefused as error:
                refused[witness.name] = error
    for why in refused.values():
        if isinstance(why, RolledBack | Forked):
            raise why
    return Cosigned(note.having(given), tuple(given), MappingProxyType(refused))


def enough(asked: Cosigned, policy: Policy) -> Checkpoint:
    """The checkpoint, if the policy believes it now; raises `TooFewWitnesses`, with who said no."""
    try:
        return policy.check(asked.note.content)
    except LedgerRefused as error:
        told = "; ".join(f"{name}: {why}" for name, why in asked.refused.items())
        raise type(error)(f"{error}. {told}" if told else str(error)) from error


def posting(tokens: Mapping[str, str] = MappingProxyType({})) -> Post:
    """Sends requests over HTTP; follows nobody elsewhere.

    tokens: address of a witness -> token that it wants
    """
    opener = build_opener(_Here)

    def post(url: str, content: bytes) -> Answer:
        headers = {"Content-Type": TEXT_TYPE}
        if token := tokens.get(url):
            headers["Authorization"] = f"Bearer {token}"
        address = url.rstrip("/") + PATH
        if not address.startswith(("http://", "https://")):
            raise WitnessRefused(f"{address} is no address of HTTP")
        try:
            request = Request(address, content, headers, method="POST")  # noqa: S310 (checked)
            with opener.open(request, timeout=PATIENCE) as answer:
                return _answer(answer, answer.status)
        except HTTPError as error:
            with error:
                return _answer(error, error.code)
        except (OSError, HTTPException, ValueError) as error:
            raise WitnessRefused(f"{address} cannot be asked: {error}") from error

    return post


class _Here(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """What is elsewhere is not the witness."""


def _answer(answer: HTTPError | IO[bytes], status: int) -> Answer:
    content, until = b"", time.monotonic() + PATIENCE
    while part := answer.read(min(4_096, LARGEST + 1 - len(content))):
        content += part
        if len(content) > LARGEST or time.monotonic() > until:
            raise WitnessRefused(f"an answer of more than {LARGEST:,} bytes, or {PATIENCE:g} s")
    headers = getattr(answer, "headers", None) or {}
    kind = str(headers.get("Content-Type", "")).partition(";")[0].strip().lower()
    return Answer(status, kind, content)


def _asked(witness: Witness, note: Note, grown: Grown, post: Post) -> list[Signature]:
    """A witness's signatures, checked."""
    seen, old = Checkpoint.read(note.text), 0
    for _ in range(TRIES):
        request = AddCheckpoint(old, tuple(grown(old, seen.size)), note.content)
        answer = post(witness.url, request.content)
        if answer.status == 200:
            return _checked(witness, note, answer)
        if answer.status != 409 or answer.kind != SIZE_TYPE:
            raise _refusal(witness, seen, old, answer)
        old = read_size_line(answer.content)
        if old > seen.size:
            raise RolledBack(
                f"witness {witness.name} signed {old:,} entries of {seen.origin}, which has "
                f"{seen.size:,} here: this log was put back, or is not the newest"
            )
    raise WitnessRefused(f"witness {witness.name} said another size each of {TRIES} times")


def _checked(witness: Witness, note: Note, answer: Answer) -> list[Signature]:
    key = witness.key
    found = read_signature_lines(answer.content, note.text)
    mine = [one for one in found if (one.name, one.key_id) == (key.name, key.key_id)]
    for signature in mine:
        key.check(note.text, signature)
    if not mine:
        raise WitnessRefused(f"witness {witness.name} answered without a signature of its key")
    return mine[:1]


def _refusal(witness: Witness, seen: Checkpoint, old: int, answer: Answer) -> LedgerRefused:
    told = answer.content[:200].decode("utf-8", "replace").strip()
    said = f"witness {witness.name} answered {answer.status}: {told}"
    if answer.status in (409, 422) and old > 0:
        return Forked(f"{said}; what it signed of {seen.origin} with {old:,} entries is not here")
    return WitnessRefused(said)
