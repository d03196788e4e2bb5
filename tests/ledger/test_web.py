import gzip
import threading
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from foretaste.errors import UnreadableInput
from foretaste.ledger.reader import Reader
from foretaste.ledger.web import Web
from tests.ledger.naive import KEY, entries, grown


@contextmanager
def served(handler):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Says nothing."""


def answering(code, content, **headers):
    class Answering(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(content)

        log_message = Quiet.log_message

    return Answering


def test_a_log_is_read_and_verified_over_http(tmp_path):
    grown(tmp_path, 100, 1_000)
    with served(partial(Quiet, directory=tmp_path)) as address:
        reader = Reader(f"{address}/", [KEY.verifier])
        assert reader.verify().size == 1_000
        assert list(reader.entries(250, 520)) == entries(250, 520)
        assert Web(address).read("tile/7/000", 10) is None


def test_what_comes_compressed_is_unpacked():
    with served(answering(200, gzip.compress(b"tile" * 50), Content_Encoding="gzip")) as address:
        assert Web(address).read("tile/0/000", 200) == b"tile" * 50


def test_what_would_unpack_without_end_is_cut():
    bomb = gzip.compress(bytes(5_000_000))
    with served(answering(200, bomb, Content_Encoding="gzip")) as address:
        assert len(Web(address).read("checkpoint", 9_000)) <= 9_001


def test_an_answer_without_end_is_cut():
    with served(answering(200, bytes(200_000))) as address:
        assert len(Web(address).read("checkpoint", 100)) == 101


@pytest.mark.parametrize(
    "handler",
    [answering(500, b"broken"), answering(200, b"not gzip", Content_Encoding="gzip")],
)
def test_a_server_that_fails_is_named(handler):
    with served(handler) as address, pytest.raises(UnreadableInput, match=r"127\.0\.0\.1"):
        Web(address).read("checkpoint", 100)


def test_a_server_that_is_not_there_is_named():
    with pytest.raises(UnreadableInput, match="cannot be read"):
        Web("http://127.0.0.1:9").read("checkpoint", 100)
