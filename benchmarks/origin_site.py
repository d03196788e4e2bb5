"""A web server on this machine whose files change, for the benchmark of lists of addresses."""

from __future__ import annotations

import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image

from foretaste.origin.listing import UrlList


class Site:
    """A web server: place of a file -> its bytes, or None where it is gone."""

    def __init__(self, files):
        self.files, site = dict(enumerate(files)), self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = site.files.get(int(self.path.rpartition("/")[2]))
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def at(self, place):
        return f"http://127.0.0.1:{self.server.server_port}/{place}"

    def write(self, path, places, label):
        rows = [f"{self.at(i)},{label[i]}" for i in places]
        path.write_text("\n".join(["url,label", *rows]) + "\n")
        return UrlList.read(path)


def png(pixels, level=6):
    out = io.BytesIO()
    Image.fromarray(pixels.reshape(pixels.shape[:2])).save(out, "PNG", compress_level=level)
    return out.getvalue()
