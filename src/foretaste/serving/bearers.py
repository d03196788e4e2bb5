"""Whose request it is, by the token that it shows."""

from __future__ import annotations

from foretaste.serving.problems import Refused
from foretaste.serving.tokens import NOBODY, Scope, Token, Tokens


def bearer(tokens: Tokens | None, authorization: str, scope: Scope) -> Token:
    """The token of a request; raises `Refused` where there is none, or it may not do that.

    tokens: None: nobody needs one
    """
    if tokens is None:
        return NOBODY
    kind, _, said = authorization.partition(" ")
    token = tokens.who(said.strip()) if kind.lower() == "bearer" else None
    if token is None:
        refused = Refused(401, "say who you are: Authorization: Bearer TOKEN")
        refused.headers = {"WWW-Authenticate": "Bearer"}
        raise refused
    if scope not in token.scopes:
        raise Refused(403, f"this token has no scope {scope}")
    return token
