"""The output handed back layer by layer to the pixels it came from."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from foretaste.data import Array, Batch, Ints
from foretaste.errors import BadInput, MissingExtra
from foretaste.relevance import pictured
from foretaste.trained import Open

AT_ONCE = 256  # images a pass
STACKED = "layerwise_relevance explains stacks of layers; integrated_gradients explains any network"


@dataclass(frozen=True)
class LayerwiseRelevance:
    """Shares out the logit of a class over the pixels, each layer conserving what it was given.

    Above zero speaks for the class, below zero against it. Normalisation is first folded into
    the convolutions. The first of them has the epsilon rule, since pixels are below zero too, the
    others the gamma rule, which trusts what speaks for more than what speaks against.

    epsilon: what takes in relevance that nothing much gave rise to, in units of activations
    gamma:   how much more positive weights count
    smooth:  pixels a side over which relevance is averaged; 1 for none

    Blind to what a network does elsewhere: the heat is right for this row and this class only. A
    pattern over the whole picture gives no spot to look at.

    Needs `pixels` (n, h, w, c) of uint8, a victim whose body is a sequence of convolutions,
    normalisation, ReLU and pooling, and the extra `explanations`.

    >>> LayerwiseRelevance(smooth=1).gamma
    0.25

    References
    ----------
    Bach et al. (2015). On Pixel-Wise Explanations for Non-Linear Classifier Decisions by
    Layer-Wise Relevance Propagation. doi:10.1371/journal.pone.0130140
    Montavon et al. (2019). Layer-Wise Relevance Propagation: An Overview.
    doi:10.1007/978-3-030-28954-6_10
    """

    epsilon: float = 0.25
    gamma: float = 0.25
    smooth: int = 3

    needs: ClassVar[tuple[str, ...]] = ("pixels",)

    def attribute(self, victim: Open, rows: Batch, codes: Ints) -> list[Array]:
        method = _captum().attr.LRP
        import torch

        found: list[Array] = []
        for start in range(0, len(rows), AT_ONCE):
            part = rows.take(np.arange(start, min(start + AT_ONCE, len(rows))))
            wanted = torch.from_numpy(np.array(codes[start : start + AT_ONCE], np.int64))
            images = victim.inputs(part).contiguous().requires_grad_()
            relevance = method(self._ruled(victim.net)).attribute(images, target=wanted)
            found += pictured(torch.nan_to_num(relevance), self.smooth)
        return found

    def _ruled(self, net: Any) -> Any:
        """A copy of the network in which each layer has its rule."""
        from captum.attr._utils.lrp_rules import EpsilonRule, GammaRule
        from torch import nn

        stack = nn.Sequential(_folded(net["body"]), copy.deepcopy(net["head"])).eval()
        convolutions = 0
        for layer in (one for one in stack.modules() if not list(one.children())):
            if isinstance(layer, nn.Conv2d):
                layer.rule = GammaRule(self.gamma) if convolutions else EpsilonRule(self.epsilon)
                convolutions += 1
            elif not isinstance(layer, nn.ReLU | nn.Dropout):
                layer.rule = EpsilonRule(1e-6)
        if not convolutions:
            raise BadInput(STACKED)
        return stack


def _folded(body: Any) -> Any:
    """The same stack without normalisation layers: their factors are put into the weights."""
    from torch import nn
    from torch.nn.utils import fuse_conv_bn_eval

    if not isinstance(body, nn.Sequential):
        raise BadInput(STACKED)
    layers: list[Any] = []
    for layer in copy.deepcopy(body).eval():
        before = layers[-1] if layers else None
        if isinstance(layer, nn.BatchNorm2d) and isinstance(before, nn.Conv2d):
            layers[-1] = fuse_conv_bn_eval(before, layer)
        elif isinstance(layer, nn.ReLU):
            layers.append(nn.ReLU())  # not in place: the values before it are needed again
        else:
            layers.append(layer)
    return nn.Sequential(*layers)


def _captum() -> Any:
    try:
        import captum.attr
    except ImportError as error:
        raise MissingExtra("layerwise_relevance", "explanations") from error
    return captum
