"""Whether a model is the file it should be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from foretaste.checkpoints.listing import listed
from foretaste.errors import BadInput
from foretaste.trained import Severity, Subject, Suspicion

HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Digest:
    """Compares a file with the SHA-256 that it should have.

    Of a folder, the digest is the SHA-256 of what `sha256sum` prints for its files when they are
    given in the order of their names, without `./`. A difference is CRITICAL: it is another file.

    Blind to whatever is wrong with the file whose digest was taken.

    Needs `path`, `digest`.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "net.npy")
    ...     _ = path.write_bytes(b"")
    ...     [one.reason[:25] for one in Digest().inspect(Subject(path=path, digest="0" * 64))]
    ['its SHA-256 is e3b0c44298']

    References
    ----------
    NIST (2015). Secure Hash Standard. FIPS 180-4. doi:10.6028/NIST.FIPS.180-4
    """

    needs: ClassVar[tuple[str, ...]] = ("path", "digest")

    def inspect(self, subject: Subject) -> tuple[Suspicion, ...]:
        if subject.path is None or subject.digest is None:
            return ()
        wanted = subject.digest.strip().lower().removeprefix("sha256:")
        if not HEX.fullmatch(wanted):
            raise BadInput(f"{subject.digest!r} is no SHA-256: wanted are 64 hexadecimal digits")
        found = listed(subject.path).digest()
        if found == wanted:
            return ()
        reason = f"its SHA-256 is {found}, not {wanted}: this is another file"
        return (Suspicion("file", Severity.CRITICAL, reason),)
