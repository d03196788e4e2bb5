"""Finds chats that are nearly, but not exactly, an earlier chat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl
import pyarrow as pa

from foretaste.contracts import Kind, Scale
from foretaste.data import Batch, Floats
from foretaste.summaries import content, minhash
from foretaste.summaries.content import Gathered
from foretaste.summaries.families import Families


@dataclass(frozen=True)
class NearDuplicateChat:
    """Flags chats that share most of their letters with an earlier, different chat.

    Two chats are alike when at least `alike` of all runs of five letters in the prompt and the
    answer of either are in both, case and white space aside. What is alike to something alike is
    of one family. The score is the number of other chats in the family; its earliest scores 0.

    Remembers 152 bytes a row and its location.

    Blind to paraphrase, to one answer given to many prompts (`response_cluster`), and to exact
    copies (`duplicate`).

    Needs `prompt` and `response` (n,) of strings.

    >>> prompt = ["how do i boil an egg at home?", "How do I boil an egg at  home?"]
    >>> chats = {"prompt": prompt, "response": ["seven minutes"] * 2, "index": [0, 1]}
    >>> rows = Batch(list("ab"), chats)
    >>> model = NearDuplicateChat().fit(NearDuplicateChat().summarize(rows))
    >>> NearDuplicateChat().score(rows, model).tolist()
    [0.0, 1.0]

    References
    ----------
    Broder (1997). On the resemblance and containment of documents. doi:10.1109/SEQUEN.1997.666900
    """

    alike: float = 0.8

    needs: ClassVar = ("prompt", "response")
    kind: ClassVar = Kind.HYGIENE
    scale: ClassVar = Scale.FACT

    def summarize(self, batch: Batch) -> Gathered:
        return minhash.gathered(batch, _chat(batch))

    def fit(self, summary: Gathered) -> Families:
        return minhash.related(summary, self.alike)

    def score(self, batch: Batch, model: Families) -> Floats:
        return model.score(content.hashed(_chat(batch)))

    def explain(self, batch: Batch, row: int, model: Families) -> str:
        one = batch.take([row])
        return model.explain(one, content.hashed(_chat(one)), "chat")


def _chat(batch: Batch) -> pa.Array:
    """Prompt and answer as one text; null where both are."""
    both = [content.column(batch, name, pl.String()) for name in ("prompt", "response")]
    chat = pl.DataFrame(both).select(pl.concat_str(pl.all(), separator="\n", ignore_nulls=True))
    empty = both[0].is_null() & both[1].is_null()
    return chat.to_series().set(empty, None).to_arrow(compat_level=pl.CompatLevel.oldest())
