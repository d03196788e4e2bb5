"""The version of a data set: one root over all its rows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from foretaste.data import Batch, Dataset
from foretaste.versions.encoding import Bytes, encoded
from foretaste.versions.hashing import root_of, sha256_each
from foretaste.versions.rows import Sidecar

LEAF = b"\0"  # what RFC 6962 puts before an entry
ROWS = 65_536  # that are hashed at once
BYTES = 16 << 20
THREADS = 2
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Version:
    """Which rows a data set has, in which order.

    root:    of the Merkle tree (RFC 6962, SHA-256) over the rows' digests, in hexadecimal
    rows:    how many there are in it
    refused: how many could not be read, which are not in it
    path:    the file with the rows' digests, where one was asked for
    """

    root: str
    rows: int
    refused: int
    path: Path | None = None


def version_of(
    dataset: Dataset, progress: Progress | None = None, sidecar: Path | None = None
) -> Version:
    """The version of what a reader gives.

    progress: told how many rows more are done
    sidecar:  a folder in which the digests of all rows are kept, as ROOT.rows: with them a row can
              be found and proven; without them, which can be deleted, the root stands

    >>> rows = [Batch(["a", "b"], {"text": ["hi", "you"]})]
    >>> version_of(rows).root[:16], version_of(rows).rows
    ('8ae6596aa329088b', 2)
    """
    counts = [0, 0]
    keeping: AbstractContextManager[Sidecar | None] = (
        nullcontext() if sidecar is None else Sidecar(sidecar)
    )
    with keeping as kept:
        root = root_of(_watched(_digests(dataset, counts), counts, kept, progress))
        path = kept.finish(root, counts[0]) if kept is not None else None
    return Version(root.hex(), counts[0], counts[1], path)


def row_digests(*batches: Batch) -> Bytes:
    r"""(n, 32) the digest of each row: what RFC 6962 calls its leaf hash.

    >>> import hashlib
    >>> row = Batch(["a"], {"text": ["hi"]})
    >>> said = b"\0" + encoded(row)[0].as_py()
    >>> row_digests(row)[0].tobytes() == hashlib.sha256(said).digest()
    True
    """
    return sha256_each(*(encoded(batch, LEAF) for batch in batches))


def _watched(
    chunks: Iterable[Bytes], counts: list[int], kept: Sidecar | None, progress: Progress | None
) -> Iterator[Bytes]:
    for chunk in chunks:
        counts[0] += len(chunk)
        if kept is not None:
            kept.add(chunk)
        if progress is not None:
            progress(len(chunk))
        yield chunk


def _digests(dataset: Iterable[Batch], counts: list[int]) -> Iterator[Bytes]:
    """Digests in reading order; some batches are hashed while the next are read."""
    with ThreadPoolExecutor(THREADS) as threads:
        waiting: deque[Future[Bytes]] = deque()
        for group in _groups(_counted(dataset, counts)):
            waiting.append(threads.submit(row_digests, *group))
            if len(waiting) > THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _counted(dataset: Iterable[Batch], counts: list[int]) -> Iterator[Batch]:
    for batch in dataset:
        counts[1] += len(batch.refused)
        yield from _parts(batch)


def _groups(parts: Iterable[Batch]) -> Iterator[list[Batch]]:
    """As many pieces together as are worth a call."""
    group: list[Batch] = []
    rows = size = 0
    for part in parts:
        group.append(part)
        rows, size = rows + len(part), size + _size(part)
        if rows >= ROWS or size >= BYTES:
            yield group
            group, rows, size = [], 0, 0
    if group:
        yield group


def _parts(batch: Batch) -> Iterator[Batch]:
    """A batch in pieces of bounded size, none of it copied."""
    columns = {name: batch.arrow(name) for name in batch.names}
    step = max(1, min(ROWS, BYTES * len(batch) // max(1, _size(batch))))
    for start in range(0, len(batch), step):
        cut = {name: column.slice(start, step) for name, column in columns.items()}
        yield Batch(batch.arrow_ids().slice(start, step), cut, batch.classes)


def _size(batch: Batch) -> int:
    return sum(batch.arrow(name).nbytes for name in batch.names)
