"""What every request passes on its way in and out, whatever it is for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from foretaste.serving.problems import Refused, problem

LOCAL = ("localhost", "127.0.0.1", "::1")
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Doorman:
    """Adds security headers, turns away requests for other hosts, hangs up on unread bodies.

    hosts: names by which the server may be called; empty: any. A web page somewhere, opened on
        this machine, can make a browser call a name that leads here; so where nobody needs a
        token only names of this machine are served.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str], tls: bool) -> None:
        self.app, self.hosts = app, frozenset(host.lower() for host in hosts)
        self._added = dict(_SAFE)
        if tls:
            self._added["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        said = Headers(scope=scope)
        unread = "transfer-encoding" in said or said.get("content-length", "0") != "0"

        async def received() -> Message:
            nonlocal unread
            message = await receive()
            unread = unread and message.get("more_body", False)
            return message

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._added.items():
                    headers.setdefault(name, value)
                if unread:  # the rest of the body is not waited for
                    headers["Connection"] = "close"
            await send(message)

        if self.hosts and _host(said.get("host", "")) not in self.hosts:
            await problem(421, "this server is not called that")(scope, received, sent)
            return
        await self.app(scope, received, sent)


async def body_of(request: Request, most: int, seconds: float) -> bytes:
    """A whole body, as long as it is allowed and no longer in coming than that."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(415, "packed bodies are not taken: a small one may hold a large one")
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > most:
        raise Refused(413, f"a body has at most {most:,} bytes")
    parts, size = [], 0
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise Refused(413, f"a body has at most {most:,} bytes")
                parts.append(part)
    except TimeoutError:
        raise Refused(408, f"the body did not come within {seconds:g} s") from None
    except ClientDisconnect:
        raise Refused(400, "the body was cut short") from None
    return b"".join(parts)


def _host(said: str) -> str:
    """A name without its port.

    >>> _host("LocalHost:80"), _host("[::1]:80"), _host("[::1]")
    ('localhost', '::1', '::1')
    """
    if said.startswith("["):
        return said[1:].partition("]")[0].lower()
    return said.partition(":")[0].lower()
