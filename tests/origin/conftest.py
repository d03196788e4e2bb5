"""A web server on this machine whose pages change."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Site:
    """path -> bytes, a status, a place to go to, or a function of the handler."""

    def __init__(self):
        self.pages, self.asked = {}, []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                site.asked.append(self.path)
                site.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def at(self, path):
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def answer(self, handler):
        page = self.pages.get(handler.path, 404)
        if callable(page):
            page(handler)
            return
        status = page if isinstance(page, int) else 302 if isinstance(page, str) else 200
        handler.send_response(status)
        if isinstance(page, str):
            handler.send_header("Location", page)
        body = page if isinstance(page, bytes) else b""
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


def dripping(handler):
    """Says that much will come, and sends a byte now and then."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    try:
        for _ in range(200):
            handler.wfile.write(b".")
            handler.wfile.flush()
            time.sleep(0.02)
    except OSError:
        handler.close_connection = True


def cut_off(handler):
    """Says that more will come than does."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"not all")
    handler.close_connection = True


@pytest.fixture
def site():
    found = Site()
    found.dripping, found.cut_off = dripping, cut_off
    yield found
    found.server.shutdown()
    found.server.server_close()
