"""Signing models and data sets, and refusing those that are not what somebody signed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from foretaste.artefacts import signature as form
from foretaste.artefacts.files import ALONE, Files, Progress, Stamp, files_of, hashed, stamp
from foretaste.artefacts.keys import Private, Public
from foretaste.artefacts.refusals import ContentDiffers, ContentMoves, Difference, How
from foretaste.artefacts.signature import Listed
from foretaste.durable import write_durably
from foretaste.errors import BadInput, UnreadableInput


@dataclass(frozen=True)
class Held:
    """A model or data set that was found to be what somebody signed.

    listed: the files and their digests
    root:   one digest over all of them
    bytes:  how many were read
    signer: the key, by the SHA-256 of its PEM
    """

    path: Path
    listed: Listed
    root: str
    bytes: int
    signer: str
    _found: Files = field(repr=False)
    _stamps: Mapping[str, Stamp] = field(repr=False)
    _signature: Path = field(repr=False)

    @property
    def digest(self) -> dict[str, str]:
        """What a ledger calls it by."""
        alone = {"sha256": self.listed.files[ALONE]} if ALONE in self.listed.files else {}
        return {"folder": self.root, **alone}

    def unchanged(self) -> None:
        """That no file was written to or replaced since it was read, and none has come.

        Seen by the file system's own times, which an owner of the machine can set. Raises
        `ContentMoves`.
        """
        found = files_of(self.path, self.listed.links, self._signature)
        if (found.names, found.odd) != (self._found.names, self._found.odd):
            raise ContentMoves(f"{self.path} has other files than when it was verified")
        for name, was in self._stamps.items():
            path = found.path(name)
            if stamp(path.stat()) != was:
                raise ContentMoves(f"{path} was changed since it was verified")


def sign(
    path: Path,
    key: Private,
    out: Path | None = None,
    *,
    links: bool = False,
    progress: Progress | None = None,
) -> Held:
    """Signs a file, or all files of a folder, hidden ones too; writes the signature.

    out:   the signature; PATH.sig beside what is signed
    links: whether links to files are signed as the files they lead to
    Raises `UnsafeInput` for a link or device among the files.
    """
    out = out or beside(path)
    found = files_of(path, links, out)
    found.refuse_odd()
    if not found.names:
        raise UnreadableInput(f"{path} holds no file to sign")
    if out.is_dir() or (out.exists() and out.samefile(path)):
        raise BadInput(f"{out} is no place for a signature")
    digests, stamps = _hashed(found, links, progress)
    listed = Listed(path.resolve().name, digests, links, _inside(path, out))
    write_durably(out, form.signed(listed, key))
    return _held(found, listed, key.public, stamps, out)


def verify(
    path: Path,
    signature: Path,
    key: Public,
    *,
    accept_ignored: bool = False,
    progress: Progress | None = None,
) -> Held:
    """That a file or folder is what the holder of a key signed: these files and no others.

    accept_ignored: whether files may be there that the signer said to leave out
    Raises `ContentDiffers` with every file that is not as it was signed, and what
    `signature.opened` raises.
    """
    listed = form.opened(form.read(signature), key)
    found = files_of(path, listed.links, signature)
    names = frozenset(found.names)
    differences = [one for one in found.odd if not (accept_ignored and listed.leaves_out(one.name))]
    odd = {one.name for one in found.odd}
    for name in sorted(listed.files.keys() - names - odd):
        differences.append(Difference(How.MISSING, name))
    for name in sorted(names - listed.files.keys()):
        if not (accept_ignored and listed.leaves_out(name)):
            detail = "the signer left it out" if listed.leaves_out(name) else ""
            differences.append(Difference(How.UNLISTED, name, detail))
    known = Files(path, tuple(name for name in found.names if name in listed.files), ())
    digests, stamps = _hashed(known, listed.links, progress)
    for name, digest in digests.items():
        if digest != listed.files[name]:
            differences.append(Difference(How.CHANGED, name))
    if differences:
        raise ContentDiffers(sorted(differences, key=lambda one: (one.name, one.how)))
    return _held(found, listed, key, stamps, signature)


@contextmanager
def required(path: str | Path, signature: Path | None, key: Path | None) -> Iterator[Held | None]:
    """Does what is inside only if a file or folder is what somebody signed.

    signature, key: both, or neither, which verifies nothing
    What was verified is looked at again when all is done: if it was touched meanwhile, by its
    times, the work is refused. So what is read inside is what was signed, except on a file system
    that keeps no such times, or against somebody who can set the clock.

    Raises what `verify` raises, `ContentMoves`, and `BadInput` for one without the other.
    """
    if signature is None and key is None:
        yield None
        return
    if signature is None or key is None:
        raise BadInput("a signature is checked with a key: give both --signature and --key")
    if "://" in str(path):
        raise BadInput(f"{path}: only files on this machine can be verified; fetch it first")
    held = verify(Path(path), signature, Public.read(key))
    yield held
    held.unchanged()


def beside(path: Path) -> Path:
    """Where the signature of a file or folder is, unless somebody says otherwise."""
    whole = path.resolve()
    return whole.with_name(whole.name + ".sig")


def _hashed(
    found: Files, links: bool, progress: Progress | None
) -> tuple[dict[str, str], dict[str, Stamp]]:
    digests: dict[str, str] = {}
    stamps: dict[str, Stamp] = {}
    for name in found.names:
        follow = links or name == ALONE
        digests[name], stamps[name] = hashed(found.path(name), follow, progress)
    return digests, stamps


def _held(
    found: Files, listed: Listed, key: Public, stamps: Mapping[str, Stamp], signature: Path
) -> Held:
    size = sum(one[2] for one in stamps.values())
    return Held(found.root, listed, listed.root, size, key.hint, found, stamps, signature)


def _inside(root: Path, out: Path) -> tuple[str, ...]:
    """A signature in the folder that it signs is what the folder holds beside the signed."""
    inside = os.path.relpath(out.resolve(), root.resolve())
    return () if inside.startswith("..") or not root.is_dir() else (Path(inside).as_posix(),)
