"""RFC 6962, section 2.1, as it is written there, slowly; and logs to try things on."""

import hashlib
import shutil
from pathlib import Path

from foretaste.ledger.keys import LOG, SigningKey
from foretaste.ledger.writer import Writer

KEY = SigningKey("example.com/log", LOG, bytes(range(32)))


def entry(index):
    """Always the same for a number, of 1 to 70 bytes."""
    return hashlib.sha256(b"%d" % index).digest() * 3 if index % 7 == 0 else b"entry %d" % index


def entries(start, stop):
    return [entry(i) for i in range(start, stop)]


def half(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(leaves):
    """MTH(D[n])."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = half(len(leaves))
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m, leaves):
    """PATH(m, D[n])."""
    if len(leaves) == 1:
        return []
    k = half(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def proof(m, leaves):
    """PROOF(m, D[n])."""
    return [] if m == 0 else subproof(m, leaves, True)


def subproof(m, leaves, whole):
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = half(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def grown(where, *sizes):
    """A log brought to each of some sizes in one append."""
    with Writer(where, KEY) as writer:
        for size in sizes:
            writer.append(entries(writer.size, size))
    return where


def published(where):
    """What others see of a folder: path -> bytes."""
    return {
        str(one.relative_to(where)): one.read_bytes()
        for one in Path(where).rglob("*")
        if one.is_file() and ".writer" not in one.parts
    }


def put_back(where, files):
    """Brings a folder back to what others saw before."""
    for one in Path(where).iterdir():
        if one.name != ".writer":
            shutil.rmtree(one) if one.is_dir() else one.unlink()
    for name, content in files.items():
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        (where / name).write_bytes(content)
