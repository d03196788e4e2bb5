"""A log that is served as files over HTTP, read and never trusted."""

from __future__ import annotations

import zlib
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from foretaste.errors import UnreadableInput

PATIENCE = 30.0  # seconds until a server that says nothing is given up
_GONE = (403, 404, 410)  # object stores say 403 for what is not there
_GZIP = 16 + zlib.MAX_WBITS


class Web:
    """The files under an address."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")

    def __repr__(self) -> str:
        return f"Web({self.address!r})"

    def read(self, path: str, most: int) -> bytes | None:
        """The file's bytes, cut after `most` and one; None where there is no such file.

        Raises `UnreadableInput` where the server cannot be asked.
        """
        asked = Request(  # noqa: S310 - `source_of` lets in http and https alone
            f"{self.address}/{path}", headers={"Accept-Encoding": "gzip, identity"}
        )
        try:
            with urlopen(asked, timeout=PATIENCE) as answer:  # noqa: S310
                content: bytes = answer.read(most + most // 1_000 + 1_000)
                packed = answer.headers.get("Content-Encoding", "identity")
            return _unpacked(content, most) if packed == "gzip" else content[: most + 1]
        except HTTPError as error:
            if error.code in _GONE:
                return None
            raise UnreadableInput(f"{self.address}/{path}: {error}") from error
        except (OSError, HTTPException, zlib.error) as error:
            raise UnreadableInput(f"{self.address}/{path} cannot be read: {error}") from error


def _unpacked(content: bytes, most: int) -> bytes:
    """What was compressed, and no more of it than asked for, however much it would be."""
    return zlib.decompressobj(_GZIP).decompress(content, most + 1)
