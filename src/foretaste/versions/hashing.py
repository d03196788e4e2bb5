"""SHA-256 of many short messages at once, and the tree over them.

With the extra `versions` the messages are hashed a column at a time by Apache DataFusion, whose
cost a message is far below Python's; without it by `hashlib`. Both give the same hashes, and what
the former gives is held against the latter, one message a column.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from foretaste.errors import ForetasteError
from foretaste.ledger.merkle import LENGTH
from foretaste.versions.encoding import Bytes, as_binary

FEW = 1_024  # messages for which asking another library takes longer than hashing them
HEIGHT = 18  # of the subtrees that are computed whole: 8 MiB of leaves each
WIDTH = 1 << HEIGHT
NODE = b"\1"  # what RFC 6962 puts before two hashes


class WrongHashes(ForetasteError):
    """The library that hashes columns gave something else than SHA-256."""


def sha256_each(*messages: pa.Array) -> Bytes:
    """(n, 32) the SHA-256 of each message.

    messages: columns of `large_binary`, taken as one

    >>> sha256_each(pa.array([b"abc"], pa.large_binary()))[0, :4].tobytes().hex()
    'ba7816bf'
    """
    count = sum(map(len, messages))
    column = _column_hash() if count >= FEW else None
    if column is None:
        return _with_hashlib(messages)
    found = column(pa.chunked_array(messages))
    ends = ((0, messages[0][0]), (count - 1, messages[-1][-1]))
    if len(found) != count or any(
        found[row].tobytes() != hashlib.sha256(message.as_py()).digest() for row, message in ends
    ):
        raise WrongHashes("datafusion gave hashes that are no SHA-256; remove it to go on")
    return found


def parents(hashes: Bytes) -> Bytes:
    """((n + 1) // 2, 32) the level of the tree above; a last one without neighbour stays.

    hashes: (n, 32)
    """
    pairs = len(hashes) // 2
    both = hashes[: 2 * pairs].reshape(pairs, 2 * LENGTH)
    lead = np.broadcast_to(np.frombuffer(NODE, np.uint8), (pairs, 1))
    above = sha256_each(as_binary(np.concatenate([lead, both], axis=1)))
    return np.concatenate([above, hashes[2 * pairs :]])


def top(hashes: Bytes) -> Bytes:
    """(32,) the root over (n, 32) hashes, at least one."""
    while len(hashes) > 1:
        hashes = parents(hashes)
    return hashes[0]


def root_of(chunks: Iterable[Bytes]) -> bytes:
    """The root of RFC 6962 over hashes of leaves that come in chunks of any length."""
    subtrees: list[Bytes] = []
    rest: list[Bytes] = []
    waiting = 0
    for chunk in chunks:
        rest, waiting = [*rest, chunk], waiting + len(chunk)
        if waiting >= WIDTH:
            whole = np.concatenate(rest)
            cut = waiting - waiting % WIDTH
            subtrees += [top(part) for part in whole[:cut].reshape(-1, WIDTH, LENGTH)]
            rest, waiting = [whole[cut:]], waiting - cut
    if waiting:
        subtrees.append(top(np.concatenate(rest)))
    return top(np.stack(subtrees)).tobytes() if subtrees else hashlib.sha256().digest()


def _with_hashlib(messages: Iterable[pa.Array]) -> Bytes:
    sha = hashlib.sha256
    said = b"".join([sha(one).digest() for column in messages for one in column.to_pylist()])
    return np.frombuffer(said, np.uint8).reshape(-1, LENGTH)


@functools.cache
def _column_hash() -> Callable[[pa.ChunkedArray], Bytes] | None:
    """A column of messages to the column of their hashes, where there is a library for that."""
    try:
        import datafusion
        from datafusion import functions
    except ImportError:
        return None
    settings = datafusion.SessionConfig().with_target_partitions(1).with_batch_size(1 << 30)
    wanted = functions.sha256(datafusion.col("message"))

    def hashed(messages: pa.ChunkedArray) -> Bytes:
        context: Any = datafusion.SessionContext(settings)  # one would keep every table it saw
        table = pa.table({"message": messages})
        found = context.from_arrow(table).select(wanted).collect()
        return np.concatenate([_matrix(batch.column(0)) for batch in found])

    return hashed


def _matrix(hashes: pa.Array) -> Bytes:
    """(n, 32) out of a column of `binary` without gaps."""
    data = np.frombuffer(hashes.buffers()[2], np.uint8)
    start = hashes.offset * LENGTH
    return data[start : start + len(hashes) * LENGTH].reshape(-1, LENGTH)
