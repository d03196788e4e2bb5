"""Whether a model was signed by whom one trusts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from foretaste.checkpoints.listing import listed
from foretaste.errors import BadInput, MissingExtra
from foretaste.trained import Severity, Subject, Suspicion

LARGEST = 64 << 20  # bytes of a file that is checked whole
LENGTH = 64  # bytes of a signature


@dataclass(frozen=True)
class Signature:
    """Verifies a detached Ed25519 signature with a public key.

    Signed is the SHA-256 of the model in 64 hexadecimal digits (of a folder as `digest` takes it),
    or a file of up to 64 MiB itself, as `openssl pkeyutl -sign -rawin` does it. The key is PEM, the
    signature its 64 bytes. A signature that does not fit is CRITICAL.

    Blind to whatever the signer did not see: a signature says who and unchanged, not clean.

    Needs `path`, `key`, `signature`, and the extra `checkpoints` (cryptography).

    >>> Signature().needs
    ('path', 'key', 'signature')

    References
    ----------
    Josefsson, Liusvaara (2017). Edwards-Curve Digital Signature Algorithm. RFC 8032
    """

    needs: ClassVar[tuple[str, ...]] = ("path", "key", "signature")

    def inspect(self, subject: Subject) -> tuple[Suspicion, ...]:
        if subject.path is None or subject.key is None or subject.signature is None:
            return ()
        key, signature = _key(subject.key), _bytes(subject.signature, LENGTH)
        found = listed(subject.path).digest()
        if _fits(key, signature, found.encode()) or _fits_whole(key, signature, subject.path):
            return ()
        reason = (
            f"the signature does not fit: this file (SHA-256 {found}) was not signed by the key"
        )
        return (Suspicion("file", Severity.CRITICAL, reason),)


def _fits_whole(key: Any, signature: bytes, path: Path) -> bool:
    small = path.is_file() and path.stat().st_size <= LARGEST
    return small and _fits(key, signature, path.read_bytes())


def _fits(key: Any, signature: bytes, said: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(signature, said)
    except InvalidSignature:
        return False
    return True


def _key(path: Path) -> Any:
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError as error:
        raise MissingExtra("a signature", "checkpoints") from error
    try:
        key = load_pem_public_key(path.read_bytes()[:10_000])
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: wanted is a public key in PEM: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise BadInput(f"{path}: a {type(key).__name__}; wanted is an Ed25519 public key")
    return key


def _bytes(path: Path, length: int) -> bytes:
    try:
        size = path.stat().st_size
        if size != length:
            raise BadInput(f"{path}: {size:,} bytes; an Ed25519 signature has {length}")
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: the signature cannot be read: {error}") from error
