"""Syslog messages arrive whole over UDP, TCP and TLS."""

import datetime
import ipaddress
import re
import socket
import ssl
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretaste.errors import BadInput
from foretaste.telemetry.outbox import Tries
from foretaste.telemetry.syslog import Syslog, message
from tests.telemetry.made import alert

HEAD = re.compile(rb"<(\d+)>1 (\S+) (\S+) foretaste (\d+) (\S+) - (.*)", re.DOTALL)


def counted(data):
    """Messages counted in octets, as RFC 6587 frames them."""
    found = []
    while data:
        size, _, rest = data.partition(b" ")
        found.append(rest[: int(size)])
        data = rest[int(size) :]
    return found


class Receiver:
    """Takes connections one after the other and keeps what each said."""

    def __init__(self, context=None, links=1):
        self.said = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.thread = threading.Thread(target=self.take, args=(context, links), daemon=True)
        self.thread.start()

    def take(self, context, links):
        for _ in range(links):
            link, _ = self.listening.accept()
            try:
                link = context.wrap_socket(link, server_side=True) if context else link
                link.settimeout(5)
                data = b""
                while part := link.recv(4096):
                    data += part
                    if links > 1:
                        break
                self.said.append(data)
            except OSError as error:
                self.said.append(repr(error).encode())
            finally:
                link.close()

    def close(self):
        self.thread.join(5)
        self.listening.close()


def test_a_message_is_rfc_5424():
    found = HEAD.fullmatch(message(alert(), "text"))
    assert int(found[1]) == 16 * 8 + 4
    assert datetime.datetime.fromisoformat(found[2].decode()).timestamp() == alert().last
    assert found[5] == b"sender"
    assert found[6] == b"text"


def test_udp_messages_fit_what_every_receiver_takes():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        port = receiver.getsockname()[1]
        sender = Syslog(f"udp://127.0.0.1:{port}")
        sender.on_alert("mail", alert(text="é" * 5000))
        sender.on_alert("mail", alert())
        sender.close()
        long, short = receiver.recv(65536), receiver.recv(65536)
    assert 2040 < len(long) <= 2048
    long.decode()
    assert HEAD.fullmatch(short)[6].startswith(b"CEF:0|Foretaste|")


def test_tcp_messages_are_counted_so_that_none_runs_into_the_next():
    receiver = Receiver()
    sender = Syslog(f"tcp://127.0.0.1:{receiver.port}")
    for _ in range(3):
        sender.on_alert("mail", alert(sources=("e\n5 <1>1",)))
    sender.close()
    receiver.close()
    (data,) = receiver.said
    assert len(counted(data)) == 3
    assert all(HEAD.fullmatch(one) for one in counted(data))


def test_a_receiver_that_hung_up_is_called_again():
    receiver = Receiver(links=3)
    sender = Syslog(f"tcp://127.0.0.1:{receiver.port}", tries=Tries(first=0.05))
    for i in range(3):
        sender.on_alert("mail", alert(rule=f"r{i}"))
        while len(receiver.said) <= i and receiver.thread.is_alive():
            threading.Event().wait(0.01)
    sender.close()
    receiver.close()
    rules = [HEAD.fullmatch(one)[5] for data in receiver.said for one in counted(data)]
    assert rules == [b"r0", b"r1", b"r2"]


def test_tls_is_checked_and_a_stranger_hears_nothing(tmp_path):
    ours, context = certificate(tmp_path, "ours")
    other, _ = certificate(tmp_path, "other")
    receiver = Receiver(context)
    sender = Syslog(f"tls://127.0.0.1:{receiver.port}", trusted=ours)
    sender.on_alert("mail", alert())
    sender.close()
    receiver.close()
    assert HEAD.fullmatch(counted(receiver.said[0])[0])

    receiver = Receiver(context)
    sender = Syslog(
        f"tls://127.0.0.1:{receiver.port}", trusted=other, tries=Tries(times=1, first=0.01)
    )
    sender.on_alert("mail", alert())
    sender.close()
    receiver.close()
    assert sender.outbox.lost == 1
    assert b"CEF" not in receiver.said[0]


def certificate(folder, name):
    """A certificate for 127.0.0.1 that signs itself, and a server's context with it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / f"{name}.pem", folder / f"{name}.key"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return public, context


@given(st.text(max_size=3000), st.text(min_size=1, max_size=50), st.integers(200, 2048))
def test_any_text_gives_a_message_that_is_read_and_not_too_long(text, rule, longest):
    data = message(alert(rule=rule), text, longest=longest)
    assert len(data) <= longest
    data.decode()
    assert HEAD.fullmatch(data)


@pytest.mark.parametrize("address", ["http://a:1", "udp://", "siem:514", ""])
def test_addresses_that_are_none_are_refused(address):
    with pytest.raises(BadInput, match="syslog has an address"):
        Syslog(address)
