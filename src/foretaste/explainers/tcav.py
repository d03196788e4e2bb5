"""Whether a class answers to what some rows share: testing with concept activation vectors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.random import Generator
from scipy.spatial.distance import cdist
from scipy.stats import t as student

from foretaste.data import Array, Batch, Floats, Ints, concat
from foretaste.errors import BadInput
from foretaste.relevance import blurred
from foretaste.trained import Open

FEWEST = 8  # rows that can show what they share
LOOK = 2  # pixels a side averaged before pictures are compared
FLOOR = 1e-6  # a few dozen random groups cannot prove more


class Sensitivity(NamedTuple):
    """How a class answers to a concept, at the hidden layer where it answers most clearly.

    layer:   counted from the picture, 1 is the first
    score:   TCAV, the share of rows of other classes that the concept would push to the class
    effect:  by how much it would raise the logit of the class, mean over those rows
    random:  the same of random groups of the class, their mean
    p_value: of a random group of the class with so large an effect; it pays for the layers
    """

    layer: int
    score: float
    effect: float
    random: float
    p_value: float


@dataclass(frozen=True)
class Tcav:
    """Tests whether a class is sensitive to what suspected rows share.

    The concept is what suspected rows have and unsuspected rows that look like them have not, of
    whatever class: the difference of their mean activations in a hidden layer. The directional
    derivative of the logit of the class along it is taken at rows of other classes: would they be
    pushed over? Random groups of the class, each beside rows that look like them, say what is
    usual. Student's t for one more observation keeps the test honest: one group is one
    observation, however often its concept vector is fitted anew.

    rows:   of the concept that are looked at
    groups: random ones
    asked:  rows of other classes at which derivatives are taken
    pool:   unsuspected rows among which look-alikes are searched

    Blind to a concept that works only far from where rows are, since derivatives are local, and to
    groups of fewer than 8 rows. Where pictures have no look-alikes, as photographs often have not,
    the content of mislabelled rows stays in the concept and hides the mark. Not proof of an attack:
    classes are sensitive to some of their natural modes too, with a smaller effect.

    Needs `pixels` (n, h, w, c) of uint8, `label` (n,), and a victim whose body is a sequence of
    layers.

    References
    ----------
    Kim et al. (2018). Interpretability Beyond Feature Attribution: Quantitative Testing with
    Concept Activation Vectors. arXiv:1711.11279
    Pahde et al. (2022). Navigating Neural Space: Revisiting Concept Activation Vectors to Overcome
    Directional Divergence. arXiv:2202.03482
    """

    rows: int = 50
    groups: int = 24
    asked: int = 100
    pool: int = 2_000

    needs: ClassVar[tuple[str, ...]] = ("pixels", "label")

    def sensitivity(
        self, victim: Open, concept: Batch, others: Batch, code: int, rng: Generator
    ) -> Sensitivity:
        """Of class `code` to what the rows of `concept` share; `others` are unsuspected rows.

        Raises `BadInput` where there are too few rows of either, or no hidden layer.
        """
        own = np.flatnonzero(others["label"] == code)
        rest = np.flatnonzero(others["label"] != code)
        n = min(self.rows, len(concept), len(own) // 2)
        if n < FEWEST or not len(rest):
            raise BadInput(f"{len(concept)} rows beside {len(own)} of their class are too few")
        groups = [concept.take(rng.choice(len(concept), n, replace=False))]
        groups += [others.take(rng.choice(own, n, replace=False)) for _ in range(self.groups)]
        pool = others.take(rng.permutation(len(others))[: self.pool])
        look = _look(victim, pool)
        mates = [pool.take(_alike(_look(victim, one), one.ids, look, pool.ids)) for one in groups]
        asked = others.take(rng.permutation(rest)[: self.asked])
        tests = [
            self._tested(slopes, [_mean(hidden, a) - _mean(hidden, b) for a, b in pairs])
            for hidden, slopes, pairs in _layers(victim, groups, mates, asked, code)
        ]
        best = min(range(len(tests)), key=lambda at: tests[at].p_value)
        p_value = float(np.clip(len(tests) * tests[best].p_value, FLOOR, 1.0))
        return tests[best]._replace(layer=best + 1, p_value=p_value)

    def _tested(self, slopes: Array, concepts: list[Array]) -> Sensitivity:
        """slopes: (asked, d) derivatives of the logit; concepts: (d,) each, that tested first."""
        along = slopes @ np.stack(concepts, axis=1)
        effects = along.mean(axis=0)
        usual = effects[1:]
        spread = usual.std(ddof=1) * np.sqrt(1 + 1 / len(usual))
        far = (effects[0] - usual.mean()) / max(float(spread), 1e-12)
        p_value = float(student.sf(far, len(usual) - 1))
        score = float((along[:, 0] > 0).mean())
        return Sensitivity(0, score, float(effects[0]), float(usual.mean()), p_value)


def _alike(look: Floats, ids: Array, pool: Floats, pool_ids: Array) -> Ints:
    """(n,) the row of the pool that looks most like each row, and is not the same."""
    far = cdist(look, pool, "sqeuclidean")
    far[ids[:, None] == pool_ids[None]] = np.inf
    return far.argmin(axis=1)


def _look(victim: Open, rows: Batch) -> Floats:
    images = blurred(victim.inputs(rows), LOOK)[:, :, ::LOOK, ::LOOK]
    flat: Floats = images.flatten(1).double().numpy()
    return flat


def _mean(hidden: Array, rows: slice) -> Array:
    mean: Array = hidden[rows].mean(axis=0)
    return mean


def _layers(
    victim: Open, groups: list[Batch], mates: list[Batch], asked: Batch, code: int
) -> Iterator[tuple[Array, Array, list[tuple[slice, slice]]]]:
    """Each hidden layer: activations (rows, d), slopes (asked, d), where groups and mates stand."""
    import torch

    body = victim.net["body"].eval()
    if not isinstance(body, torch.nn.Sequential):
        raise BadInput("tcav looks into networks whose body is a sequence of layers")
    columns = ("pixels",)
    batches = [Batch(one.ids, {c: one.arrow(c) for c in columns}) for one in [*groups, *mates]]
    size, n = len(batches[0]), len(groups)
    pairs = [
        (slice(i * size, (i + 1) * size), slice((n + i) * size, (n + i + 1) * size))
        for i in range(n)
    ]
    hidden, shown = victim.inputs(concat(batches)), victim.inputs(asked)
    for at, layer in enumerate(body):
        with torch.inference_mode(False), torch.no_grad():
            hidden, shown = layer(hidden), layer(shown)
        if isinstance(layer, torch.nn.ReLU) and at + 1 < len(body):
            slopes = _slopes(victim.net["head"], body[at + 1 :], shown, code)
            yield hidden.flatten(1).numpy(), slopes, pairs


def _slopes(head: Any, above: Any, shown: Any, code: int) -> Array:
    """(asked, d) how the logit of the class grows with each hidden unit."""
    import torch

    start = shown.detach().clone().requires_grad_()
    logits = head(above(start))
    slopes: Array = torch.autograd.grad(logits[:, code].sum(), start)[0].flatten(1).numpy()
    return slopes
