"""Rows that are not what they were when they were listed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from foretaste.contracts import Kind, Scale
from foretaste.data import Batch, Floats

_CONTENT = ("image", "text")  # whose bytes the digests may be of
_PREFIX = re.compile(r"^(md5|sha1|sha256|sha512)[:-]?")
_BY_LENGTH = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}


@dataclass(frozen=True)
class Fitting:
    """How many rows of a set have content that fits their digest.

    rows: that have a digest; fits: column -> of them
    """

    rows: int
    fits: tuple[int, ...]

    def merge(self, other: Fitting) -> Fitting:
        both = zip(self.fits, other.fits, strict=True)
        return Fitting(self.rows + other.rows, tuple(a + b for a, b in both))


@dataclass(frozen=True)
class DigestMismatch:
    """Flags rows whose content is not what its recorded digest says.

    Lists of content found elsewhere, as of images in the web, record a digest of what stood there
    when the list was made. Who later owns the address, or pretends to be the source, can exchange
    the content and not the digest. Digests may be MD5, SHA-1, SHA-256 or SHA-512 in hexadecimal
    digits, of the bytes of the image file or of the text in UTF-8.

    usual: share of rows with a digest whose content has to fit it; where fewer do, the digests are
        of something else (the file before it was scaled down, the address), and no row is flagged

    Blind to content that was poisoned before its digest was recorded; to lists of which the
    attacker can write the digests as well; to rows without a digest; to a set of which more than
    half was exchanged; and, with MD5 and SHA-1, to attackers who made both contents themselves.

    Needs `digest` (n,) of strings; looks at `image` (encoded files) and `text`.

    >>> said = [hashlib.sha256(text).hexdigest() for text in (b"one", b"two", b"three")]
    >>> rows = Batch(list("abc"), {"digest": said, "text": ["one", "two", "poison"]})
    >>> model = DigestMismatch().fit(DigestMismatch().summarize(rows))
    >>> DigestMismatch().score(rows, model).tolist()
    [0.0, 0.0, 1.0]

    References
    ----------
    Carlini et al. (2023). Poisoning Web-Scale Training Datasets is Practical. arXiv:2302.10149
    """

    usual: float = 0.5

    needs: ClassVar = ("digest",)
    kind: ClassVar = Kind.HYGIENE
    scale: ClassVar = Scale.FACT

    def summarize(self, batch: Batch) -> Fitting:
        rows, fits = 0, [0] * len(_CONTENT)
        for found in _fitting(batch):
            rows += found is not None
            for at, fit in enumerate(found or ()):
                fits[at] += fit
        return Fitting(rows, tuple(fits))

    def fit(self, summary: Fitting) -> Fitting:
        return summary

    def score(self, batch: Batch, model: Fitting) -> Floats:
        of = self._of(model)
        if of is None:
            return np.zeros(len(batch))
        told = [found is not None and not found[of] for found in _fitting(batch)]
        return np.asarray(told, np.float64).reshape(len(batch))

    def explain(self, batch: Batch, row: int, model: Fitting) -> str:
        of, best = self._of(model), max(model.fits)
        if of is None:
            return f"the digests are of something else: {best:,} of {model.rows:,} fit the content"
        (found,) = _fitting(batch.take([row]))
        if found is None:
            return "no digest was recorded"
        if found[of]:
            return f"the {_CONTENT[of]} is what was recorded"
        said = str(batch["digest"][row]).strip()[:16]
        others = f"{best:,} of {model.rows:,} are"
        return f"the {_CONTENT[of]} is not what was recorded as {said}…; {others}"

    def _of(self, model: Fitting) -> int | None:
        """The column of which the digests are."""
        best = int(np.argmax(model.fits))
        enough = model.fits[best] >= max(self.usual * model.rows, 1)
        return best if enough else None


def _fitting(batch: Batch) -> Iterator[tuple[bool, ...] | None]:
    """Of each row which content fits its digest; None where there is none."""
    columns = [_bytes(batch, name) for name in _CONTENT]
    for row, said in enumerate(batch.arrow("digest").to_pylist()):
        known = _recorded(said)
        if known is None:
            yield None
        else:
            yield tuple(_is(column, row, *known) for column in columns)


def _recorded(said: str | None) -> tuple[str, str] | None:
    """Name of the function and the digits."""
    digits = _PREFIX.sub("", (said or "").strip().lower())
    name = _BY_LENGTH.get(len(digits))
    return None if name is None else (name, digits)


def _bytes(batch: Batch, name: str) -> pa.Array | None:
    if name not in batch:
        return None
    kind = batch.arrow(name).type
    whole = pa.types.is_large_binary(kind) or pa.types.is_large_string(kind)
    return batch.arrow(name) if whole else None


def _is(column: pa.Array | None, row: int, name: str, digits: str) -> bool:
    content: Any = None if column is None else column[row].as_py()
    if content is None:
        return False
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return hashlib.new(name, data, usedforsecurity=False).hexdigest() == digits
