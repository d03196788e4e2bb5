"""`foretaste serve`: a gate as a web service."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from foretaste.cli.ledgers import Ledger, folder_of
from foretaste.cli.screen import stderr, stdout
from foretaste.errors import BadInput

TOKENS = Path("foretaste-tokens.json")


def serve(  # noqa: PLR0913 (one parameter an option)
    config: Annotated[
        Path | None, typer.Option(help="Settings file, YAML or TOML: gates, limits, telemetry.")
    ] = None,
    trusted: Annotated[
        str | None, typer.Option(help="Rows known to be clean, for a server of one gate.")
    ] = None,
    store: Annotated[str | None, typer.Option(help="Folder or database URL of that gate.")] = None,
    name: Annotated[str, typer.Option(help="Name of that gate.")] = "main",
    contract: Annotated[Path | None, typer.Option(help="Contract of its stream.")] = None,
    host: Annotated[str | None, typer.Option(help="Where to listen. [127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Which port. [8765]")] = None,
    tokens: Annotated[
        Path | None, typer.Option(help="File of tokens; without one only this machine gets in.")
    ] = None,
    certificate: Annotated[Path | None, typer.Option(help="For TLS, PEM.")] = None,
    key: Annotated[Path | None, typer.Option(help="Of the certificate, PEM.")] = None,
    new_token: Annotated[
        str | None, typer.Option(help="Make a token of this name, tell it once, and stop.")
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="Of the new token: submit, read, review, admin.")
    ] = None,
    tenant: Annotated[str, typer.Option(help="Of the new token: whose records it sends.")] = "",
    rate: Annotated[float | None, typer.Option(help="Of the new token: records a second.")] = None,
    drop_token: Annotated[
        str | None, typer.Option(help="Let the token of this name open nothing more, and stop.")
    ] = None,
    ledger: Ledger = None,
) -> None:
    """Serve gates over HTTP; records are let in only by an answer that says so."""
    if new_token is not None:
        _new_token(tokens or TOKENS, new_token, scope or ["submit"], tenant, rate)
        return
    if drop_token is not None:
        from foretaste.serving.tokens import Tokens

        Tokens(tokens or TOKENS).drop(drop_token)
        stdout.print(f"{escape(drop_token)} opens nothing any more")
        return
    gate = {"trusted": trusted, "store": store, "contract": contract}
    gate = {option: value for option, value in gate.items() if value is not None}
    said: dict[str, Any] = {"gates": {name: gate}} if gate else {}
    said.update({"host": host, "port": port, "tokens": tokens, "ledger": folder_of(ledger)})
    if certificate is not None or key is not None:
        said["tls"] = {"certificate": certificate, "key": key}
    _serve(config, {option: value for option, value in said.items() if value is not None})


def _serve(config: Path | None, said: dict[str, Any]) -> None:
    from foretaste.serving.running import address, server_for
    from foretaste.serving.settings import read_server, server_of

    settings = server_of({**({} if config is None else read_server(config)), **said})
    stderr.print(f"opening {', '.join(settings.gates)} …")
    server = server_for(settings)
    stderr.print(f"listening on {address(settings)}; stop with Ctrl-C", highlight=False)
    server.run()


def _new_token(path: Path, name: str, scopes: list[str], tenant: str, rate: float | None) -> None:
    from foretaste.serving.tokens import Scope, Tokens

    unknown = sorted(set(scopes) - {one.value for one in Scope})
    if unknown:
        raise BadInput(f"there is no scope {unknown[0]!r}; scopes are {', '.join(Scope)}")
    said = Tokens(path).make(name, [Scope(one) for one in scopes], tenant, rate)
    stderr.print(f"kept in {path}, where only its digest is; it is not told again:")
    sys.stdout.write(said + "\n")
