"""Reads a log that somebody else may serve, and believes nothing but the key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from foretaste.ledger import merkle
from foretaste.ledger.checkpoint import Checkpoint, opened
from foretaste.ledger.keys import VerifyingKey
from foretaste.ledger.merkle import Hashes
from foretaste.ledger.note import LARGEST, Note
from foretaste.ledger.refusals import Forked, MalformedProof, MissingTile, RolledBack
from foretaste.ledger.storage import CHECKPOINT, Source, source_of
from foretaste.ledger.tiles import ENTRIES, WIDTH, needed
from foretaste.ledger.tree import Tree


@dataclass(frozen=True, slots=True)
class Verified:
    """What `Reader.verify` went through, all of it as the checkpoint says.

    size: entries; entry_bytes: in them; tiles, bundles: files, but for those that grew full since
    """

    checkpoint: Checkpoint
    size: int
    entry_bytes: int
    tiles: int
    bundles: int


class Reader:
    """A log's entries and proofs, recomputed from its files up to its checkpoint.

    where:   a folder, an fsspec URL, or the web address that the log is served under
    trusted: keys, of which one has to have signed as the log
    origin:  the log's name, where it is known

    One reader never goes back: a checkpoint that did not grow from the last it saw is refused.

    Blind to a log that shows others another tree, which is what witnesses are for.

    Everything raises the leaves of `errors.LedgerRefused`, and `UnreadableInput` for a place that
    cannot be read at all.

    >>> import tempfile
    >>> from foretaste.ledger.keys import SigningKey
    >>> from foretaste.ledger.writer import Writer
    >>> where, key = tempfile.mkdtemp(), SigningKey.new("example.com/log")
    >>> with Writer(where, key) as writer:
    ...     _ = writer.append([b"one", b"two", b"three"])
    >>> reader = Reader(where, [key.verifier])
    >>> reader.entry(1), len(reader.inclusion(1)), reader.verify().size
    (b'two', 2, 3)

    References
    ----------
    C2SP (2025). Tiled Transparency Logs. https://c2sp.org/tlog-tiles
    """

    def __init__(
        self, where: str | Path, trusted: Iterable[VerifyingKey], origin: str | None = None
    ) -> None:
        self.source: Source = source_of(where)
        self._trusted, self._origin = tuple(trusted), origin
        self._tree: Tree | None = None
        self._note: Note | None = None

    def checkpoint(self) -> Checkpoint:
        """The newest checkpoint, read again; what is asked next is asked of it.

        Raises `RolledBack` and `Forked` where it did not grow from the one before.
        """
        return self._newest().checkpoint

    def note(self) -> Note:
        """The newest checkpoint with all signatures under it, of which trusted ones are checked."""
        self._newest()
        if self._note is None:
            raise MissingTile(f"{self.source} has no {CHECKPOINT}")
        return self._note

    def entry(self, index: int) -> bytes:
        """An entry by its number, from 0."""
        return next(self.entries(index, index + 1))

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Entries by number, in order, one bundle in memory at a time; all to the end as a default.

        Raises `MalformedProof` where the log has no such entries.
        """
        tree = self._of(stop or 0)
        stop = tree.checkpoint.size if stop is None else stop
        if not 0 <= start <= stop:
            raise MalformedProof(
                f"entries {start} to {stop} of a log; wanted is 0 <= start <= stop"
            )
        for index in range(start // WIDTH, -(-stop // WIDTH)):
            first = index * WIDTH
            yield from tree.bundle(index)[max(0, start - first) : stop - first]

    def inclusion(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """The proof that an entry stands in the log of the first `size`; of all as a default."""
        tree = self._of(size or 0)
        return merkle.inclusion(index, tree.checkpoint.size if size is None else size, tree.hash)

    def consistency(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """The proof that the log of `old` entries only grew into that of `new`; or of all."""
        tree = self._of(new or old)
        return merkle.consistency(old, tree.checkpoint.size if new is None else new, tree.hash)

    def root(self, size: int) -> bytes:
        """The root over the first `size` entries."""
        return merkle.root(size, self.hashes(size))

    def hashes(self, size: int) -> Hashes:
        """Hashes of complete subtrees over the first `size` entries, each checked when asked."""
        return self._of(size).hash

    def verify(self, progress: Callable[[int, int], None] | None = None) -> Verified:
        """Reads every file that the newest checkpoint needs, and recomputes every hash.

        progress: called with entries done and entries in all, after each bundle
        """
        tree = self._newest()
        size, done, volume = tree.checkpoint.size, 0, 0
        for index in range(-(-size // WIDTH)):
            entries = tree.bundle(index)
            done, volume = done + len(entries), volume + sum(map(len, entries))
            if progress is not None:
                progress(done, size)
        levels = [tile.level for tile in needed(0, size)]
        bundles = levels.count(ENTRIES)
        return Verified(tree.checkpoint, done, volume, len(levels) - bundles, bundles)

    def _newest(self) -> Tree:
        content = self.source.read(CHECKPOINT, LARGEST)
        if content is None:
            raise MissingTile(f"{self.source} has no {CHECKPOINT}")
        found, note = opened(content, self._trusted, self._origin)
        tree = self._tree
        if tree is None or found != tree.checkpoint:
            tree = Tree(self.source, found)
            if self._tree is not None:
                _grown(self._tree.checkpoint, tree)
        self._tree, self._note = tree, note
        return tree

    def _of(self, size: int) -> Tree:
        """A tree with so many entries at least; the one seen last, where it has them."""
        tree = self._tree
        if tree is None or tree.checkpoint.size < size:
            tree = self._newest()
        if tree.checkpoint.size < size:
            raise MalformedProof(
                f"the log has {tree.checkpoint.size} entries, asked was for {size}"
            )
        return tree


def _grown(old: Checkpoint, tree: Tree) -> None:
    """That a tree has grown from an older checkpoint."""
    new = tree.checkpoint
    new.grown_from(old)
    if new.size < old.size:
        raise RolledBack(f"{new.origin}: {new.size:,} entries now, {old.size:,} were seen before")
    if merkle.root(old.size, tree.hash) != old.root:
        raise Forked(f"{new.origin}: the first {old.size:,} of {new.size:,} entries were changed")
