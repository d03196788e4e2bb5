"""Alerts as syslog messages, over UDP, TCP or TLS."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from foretaste.errors import BadInput
from foretaste.gate.observing import Alert, Observer, Severity
from foretaste.telemetry.cef import line
from foretaste.telemetry.outbox import Outbox, Tries

_PORTS = {"udp": 514, "tcp": 601, "tls": 6514}
_LOCAL0 = 16
_LEVELS = {
    Severity.INFO: 6,
    Severity.LOW: 5,
    Severity.MEDIUM: 4,
    Severity.HIGH: 3,
    Severity.CRITICAL: 2,
}
_DATAGRAM = 2_048  # bytes every receiver must be able to take (RFC 5426)
_LONGEST = 8_192


class Syslog(Observer):
    """Sends every alert as one RFC 5424 message.

    address: udp://host:514, tcp://host:601 or tls://host:6514
    text:    what is said of an alert; `cef.line` unless told otherwise
    trusted: file of certificates that may sign the receiver's; None: those of this machine
    facility: of syslog; 16 is local0

    Over TCP and TLS messages are counted in octets (RFC 5425, RFC 6587), so no text can pass for
    a second message. TLS checks certificate and name. The text is UTF-8 without a byte order mark,
    which CEF readers do not expect. UDP loses messages without saying so, and so may TCP what was
    on its way when the connection broke: syslog has no receipts.
    """

    def __init__(
        self,
        address: str,
        text: Callable[[str, Alert], str] = line,
        trusted: Path | None = None,
        facility: int = _LOCAL0,
        tries: Tries | None = None,
    ) -> None:
        self._kind, self._host, self._port = _parsed(address)
        self._text, self._facility = text, facility
        tls = self._kind == "tls"
        self._tls = ssl.create_default_context(cafile=trusted) if tls else None
        self._socket: socket.socket | None = None
        self.outbox = Outbox(self._send, tries)

    def on_alert(self, gate: str, alert: Alert) -> None:
        longest = _DATAGRAM if self._kind == "udp" else _LONGEST
        self.outbox.put(message(alert, self._text(gate, alert), self._facility, longest))

    def close(self) -> None:
        """Sends what still waits, for some seconds."""
        self.outbox.close()
        self._hang_up()

    def _send(self, data: bytes) -> None:
        if self._kind == "udp":
            family = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)[0]
            with socket.socket(family[0], socket.SOCK_DGRAM) as out:
                out.sendto(data, family[4])
            return
        try:
            if self._socket is None or _hung_up(self._socket):
                self._hang_up()
                self._socket = self._connected()
            self._socket.sendall(b"%d %b" % (len(data), data))
        except OSError:
            self._hang_up()
            raise

    def _connected(self) -> socket.socket:
        plain = socket.create_connection((self._host, self._port), timeout=5.0)
        if self._tls is None:
            return plain
        try:
            return self._tls.wrap_socket(plain, server_hostname=self._host)
        except OSError:
            plain.close()
            raise

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def message(alert: Alert, text: str, facility: int = _LOCAL0, longest: int = _LONGEST) -> bytes:
    """One RFC 5424 message, cut between characters where it is too long.

    >>> found = Alert("backlog", "f", "t", "x", Severity.HIGH, 0.0, 1.5)
    >>> message(found, "hello").split()[0], message(found, "hello").split()[-3:]
    (b'<131>1', [b'backlog', b'-', b'hello'])
    """
    when = datetime.fromtimestamp(alert.last, UTC).isoformat(timespec="milliseconds")
    host = _word(socket.gethostname(), 255)
    head = f"<{facility * 8 + _LEVELS[alert.severity]}>1 {when.replace('+00:00', 'Z')} {host}"
    whole = f"{head} foretaste {os.getpid()} {_word(alert.rule, 32)} - {text}"
    data = whole.encode("utf-8", "replace")
    return data[:longest].decode("utf-8", "ignore").encode() if len(data) > longest else data


def _word(text: str, longest: int) -> str:
    """Printable ASCII without spaces, as the header wants."""
    return "".join(c if "!" <= c <= "~" else "_" for c in text)[:longest] or "-"


def _hung_up(link: socket.socket) -> bool:
    """The other side has closed: a receiver of syslog never sends anything else."""
    link.settimeout(0.0)
    try:
        return link.recv(1) == b""
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
    finally:
        link.settimeout(5.0)


def _parsed(address: str) -> tuple[str, str, int]:
    parts = urlsplit(address)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise BadInput(f"syslog has an address such as tls://host:6514, not {address!r}")
    return parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme]
