"""Who may do what: bearer tokens with scopes and tenants, of which only digests are kept."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from foretaste.durable import write_durably
from foretaste.errors import BadInput

PREFIX = "ft_"
BYTES = 32  # of chance in a token: too many to be guessed, so one round of SHA-256 is enough


class Scope(StrEnum):
    """What a token allows."""

    SUBMIT = "submit"  # send records
    READ = "read"  # see decisions, held records, windows
    REVIEW = "review"  # decide about held records
    ADMIN = "admin"  # end windows


class Token(BaseModel):
    """One token, without itself.

    tenant: whose records it speaks for; empty: the operator's, which sees all tenants
    digest: SHA-256 of the token, as hexadecimal digits
    rate:   records a second that it may send; None: as the server says
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.@-]{1,64}$")]
    scopes: tuple[Scope, ...]
    tenant: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.@-]{0,64}$")] = ""
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    made: float = 0.0
    rate: Annotated[float, Field(gt=0)] | None = None


NOBODY = Token(name="anonymous", scopes=tuple(Scope), digest="0" * 64)  # where no tokens are kept


class Tokens:
    """The tokens of a server, from its file; read again when the file changes.

    >>> import tempfile
    >>> tokens = Tokens(Path(tempfile.mkdtemp()) / "tokens.json")
    >>> said = tokens.make("shop", [Scope.SUBMIT], tenant="acme")
    >>> tokens.who(said).tenant, tokens.who("ft_guess")
    ('acme', None)
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: tuple[Token, ...] = ()
        self._stamp: tuple[int, int] = (-1, -1)

    def who(self, said: str) -> Token | None:
        """Whose token that is; as slow for a near miss as for any other."""
        digest = hashlib.sha256(said.encode("utf-8", "surrogateescape")).hexdigest()
        found = None
        for token in self.known():
            if hmac.compare_digest(token.digest, digest):
                found = token
        return found

    def known(self) -> tuple[Token, ...]:
        """All tokens there are; raises `BadInput` where the file is no file of tokens."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return ()
        stamp = (status.st_mtime_ns, status.st_size)
        if stamp != self._stamp:
            self._known, self._stamp = self._read(), stamp
        return self._known

    def make(
        self,
        name: str,
        scopes: Iterable[Scope],
        tenant: str = "",
        rate: float | None = None,
    ) -> str:
        """A new token, which is told this once; what is kept cannot give it back."""
        if any(token.name == name for token in self.known()):
            raise BadInput(f"there is a token {name} already; drop it first")
        said = PREFIX + secrets.token_urlsafe(BYTES)
        digest = hashlib.sha256(said.encode()).hexdigest()
        try:
            token = Token(
                name=name, scopes=tuple(scopes), tenant=tenant, digest=digest, made=time.time(),
                rate=rate,
            )  # fmt: skip
        except ValidationError as error:
            raise BadInput(f"no such token can be made: {error}") from error
        self._write((*self.known(), token))
        return said

    def drop(self, name: str) -> None:
        """Lets a token open nothing any more."""
        left = tuple(token for token in self.known() if token.name != name)
        if len(left) == len(self.known()):
            raise BadInput(f"there is no token {name} in {self.path}")
        self._write(left)

    def _read(self) -> tuple[Token, ...]:
        try:
            said = json.loads(self.path.read_text(encoding="utf-8"))
            return tuple(Token.model_validate(one) for one in said["tokens"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{self.path} is no file of tokens: {error}") from error

    def _write(self, tokens: Iterable[Token]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        said = {"tokens": [token.model_dump(mode="json") for token in tokens]}
        write_durably(self.path, json.dumps(said, indent=2).encode())
        self.path.chmod(0o600)
        self._stamp = (-1, -1)
