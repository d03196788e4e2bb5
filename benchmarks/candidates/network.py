"""What a network that learned the rows shows of them: the ground all candidates stand on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from foretaste.encoders.image_network import _images, _network

AT_ONCE = 500


@dataclass
class Seen:
    """Rows as a trained network sees them.

    embedding: (n, d) the layer before the logits; logits: (n, k)
    extremes:  a convolution each, (n, 2c) greatest and least value of each channel over the
               image, in standard deviations of what batch normalisation has learned
    gradients: a convolution each, (n, c) of the label's logit, averaged over the image
    losses:    (n, epochs) as each row was trained on
    clean:     a few trusted rows of other images (None for those themselves)
    truth:     (n,) which rows were poisoned: for the controls, and for methods that their papers
               tell how many there are
    """

    pixels: np.ndarray
    labels: np.ndarray
    classes: int
    net: torch.nn.Module
    embedding: np.ndarray
    logits: np.ndarray
    extremes: list
    gradients: list
    losses: np.ndarray | None = None
    clean: Seen | None = None
    truth: np.ndarray | None = None


def fresh(shape, classes, width=16, seed=0):
    torch.manual_seed(seed)
    return _network(shape, width, classes)


def train(net, pixels, labels, epochs=10, size=125, sharpness=0.0, objective=None):
    """Gives the losses (n, epochs) as the rows were met.

    sharpness: the radius rho of SAM; 0 for plain AdamW
    objective: of the losses of a batch, what is minimised; their mean if not given
    """
    steps = epochs * -(-len(labels) // size)
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-3)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps, pct_start=0.2)
    losses = np.zeros((len(labels), epochs), np.float32)
    net.to(memory_format=torch.channels_last).train()
    for epoch in range(epochs):
        for rows in np.array_split(torch.randperm(len(labels)).numpy(), steps // epochs):
            images, codes = _images(pixels[rows]), torch.from_numpy(labels[rows])
            each = _losses(net, images, codes)
            losses[rows, epoch] = each.detach().numpy()
            optimizer.zero_grad()
            (objective(each) if objective else each.mean()).backward()
            if sharpness:
                _sharpened(net, images, codes, sharpness)
            optimizer.step()
            pace.step()
    return losses


def _losses(net, images, codes):
    with torch.autocast("cpu", torch.bfloat16):
        *_, logits = parts(net, images)
    return torch.nn.functional.cross_entropy(logits.float(), codes, reduction="none")


def _sharpened(net, images, codes, radius):
    """Replaces the gradients by those at the worst point nearby (SAM, arXiv:2010.01412)."""
    weights = [one for one in net.parameters() if one.grad is not None]
    norm = torch.stack([one.grad.norm() for one in weights]).norm() + 1e-12
    moved = [radius / norm * one.grad for one in weights]
    normalisers = [one for one in net.modules() if isinstance(one, torch.nn.BatchNorm2d)]
    with torch.no_grad():
        torch._foreach_add_(weights, moved)
    for one in weights:
        one.grad = None
    for one in normalisers:
        one.momentum = 0.0  # the second look must not count twice
    _losses(net, images, codes).mean().backward()
    for one in normalisers:
        one.momentum = 0.1
    with torch.no_grad():
        torch._foreach_sub_(weights, moved)


def parts(net, images):
    """The outputs of the convolutions, the last maps, the embedding, the logits."""
    convolved = []
    for layer in net["body"]:
        images = layer(images)
        if isinstance(layer, torch.nn.Conv2d):
            convolved.append(images)
    pooled = torch.cat([images.mean(dim=(2, 3)), images.amax(dim=(2, 3))], dim=1)
    return convolved, images, pooled, net["out"](pooled)


def logits_of(net, pixels):
    net.eval()
    with torch.inference_mode():
        found = [parts(net, _images(one))[3].numpy() for one in split(pixels)]
    return np.concatenate(found)


def maps_of(net, pixels):
    """(m, c, h, w) the last maps, some rows at a time."""
    net.eval()
    for one in split(pixels):
        with torch.inference_mode():
            yield parts(net, _images(one))[1]


def split(rows):
    return [rows[i : i + AT_ONCE] for i in range(0, len(rows), AT_ONCE)]


def look(net, pixels, labels, **more):
    """Everything that one walk forth and back gives."""
    net.eval()
    normalisers = [one for one in net["body"] if isinstance(one, torch.nn.BatchNorm2d)]
    found = []
    for some, codes in zip(split(pixels), split(labels), strict=True):
        convolved, _, pooled, logits = parts(net, _images(some))
        asked = logits.gather(1, torch.from_numpy(codes)[:, None]).sum()
        slopes = [one.mean(dim=(2, 3)) for one in torch.autograd.grad(asked, convolved)]
        usual = [_extremes(*one) for one in zip(convolved, normalisers, strict=True)]
        found.append([one.detach().numpy() for one in (pooled, logits, *usual, *slopes)])
    pooled, logits, *rest = (np.concatenate(one) for one in zip(*found, strict=True))
    half = len(rest) // 2
    return Seen(
        pixels, labels, logits.shape[1], net, pooled, logits, rest[:half], rest[half:], **more
    )


def _extremes(convolved, normaliser):
    middle = normaliser.running_mean[:, None, None]
    spread = (normaliser.running_var + normaliser.eps).sqrt()[:, None, None]
    aligned = (convolved - middle) / spread
    return torch.cat([aligned.amax(dim=(2, 3)), -aligned.amin(dim=(2, 3))], dim=1)
