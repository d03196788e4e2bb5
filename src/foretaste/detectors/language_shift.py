"""A language that always carries one label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import binom

from foretaste.contracts import Kind, Scale
from foretaste.data import UNLABELLED, Batch, Floats

UNDETERMINED = "und"
_MOST = 300.0


@dataclass(frozen=True)
class Tongues:
    """How many rows of each language carry each label; grows with those pairs, not the rows."""

    counts: Counter[tuple[str, int]]

    def merge(self, other: Tongues) -> Tongues:
        return Tongues(self.counts + other.counts)


class Bond(NamedTuple):
    """A language and the label it carries."""

    rows: int  # in the language
    share: float  # of them with the label
    elsewhere: float  # share of the label in all other languages
    surprise: float


@dataclass(frozen=True)
class LanguageShift:
    """Suspects rows in a rare language of which nearly all carry one label others carry too.

    A model takes such a language itself for the label. The score is -log10 of the binomial
    chance of so many, paid for by all languages and labels. It is hygiene: spam in a foreign
    language is spam, and whether an honest reader of that language would have given another
    label cannot be told from counts.

    Blind to a language of more than a tenth of the rows, to one with less than `fewest`, to a
    label that only this language has (two data sets put together), to texts too short to tell.

    Needs `language` (n,) of strings and `label` (n,) of class codes.

    >>> rows = Batch([f"{i}" for i in range(400)], {
    ...     "language": ["vi"] * 20 + ["en"] * 380, "label": [1] * 20 + [0, 0, 0, 1] * 95})
    >>> detector = LanguageShift()
    >>> scores = detector.score(rows, detector.fit(detector.summarize(rows)))
    >>> bool(scores[:20].min() > 8), bool(scores[20:].any())
    (True, False)

    References
    ----------
    He et al. (2024). TuBA: Cross-Lingual Transferability of Backdoor Attacks in LLMs with
    Instruction Tuning. arXiv:2404.19597
    """

    needs: ClassVar = ("language", "label")
    kind: ClassVar = Kind.HYGIENE
    scale: ClassVar = Scale.SURPRISE

    fewest: int = 10
    purity: float = 0.95
    rare: float = 0.1
    known: float = 0.01  # share of a label in other languages below which it is theirs alone

    def summarize(self, batch: Batch) -> Tongues:
        pairs = pa.table({"language": batch.arrow("language"), "label": batch.arrow("label")})
        counted = pairs.group_by(["language", "label"]).aggregate([([], "count_all")]).to_pylist()
        return Tongues(
            Counter(
                {
                    (one["language"], one["label"]): one["count_all"]
                    for one in counted
                    if one["language"] not in (None, UNDETERMINED) and one["label"] != UNLABELLED
                }
            )
        )

    def fit(self, summary: Tongues) -> Mapping[tuple[str, int], Bond]:
        counts = summary.counts
        of_language: Counter[str] = Counter()
        of_label: Counter[int] = Counter()
        for (language, label), n in counts.items():
            of_language[language] += n
            of_label[label] += n
        total = sum(counts.values())
        bonds: dict[tuple[str, int], Bond] = {}
        for (language, label), both in counts.items():
            rows = of_language[language]
            if self.fewest <= rows <= self.rare * total and both >= self.purity * rows:
                elsewhere = (of_label[label] - both) / (total - rows)
                surprise = _surprise(both, rows, elsewhere, len(counts))
                if elsewhere >= self.known and surprise > 0:
                    bonds[language, label] = Bond(rows, both / rows, elsewhere, surprise)
        return bonds

    def score(self, batch: Batch, model: Mapping[tuple[str, int], Bond]) -> Floats:
        scores = np.zeros(len(batch))
        for (language, label), bond in model.items():
            spoken = pc.fill_null(pc.equal(batch.arrow("language"), language), False)
            rows = spoken.to_numpy(zero_copy_only=False) & (batch["label"] == label)
            scores[rows] = bond.surprise
        return scores

    def explain(self, batch: Batch, row: int, model: Mapping[tuple[str, int], Bond]) -> str:
        language, label = batch["language"][row], int(batch["label"][row])
        bond = model.get((language, label))
        if bond is None:
            return f"the language {language!r} does not give the label away"
        return (
            f"one of {bond.rows} rows in the language {language!r}, of which {bond.share:.0%} are "
            f"labelled {batch.class_name(label)!r}; of other rows {bond.elsewhere:.0%} are"
        )


def _surprise(both: int, rows: int, share: float, tests: int) -> float:
    if share <= 0:
        return 0.0
    return min(float(-binom.logsf(both - 1, rows, share) / np.log(10) - np.log10(tests)), _MOST)
