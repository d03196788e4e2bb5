"""Gradients added up on the way from nothing in particular to the row as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from foretaste.data import Array, Batch, Ints
from foretaste.errors import BadInput, MissingExtra
from foretaste.relevance import blurred, pictured
from foretaste.trained import Open

AT_ONCE = 64  # rows a pass, times the steps


@dataclass(frozen=True)
class IntegratedGradients:
    """Shares out the change of a logit between a row without detail and the row as it is.

    Above zero speaks for the class, below zero against it; together they are the change of the
    logit. A picture starts blurred, so that a small mark counts whatever its brightness; a text
    starts without words. Of a text the relevance is that of each word number the victim reads:
    its words as they stand, then its invisible and strange characters.

    steps:  on the way, at which the gradient is taken
    smooth: pixels a side over which relevance is averaged; 1 for none

    Blind to broad patterns that blurring leaves in the picture.

    Needs `pixels` (n, h, w, c) of uint8, or `text` and a victim that looks words up in one
    embedding; and the extra `explanations`.

    >>> IntegratedGradients(steps=8).smooth
    3

    References
    ----------
    Sundararajan, Taly, Yan (2017). Axiomatic Attribution for Deep Networks. arXiv:1703.01365
    """

    steps: int = 16
    smooth: int = 3

    needs: ClassVar[tuple[str, ...]] = ()  # `pixels` or `text`, as the victim reads

    def attribute(self, victim: Open, rows: Batch, codes: Ints) -> list[Array]:
        method = _captum().attr
        import torch

        explain = self._pictures if "pixels" in rows else self._texts
        found: list[Array] = []
        victim.net.eval()
        for start in range(0, len(rows), AT_ONCE):
            part = rows.take(np.arange(start, min(start + AT_ONCE, len(rows))))
            wanted = torch.from_numpy(np.array(codes[start : start + AT_ONCE], np.int64))
            found += explain(method, victim, part, wanted)
        return found

    def _pictures(self, method: Any, victim: Open, rows: Batch, codes: Any) -> list[Array]:
        images = victim.inputs(rows)
        relevance = method.IntegratedGradients(victim.logits).attribute(
            images, baselines=blurred(images), target=codes, n_steps=self.steps,
            internal_batch_size=AT_ONCE * self.steps,
        )  # fmt: skip
        return pictured(relevance, self.smooth)

    def _texts(self, method: Any, victim: Open, rows: Batch, codes: Any) -> list[Array]:
        import torch

        numbers = victim.inputs(rows)
        words = [one for one in victim.net.modules() if isinstance(one, torch.nn.Embedding)]
        if len(words) != 1:
            raise BadInput(f"the network looks words up in {len(words)} embeddings; one is wanted")
        relevance = method.LayerIntegratedGradients(victim.logits, words[0]).attribute(
            numbers, baselines=torch.zeros_like(numbers), target=codes, n_steps=self.steps,
            internal_batch_size=AT_ONCE * self.steps,
        )  # fmt: skip
        summed = relevance.detach().sum(dim=2).double().numpy()
        counts = (numbers != 0).sum(dim=1).tolist()
        return [row[:count] for row, count in zip(summed, counts, strict=True)]


def _captum() -> Any:
    try:
        import captum.attr
    except ImportError as error:
        raise MissingExtra("integrated_gradients", "explanations") from error
    return captum
