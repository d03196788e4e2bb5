"""A signature file in the OpenSSF model-signing format v1.0: who signed which files.

It is a Sigstore bundle around a DSSE envelope around an in-toto Statement:

    {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
     "verificationMaterial": {"publicKey": {"hint": HEX}, "tlogEntries": []},
     "dsseEnvelope": {"payload": …, "payloadType": …, "signatures": [{"sig": …, "keyid": ""}]}}

    {"_type": "https://in-toto.io/Statement/v1",
     "subject": [{"name": "my-model", "digest": {"sha256": ROOT}}],
     "predicateType": "https://model_signing/signature/v1.0",
     "predicate": {"serialization": {"method": "files", "hash_type": "sha256",
                                     "allow_symlinks": false, "ignore_paths": […]},
                   "resources": [{"name": "config.json", "algorithm": "sha256", "digest": …}, …]}}

ROOT is the SHA-256 over the digests' bytes, one after the other. A file that was signed alone has
the name ".".

References
----------
OpenSSF AI/ML Security Working Group (2025). OpenSSF Model Signing (OMS) specification v1.0.
Sigstore (2024). Bundle format v0.3. https://docs.sigstore.dev/about/bundle/
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from foretaste.artefacts.files import ALONE, MOST, parts
from foretaste.artefacts.keys import Private, Public
from foretaste.artefacts.refusals import (
    ForgedSignature,
    MalformedSignature,
    OtherKey,
    UnsupportedSignature,
)
from foretaste.errors import BadInput, LedgerRefused
from foretaste.ledger.dsse import IN_TOTO, encoded, read_json
from foretaste.ledger.event import STATEMENT
from foretaste.ledger.note import decoded

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PREDICATE = "https://model_signing/signature/v1.0"
LARGEST = 64 << 20  # bytes of a signature: 250,000 files fit
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class Listed:
    """What somebody signs: files by name with their SHA-256.

    name:    of the model or data set; means nothing
    files:   name -> 64 hexadecimal digits
    links:   whether the files may be links to others
    ignored: paths that the signer left out, with all below them
    """

    name: str
    files: Mapping[str, str]
    links: bool = False
    ignored: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        ordered = sorted(self.files.items(), key=lambda pair: parts(pair[0]))
        object.__setattr__(self, "files", MappingProxyType(dict(ordered)))

    @property
    def root(self) -> str:
        """One digest over all of them; names are not in it."""
        return _root(self.files.values())

    @property
    def statement(self) -> bytes:
        """As it is signed."""
        how: dict[str, Any] = {"method": "files", "hash_type": "sha256"}
        how["allow_symlinks"] = self.links
        if self.ignored:
            how["ignore_paths"] = list(self.ignored)
        told = [
            {"name": name, "algorithm": "sha256", "digest": digest}
            for name, digest in self.files.items()
        ]
        said = {
            "_type": STATEMENT,
            "subject": [{"name": self.name, "digest": {"sha256": self.root}}],
            "predicateType": PREDICATE,
            "predicate": {"serialization": how, "resources": told},
        }
        return json.dumps(said, separators=(",", ":")).encode()

    def leaves_out(self, name: str) -> bool:
        """Whether the signer said that this file does not belong."""
        return any(PurePosixPath(name).is_relative_to(one) for one in self.ignored if one != ALONE)


def signed(listed: Listed, key: Private) -> bytes:
    """The signature file."""
    payload = listed.statement
    told = {
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": key.public.hint}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": IN_TOTO,
            "signatures": [
                {"sig": base64.b64encode(key.sign(encoded(IN_TOTO, payload))).decode(), "keyid": ""}
            ],
        },
    }
    return json.dumps(told).encode()


def read(path: Path) -> bytes:
    """The bytes of a signature file, which nobody has checked yet."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise BadInput(f"{path}: no signature can be read: {error.strerror}") from error
    if len(content) > LARGEST:
        raise MalformedSignature(f"{path} has more than {LARGEST:,} bytes, which none is read of")
    return content


def opened(content: bytes, key: Public) -> Listed:
    """What the key signed; nothing of it is looked at before the signature fits.

    Raises `MalformedSignature`, `UnsupportedSignature`, `OtherKey`, `ForgedSignature`.
    """
    try:
        payload = _checked(read_json(content, LARGEST), key)
        return _listed(read_json(payload, LARGEST))
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise MalformedSignature(
            f"no signature of the OpenSSF format: {type(error).__name__} {error}"
        ) from error
    except LedgerRefused as error:
        raise MalformedSignature(f"no signature of the OpenSSF format: {error}") from error


def _checked(said: Mapping[str, Any], key: Public) -> bytes:
    """The payload, once the signature fits."""
    if said["mediaType"] != BUNDLE:
        raise UnsupportedSignature(
            f"a bundle of type {str(said['mediaType'])[:80]!r}, not {BUNDLE}"
        )
    material = said["verificationMaterial"]
    if material.get("publicKey") is None:
        raise UnsupportedSignature(
            f"signed by {', '.join(material) or 'nothing'}; here a signature is by a public key"
        )
    hint = material["publicKey"].get("hint")
    if hint and hint != key.hint:
        raise OtherKey(f"signed by the key {str(hint)[:16]}…; wanted is {key.hint[:16]}…")
    envelope = said["dsseEnvelope"]
    if envelope["payloadType"] != IN_TOTO:
        raise UnsupportedSignature(f"an envelope around {str(envelope['payloadType'])[:80]!r}")
    if len(envelope["signatures"]) != 1:
        raise MalformedSignature(f"{len(envelope['signatures'])} signatures; the format has one")
    payload, signature = (
        _bytes(one) for one in (envelope["payload"], envelope["signatures"][0]["sig"])
    )
    key.check(encoded(IN_TOTO, payload), signature)
    return payload


def _listed(said: Mapping[str, Any]) -> Listed:
    if (said["_type"], said["predicateType"]) != (STATEMENT, PREDICATE):
        raise UnsupportedSignature(
            f"a statement of type {str(said['predicateType'])[:80]!r}; read is {PREDICATE}"
        )
    predicate = said["predicate"]
    how, resources = predicate["serialization"], predicate["resources"]
    if (how["method"], how["hash_type"]) != ("files", "sha256"):
        raise UnsupportedSignature(
            f"files hashed as {str(how['method'])[:40]!r} with {str(how['hash_type'])[:40]!r}; "
            "read are files with sha256"
        )
    if len(said["subject"]) != 1 or not 1 <= len(resources) <= MOST:
        raise MalformedSignature(f"{len(resources):,} files of {len(said['subject'])} models")
    subject = said["subject"][0]
    files = {_name(one["name"]): _digest(one) for one in resources}
    if len(files) != len(resources) or (ALONE in files and len(files) > 1):
        raise MalformedSignature("a file is listed twice")
    if _root(files.values()) != subject["digest"]["sha256"]:
        raise ForgedSignature("the root is not over the files that are listed")
    ignored = how.get("ignore_paths") or ()
    if not all(isinstance(one, str) for one in (subject["name"], *ignored)):
        raise MalformedSignature("a name that is no text")
    return Listed(subject["name"], files, how["allow_symlinks"] is True, tuple(ignored))


def _root(digests: Any) -> str:
    return hashlib.sha256(b"".join(map(bytes.fromhex, digests))).hexdigest()


def _name(said: Any) -> str:
    """A path inside the folder, in its one proper form."""
    fine = isinstance(said, str) and "\0" not in said and str(PurePosixPath(said)) == said
    if not fine or said.startswith("/") or ".." in parts(said):
        raise MalformedSignature(f"a file called {str(said)[:80]!r}, which is none in a folder")
    return str(said)


def _digest(said: Mapping[str, Any]) -> str:
    digest = said["digest"]
    if said["algorithm"] != "sha256":
        raise UnsupportedSignature(f"a digest by {str(said['algorithm'])[:40]!r}; read is sha256")
    if not isinstance(digest, str) or not _HEX.fullmatch(digest):
        raise MalformedSignature(f"a digest {str(digest)[:80]!r}, which is no SHA-256")
    return digest


def _bytes(said: Any) -> bytes:
    found = decoded(said) if isinstance(said, str) else None
    if found is None:
        raise MalformedSignature("a field of the signature is not Base64")
    return found
