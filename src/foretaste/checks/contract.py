"""Records that are not what the stream is said to carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from foretaste.data import Batch, Floats, Mask
from foretaste.streaming import Aspect


@dataclass(frozen=True)
class Nothing:
    """Nothing is remembered."""


@dataclass(frozen=True)
class Contract:
    """Rejects records in which the reader found a breach of the stream's contract.

    The reader that makes a batch of records says in `breach` what is wrong with each: a field
    missing or of another kind, a number out of its bounds, a category or label never agreed on.

    Blind to records that keep the contract and mean harm.

    Needs `breach` (n,) of strings, null where there is none.

    >>> import pyarrow as pa
    >>> rows = Batch(list("ab"), {"breach": pa.array([None, "no field age"], pa.large_string())})
    >>> Contract().judge(rows, Nothing())[0].tolist()
    [0.0, inf]

    References
    ----------
    Breck et al. (2019). Data Validation for Machine Learning. MLSys.
    https://mlsys.org/Conferences/2019/doc/2019/167.pdf
    """

    needs: ClassVar = ("breach",)
    aspect: ClassVar = Aspect.FORM

    def start(self, trusted: Batch) -> Nothing:
        return Nothing()

    def judge(self, batch: Batch, state: Nothing) -> tuple[Floats, Nothing]:
        kept = batch.arrow("breach").is_null().to_numpy(zero_copy_only=False)
        return np.where(kept, 0.0, np.inf), state

    def learn(self, window: Batch, admitted: Mask, state: Nothing) -> Nothing:
        return state

    def explain(self, batch: Batch, row: int, state: Nothing) -> str:
        return str(batch["breach"][row] or "keeps the contract").splitlines()[0]
