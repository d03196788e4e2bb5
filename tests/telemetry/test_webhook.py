"""Alerts reach a listener, signed; nothing else is ever asked."""

import base64
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from foretaste.errors import BadInput
from foretaste.telemetry import ocsf
from foretaste.telemetry.outbox import Tries
from foretaste.telemetry.webhook import Webhook
from tests.telemetry.made import alert

SECRET = b"a secret of some thirty bytes."


class Listener:
    """Answers with the codes given, then 204; remembers what it was told."""

    def __init__(self, *codes, **headers):
        self.heard, answers = [], iter(codes)
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                listener.heard.append((self.path, dict(self.headers), body))
                self.send_response(next(answers, 204))
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *_):
                return

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/alerts"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def sent(listener, **settings):
    hook = Webhook(listener.url, SECRET, tries=Tries(times=4, first=0.001), **settings)
    hook.on_alert("mail", alert())
    hook.close()
    return hook.outbox


def test_a_listener_can_tell_that_an_alert_is_ours():
    with Listener() as listener:
        assert sent(listener).sent == 1
    ((path, headers, body),) = listener.heard
    assert path == "/alerts"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    right = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{right}"
    said = json.loads(body)
    assert (said["gate"], said["severity"], said["sources"]) == ("mail", "medium", ["eve"])


def test_a_busy_listener_is_asked_again_with_the_same_id():
    with Listener(503, 429) as listener:
        assert sent(listener).sent == 1
    assert len(listener.heard) == 3
    assert len({headers["webhook-id"] for _, headers, _ in listener.heard}) == 1


def test_a_redirect_is_not_followed_and_not_tried_again():
    with Listener() as inside, Listener(302, location=inside.url) as listener:
        outbox = sent(listener)
    assert (outbox.sent, outbox.lost) == (0, 1)
    assert len(listener.heard) == 1
    assert not inside.heard


def test_a_listener_that_refuses_is_not_asked_again():
    with Listener(403) as listener:
        assert sent(listener).lost == 1
    assert len(listener.heard) == 1


def test_a_listener_that_is_not_there_costs_the_notice_and_nothing_else():
    with Listener() as listener:
        pass
    assert sent(listener).lost == 1


def test_the_body_may_be_ocsf():
    with Listener() as listener:
        sent(listener, body=ocsf.finding)
    assert json.loads(listener.heard[0][2])["class_uid"] == 2004


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://siem.example/alerts", "clear text"),
        ("https://user:pass@siem.example/", "password"),
        ("file:///etc/passwd", "address"),
        ("ftp://siem.example/", "address"),
        ("//siem.example", "address"),
        ("https://", "address"),
    ],
)
def test_addresses_that_are_unsafe_are_refused_at_the_start(url, why):
    with pytest.raises(BadInput, match=why):
        Webhook(url, SECRET)


def test_a_short_secret_is_refused():
    with pytest.raises(BadInput, match="24 bytes"):
        Webhook("https://siem.example/", b"short")
