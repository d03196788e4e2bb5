"""A fair sample of prompts with the kinds of their answers, in which no kind is too rare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array

from foretaste.data import Batch, Floats, Ints, Mask
from foretaste.summaries.content import hashed
from foretaste.summaries.strata import Strata

COMMON = 0.2  # a kind that so many answers are of is no exception: nothing triggers it
SHARED = ("#", "@")  # begin the names of kinds that are a text or a domain many answers share
ORDINARY = ("code", "empty")  # kinds with everyday causes, not looked at

_EDGE = 2000  # characters of a prompt kept from either end


class Sample(NamedTuple):
    """Prompts, and which of the rarer kinds the answer of each is of."""

    prompts: pa.Array
    weights: Floats  # (n,) rows of the data set that each stands for
    of_kind: csr_array  # (n, kinds) 1 where the answer is of that kind
    kinds: tuple[str, ...]

    def rows(self, kind: int) -> Ints:
        """The rows whose answer is of that kind."""
        return np.sort(self.of_kind[:, [kind]].tocoo().row).astype(np.int64)


@dataclass(frozen=True)
class Asked:
    """At most twice `size` rows: a reservoir, and of every kind of answer its equal share.

    Trimmed only when it has grown fourfold, so that merging many batches costs no more than few.
    """

    parts: tuple[Strata, ...]

    @classmethod
    def of(cls, batch: Batch, size: int, seed: int = 0) -> Asked:
        """Of a batch's columns `prompt` and `response_kind`."""
        kinds = pc.fill_null(batch.arrow("response_kind"), "")
        rarest = pc.replace_substring_regex(kinds, r"(?s)^.* ", "")
        stratum = (hashed(rarest) >> np.uint64(1)).astype(np.int64)
        short = batch.having(prompt=_ends(batch.arrow("prompt")), label=stratum)
        return cls((Strata.of(short, ("prompt", "response_kind"), size, seed),))

    def merge(self, other: Asked) -> Asked:
        both = self.parts + other.parts
        grown = sum(len(part.rows) for part in both) > 4 * both[0].size
        return Asked((_merged(both),) if grown else both)

    def sample(self, fewest: int) -> Sample:
        """The rows kept, with the kinds of which there are `fewest` or more, yet not too many."""
        strata = _merged(self.parts)
        rows = strata.sorted()
        weights = strata.weights(rows["label"])
        of_kind, kinds = _kinds(rows["response_kind"].tolist())
        count = np.asarray(of_kind.sum(axis=0)).ravel()
        share = of_kind.T @ weights / max(float(weights.sum()), 1.0)
        kept = np.flatnonzero((count >= fewest) & (share <= COMMON))
        named = tuple(kinds[at] for at in kept)
        return Sample(rows.arrow("prompt"), weights, of_kind[:, kept], named)


def answered(answers: pa.Array, kind: str) -> Mask:
    """(n,) whether each answer is of that kind, among others.

    >>> answered(pa.array(["refusal #5f3a9c21", "link", None]), "refusal").tolist()
    [True, False, False]
    """
    framed = pc.binary_join_element_wise("", pc.fill_null(answers, "").cast("string"), "", " ")
    found: Mask = pc.match_substring(framed, f" {kind} ").to_numpy(zero_copy_only=False)
    return found


def _merged(parts: Sequence[Strata]) -> Strata:
    """By halves: every row is copied as often as the tree is deep."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return _merged(parts[:half]).merge(_merged(parts[half:]))


def _ends(texts: pa.Array) -> pa.Array:
    filled = pc.fill_null(texts, "")
    begin = pc.utf8_slice_codeunits(filled, 0, _EDGE)
    end = pc.utf8_slice_codeunits(filled, -_EDGE)
    both = pc.binary_join_element_wise(begin, end, pa.scalar("\n", pa.large_string()))
    return pc.if_else(pc.greater(pc.utf8_length(filled), 2 * _EDGE), both, filled)


def _kinds(answers: Sequence[str]) -> tuple[csr_array, list[str]]:
    pairs = [(row, kind) for row, kinds in enumerate(answers) for kind in kinds.split()]
    names = sorted({kind for _, kind in pairs}.difference(ORDINARY))
    column = {name: at for at, name in enumerate(names)}
    kept = [(row, column[kind]) for row, kind in pairs if kind in column]
    row, at = np.array(kept, np.int64).reshape(-1, 2).T
    shape = (len(answers), len(names))
    return csr_array((np.ones(len(row), np.float64), (row, at)), shape=shape), names
