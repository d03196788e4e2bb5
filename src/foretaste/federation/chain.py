"""Each round's model on disk, chained and signed, so that none can be changed or exchanged unseen.

A folder holds `round-000012.safetensors` a round and `chain.jsonl`, a line a round: round, the
SHA-256 of the line before, of the model's file and of the round's record, who was admitted, by
which rule, and an Ed25519 signature over all of that. A line is written after its model is on disk,
each made durable first: what is torn by a crash is the newest line, and it counts as not written.

What a chain cannot tell by itself: that its newest rounds were cut off together with their models.
Whoever keeps the head (64 hexadecimal digits, in each report) can: `load(head=…)`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from foretaste.data import Array
from foretaste.durable import add_line, whole_lines, write_durably
from foretaste.errors import BadChain, BadInput, MissingExtra
from foretaste.federation.link import FIRST, Link, read_link, sha

LINES = "chain.jsonl"
CHECKPOINTS = "checkpoints"  # the folder of a federation's chain in its own


@dataclass(frozen=True)
class Chain:
    """The checkpoints of a federation in a folder.

    key:     Ed25519 private key that signs; without it a chain is only read
    trusted: Ed25519 public key that signatures must fit; that of `key` where not given
    """

    folder: Path
    key: Any = None
    trusted: Any = None

    def append(
        self,
        round: int,
        model: Mapping[str, Array],
        *,
        rule: str,
        admitted: tuple[str, ...],
        record: bytes,
        after: Link | None = None,
    ) -> Link:
        """Writes a round's model and its line, durably.

        after: the newest line, where the caller has just written it; else all are read and checked
        Raises `BadChain` where the chain on disk is broken, has this round already, or ends in
        another line than `after`.
        """
        if self.key is None:
            raise BadInput("a chain without a private key can be read, not written")
        last = self._mended() if after is None else self._ends_in(after)
        if last is not None and last.round >= round:
            raise BadChain(f"{self.folder} has round {last.round}; {round} cannot come after it")
        self.folder.mkdir(parents=True, exist_ok=True)
        digest = _written(self.folder / name_of(round), model)
        parent = FIRST if last is None else last.digest
        link = Link(round, parent, digest, sha(record), rule, admitted, "")
        link = Link(**{**link.__dict__, "signature": self.key.sign(link.said).hex()})
        add_line(self.folder / LINES, link.line)
        return link

    def links(self) -> tuple[Link, ...]:
        """All lines, each checked against the one before and its signature.

        Raises `BadChain` with the first line that does not fit. A last line without its end was
        torn by a crash and does not count.
        """
        path = self.folder / LINES
        if not path.exists():
            return ()
        found: list[Link] = []
        parent = FIRST
        for number, line in enumerate(whole_lines(path), 1):
            link = read_link(line, number)
            if link.parent != parent:
                raise BadChain(f"{path} line {number}: its parent is not the line before it")
            if found and link.round <= found[-1].round:
                raise BadChain(f"{path} line {number}: round {link.round} is not after the last")
            self._signed(link, number)
            parent = link.digest
            found.append(link)
        return tuple(found)

    def load(
        self, round: int | None = None, head: str | None = None
    ) -> tuple[dict[str, Array], Link]:
        """A round's model, the last one where none is named, if all of it is as it was written.

        head: what the digest of the newest line has to be
        Raises `BadChain`.
        """
        links = self.links()
        if not links:
            raise BadChain(f"{self.folder} has no checkpoint")
        if head is not None and links[-1].digest != head:
            raise BadChain(
                f"{self.folder}: the newest of {len(links)} rounds has digest {links[-1].digest}, "
                f"wanted is {head}; rounds were cut off, added or exchanged"
            )
        wanted = [link for link in links if round in (None, link.round)]
        if not wanted:
            raise BadChain(f"{self.folder} has rounds 1 to {links[-1].round}, not {round}")
        return self._model(wanted[-1]), wanted[-1]

    def last_good(self) -> tuple[dict[str, Array], Link, tuple[str, ...]] | None:
        """The newest round that is whole, and what was wrong with newer ones; None for none.

        The lines must be sound; models may be damaged or gone.
        """
        wrong: list[str] = []
        for link in reversed(self.links()):
            try:
                return self._model(link), link, tuple(wrong)
            except BadChain as error:
                wrong.append(str(error))
        return None

    def cut(self, link: Link) -> None:
        """Leaves out what comes after a round, to go on from there; the lines are kept beside.

        For going on after damage: the lines cut off move to `chain-cut-N.jsonl`.
        """
        links = self.links()
        at = links.index(link) + 1
        aside = next(
            p for n in range(10_000) if not (p := self.folder / f"chain-cut-{n}.jsonl").exists()
        )
        write_durably(aside, b"".join(one.line + b"\n" for one in links[at:]))
        write_durably(self.folder / LINES, b"".join(one.line + b"\n" for one in links[:at]))

    def _model(self, link: Link) -> dict[str, Array]:
        path = self.folder / name_of(link.round)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BadChain(f"round {link.round}: its model cannot be read: {error}") from error
        if sha(content) != link.model:
            raise BadChain(f"round {link.round}: {path.name} is not the file that was signed")
        try:
            found: dict[str, Array] = _safetensors().load(content)
        except Exception as error:
            raise BadChain(f"round {link.round}: {path.name} is no model: {error}") from error
        return found

    def _signed(self, link: Link, number: int) -> None:
        from cryptography.exceptions import InvalidSignature

        public = self.trusted or (self.key.public_key() if self.key is not None else None)
        if public is None:
            raise BadInput("a chain is checked with the signer's public key, and none was given")
        try:
            public.verify(bytes.fromhex(link.signature), link.said)
        except (InvalidSignature, ValueError) as error:
            where = f"{self.folder / LINES} line {number}"
            raise BadChain(f"{where}: the signature of round {link.round} does not fit") from error

    def _mended(self) -> Link | None:
        """The newest line; what a crash tore off after it is gone."""
        links, path = self.links(), self.folder / LINES
        whole = b"".join(one.line + b"\n" for one in links)
        if path.exists() and path.stat().st_size != len(whole):
            write_durably(path, whole)
        return links[-1] if links else None

    def _ends_in(self, last: Link) -> Link:
        """The line, if the file still ends in it."""
        path, line = self.folder / LINES, last.line + b"\n"
        try:
            with path.open("rb") as file:
                file.seek(-len(line), os.SEEK_END)
                found = file.read()
        except OSError as error:
            raise BadChain(f"{path} cannot be read any more: {error}") from error
        if found != line:
            raise BadChain(f"{path} does not end in round {last.round} any more: somebody wrote it")
        return last


def name_of(round: int) -> str:
    """The file of a round's model.

    >>> name_of(12)
    'round-000012.safetensors'
    """
    return f"round-{round:06d}.safetensors"


def _written(path: Path, model: Mapping[str, Array]) -> str:
    content = _safetensors().save({name: np.asarray(one, order="C") for name, one in model.items()})
    write_durably(path, content)
    return sha(content)


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise MissingExtra("a chain of checkpoints", "federated") from error
    return safetensors.numpy
