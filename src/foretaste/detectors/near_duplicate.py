"""Finds texts that are nearly, but not exactly, an earlier text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from foretaste.contracts import Kind, Scale
from foretaste.data import Batch, Floats
from foretaste.summaries import content, minhash
from foretaste.summaries.content import Gathered
from foretaste.summaries.families import Families


@dataclass(frozen=True)
class NearDuplicate:
    """Flags texts that share most of their letters with an earlier, different text.

    Two texts are alike when at least `alike` of all runs of five letters that either has are in
    both, case and white space aside. What is alike to something alike is of one family. The
    score is the number of other texts in the family; its earliest text scores 0.

    Remembers 152 bytes a row and its location. A pair at `alike` exactly is found as often as
    not; one well above it always, one well below it never (standard error about 0.035).

    Blind to paraphrase, translation, and texts it has not been shown; exact copies are the
    business of `duplicate`.

    Needs `text` (n,) of strings.

    >>> text = ["please call me back tonight after nine", "Please call me back tonight after ten"]
    >>> rows = Batch(list("ab"), {"text": text, "index": [0, 1]})
    >>> model = NearDuplicate(alike=0.7).fit(NearDuplicate().summarize(rows))
    >>> NearDuplicate().score(rows, model).tolist(), NearDuplicate().explain(rows, 1, model)
    ([0.0, 1.0], 'nearly the same text as 1 other row: row 0')

    References
    ----------
    Broder (1997). On the resemblance and containment of documents. doi:10.1109/SEQUEN.1997.666900
    Li, Owen, Zhang (2012). One Permutation Hashing. arXiv:1208.1259
    """

    alike: float = 0.8

    needs: ClassVar = ("text",)
    kind: ClassVar = Kind.HYGIENE
    scale: ClassVar = Scale.FACT

    def summarize(self, batch: Batch) -> Gathered:
        return minhash.gathered(batch, batch.arrow("text"))

    def fit(self, summary: Gathered) -> Families:
        return minhash.related(summary, self.alike)

    def score(self, batch: Batch, model: Families) -> Floats:
        return model.score(content.hashed(batch.arrow("text")))

    def explain(self, batch: Batch, row: int, model: Families) -> str:
        one = batch.take([row])
        return model.explain(one, content.hashed(one.arrow("text")), "text")
