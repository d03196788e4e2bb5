"""What an address leads to, fetched within bounds.

Lists of addresses come from strangers. So nothing larger, slower or farther round than is allowed
is fetched; no address of this machine or of a private network is asked unless that is allowed, and
the address that was looked at is the one that is connected to, whatever its name is made to mean a
moment later.

References
----------
Jackson et al. (2009). Protecting browsers from DNS rebinding attacks. doi:10.1145/1462148.1462149
"""

from __future__ import annotations

import hashlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from foretaste.errors import BadInput, UnreadableInput, UnsafeInput
from foretaste.files.tree import located, opened

BLOCK = 1 << 16
_MOVED = (301, 302, 303, 307, 308)
_AGENT = "foretaste (digests of a list of addresses)"
_SAFE = "/%:@!$&'()*+,;=~-._?"


@dataclass(frozen=True)
class Bounds:
    """What may be fetched.

    bytes:     of one file
    seconds:   for one file, redirects included
    redirects: how often one address may lead to another
    private:   whether this machine, its files and private networks may be asked
    """

    bytes: int = 64 << 20
    seconds: float = 30.0
    redirects: int = 5
    private: bool = False


@dataclass(frozen=True)
class Fetched:
    """What an address led to."""

    content: bytes

    @property
    def sha256(self) -> str:
        """In hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()


def fetched(url: str, bounds: Bounds) -> Fetched:
    """What stands at an address.

    url: http or https; any other that fsspec knows where private ones are allowed
    Raises `UnsafeInput` where a bound is broken, `UnreadableInput` where nothing can be had.
    """
    until = time.monotonic() + bounds.seconds
    try:
        if urlsplit(url).scheme.lower() not in ("http", "https"):
            return _stored(url, bounds, until)
        for _ in range(bounds.redirects + 1):
            found = _asked(url, bounds, until)
            if isinstance(found, Fetched):
                return found
            url = found
    except BadInput:
        raise
    except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
        if time.monotonic() >= until:  # a connection cut at its time fails in any of these ways
            raise UnsafeInput(f"it took longer than {bounds.seconds:g} seconds") from error
        told = str(error) or type(error).__name__
        raise UnreadableInput(f"it cannot be had: {told[:200]}") from error
    raise UnsafeInput(f"more than {bounds.redirects} redirects")


def _asked(url: str, bounds: Bounds, until: float) -> Fetched | str:
    """What a server answers; or where it sends us."""
    parts = urlsplit(url)
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise UnsafeInput(f"a redirect to {url[:200]!r}")
    with _connected(parts, bounds, until) as connection:
        path = quote(parts.path or "/", _SAFE) + (
            f"?{quote(parts.query, _SAFE)}" if parts.query else ""
        )
        headers = {"User-Agent": _AGENT, "Accept-Encoding": "identity"}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        if answer.status in _MOVED and (where := answer.headers.get("Location")):
            return urljoin(url, where)
        if answer.status != http.client.OK:
            raise UnreadableInput(f"the server answers {answer.status}")
        content = _whole(answer.read1, bounds, until)
        if answer.length:
            raise UnreadableInput(f"cut off, {answer.length:,} bytes before its end")
        return Fetched(content)


@contextmanager
def _connected(
    parts: SplitResult, bounds: Bounds, until: float
) -> Iterator[http.client.HTTPConnection]:
    """A connection that is cut when the time is over, however slowly it drips."""
    secure = parts.scheme.lower() == "https"
    host, port = str(parts.hostname), parts.port or (443 if secure else 80)
    address, left = _address(host, port, bounds), max(until - time.monotonic(), 0.001)
    line = socket.create_connection((address, port), left)
    timer = threading.Timer(max(until - time.monotonic(), 0.001), _cut, [line])
    timer.daemon = True
    timer.start()
    connection = http.client.HTTPConnection(host, port)
    try:
        connection.sock = _tls().wrap_socket(line, server_hostname=host) if secure else line
        with closing(connection):
            yield connection
    finally:
        timer.cancel()
        line.close()


def _address(host: str, port: int, bounds: Bounds) -> str:
    """The address that a name means; refused where any that it means is private."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(one[4][0]) for one in found]
    strange = [one for one in addresses if not is_public(one)]
    if strange and not bounds.private:
        raise UnsafeInput(f"{host} is at {strange[0]}, which is private; see --allow-private")
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether anybody on the internet has this address.

    >>> [is_public(one) for one in ("8.8.8.8", "127.0.0.1", "::ffff:10.0.0.1", "169.254.169.254")]
    [True, False, False, False]
    """
    known: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    inner = getattr(known, "ipv4_mapped", None) or getattr(known, "sixtofour", None)
    if isinstance(known, IPv6Address) and known in _translated():
        inner = IPv4Address(int(known) & 0xFFFFFFFF)
    known = inner or known
    return known.is_global and not known.is_multicast


@cache
def _translated() -> Any:
    from ipaddress import IPv6Network

    return IPv6Network("64:ff9b::/96")


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _cut(line: socket.socket) -> None:
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:
        line.close()


def _whole(read: Any, bounds: Bounds, until: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    while some := read(BLOCK):
        parts.append(some)
        size += len(some)
        if size > bounds.bytes:
            raise UnsafeInput(f"more than {bounds.bytes:,} bytes")
        if time.monotonic() >= until:
            break
    if time.monotonic() >= until:  # also where the connection was cut, which reads as an end
        raise UnsafeInput(f"it took longer than {bounds.seconds:g} seconds")
    return b"".join(parts)


def _stored(url: str, bounds: Bounds, until: float) -> Fetched:
    if not bounds.private:
        raise UnsafeInput(
            "neither http nor https: may be a file of this machine; see --allow-private"
        )
    fs, path = located(url)
    with opened(fs, path) as file:
        return Fetched(_whole(file.read, bounds, until))
