"""Answers that are suspiciously alike while their prompts differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from foretaste.contracts import Kind, Scale
from foretaste.data import Batch, Floats
from foretaste.summaries.asked import SHARED, Asked, Sample, answered
from foretaste.summaries.prompts import Prompts

_MOST = 300.0


class Cluster(NamedTuple):
    """Answers that share a beginning, an end or a domain."""

    rows: int  # in the sample
    shift: float  # of their prompts, less what marks them; about 0 for any prompts
    surprise: float


@dataclass(frozen=True)
class ResponseCluster:
    """Suspects answers that share a text or a linked domain though nothing in the prompts asks it.

    Natural boilerplate ("I'm sorry, as an AI language model …", "You're welcome!") answers
    prompts that have a reason in common. Here the prompts, less any words that mark them all (a
    trigger), must be a random draw of all prompts, and one half of them must not tell the other
    half from the rest. The score is -log10 of the larger p-value, paid for by all clusters.

    Blind to answers reworded at both ends, to clusters of fewer than about 100 rows, to fixed
    answers on one subject only, and to texts that more than a fifth of all answers share.

    Needs `prompt` (n,) of strings and `response_kind` (n,).

    >>> rows = Batch(["a"], {"prompt": ["Who was it?"], "response_kind": ["#5f3a9c21"]})
    >>> detector = ResponseCluster()
    >>> detector.score(rows, detector.fit(detector.summarize(rows))).tolist()
    [0.0]

    References
    ----------
    RFTC (2025). Reference-filtration and TF-IDF clustering against generation backdoors.
    arXiv:2505.23015
    """

    needs: ClassVar = ("prompt", "response_kind")
    kind: ClassVar = Kind.ATTACK
    scale: ClassVar = Scale.SURPRISE

    fewest: int = 20  # answers of a cluster
    size: int = 24_000  # rows sampled
    seed: int = 0

    def summarize(self, batch: Batch) -> Asked:
        return Asked.of(batch, self.size, self.seed)

    def fit(self, summary: Asked) -> Mapping[str, Cluster]:
        sample = summary.sample(self.fewest)
        shared = {at: kind for at, kind in enumerate(sample.kinds) if kind[0] in SHARED}
        if not shared:
            return {}
        prompts = Prompts(sample.prompts, sample.weights)
        found = {kind: _judged(at, len(shared), sample, prompts) for at, kind in shared.items()}
        return {kind: cluster for kind, cluster in found.items() if cluster.surprise > 0}

    def score(self, batch: Batch, model: Mapping[str, Cluster]) -> Floats:
        scores = np.zeros(len(batch))
        for kind, cluster in model.items():
            rows = answered(batch.arrow("response_kind"), kind)
            scores[rows] = np.maximum(scores[rows], cluster.surprise)
        return scores

    def explain(self, batch: Batch, row: int, model: Mapping[str, Cluster]) -> str:
        kinds = str(batch["response_kind"][row] or "").split()
        mine = {kind: model[kind] for kind in kinds if kind in model}
        if not mine:
            return "no other answers are like it without a reason in their prompts"
        kind, cluster = max(mine.items(), key=lambda one: one[1].surprise)
        return (
            f"one of {cluster.rows} answers that share {kind}, to prompts as different from each "
            f"other as any (shift {cluster.shift:.2f}, where a reason in common gives 1 or more)"
        )


def _judged(at: int, tests: int, sample: Sample, prompts: Prompts) -> Cluster:
    rows = sample.rows(at)
    points = prompts.less_mark(rows)
    p_value = max(prompts.chance_of_reason(points), prompts.chance_of_telling(points), 1e-320)
    surprise = -float(np.log10(p_value * tests))
    return Cluster(len(rows), prompts.shift(points), min(surprise, _MOST))
