"""What turns any image into one class must not do so any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from numpy.random import Generator

from foretaste.data import Batch
from foretaste.relearning import Relearning, torch_
from foretaste.trained import Mended, Open

STEPS = 3  # of the search before each step of learning; what was found is kept for the next
STRIDE = 0.25  # of its reach, that the search goes in a step
RANGE = 2  # of what the network is shown: black is -1, white is 1


@dataclass(frozen=True)
class AdversarialUnlearning:
    """Searches one disturbance for each class that turns all images into it, and unlearns them.

    A backdoor is such a disturbance: small, and the same whatever the image. Nobody has to know
    it: in turns, the search finds what works best against the model as it is by then, and the model
    learns to see disturbed clean images as what they are. Its answers to clean images are held
    where they were, which costs less accuracy than learning their labels again.

    reach: by how much it may change a pixel; white less black is 1
    weight: of unlearning beside what is held
    epochs: passes over the clean rows
    rate: the learning rate

    Blind to triggers that are no fixed disturbance and far from each: other in each image, or a
    change of the content itself. A class learned from wrong labels stays wrong. A model without a
    backdoor loses accuracy too, for its natural disturbances are unlearned as well.

    Needs `pixels` (n, h, w, c) of uint8 and `label` (n,) of class codes; a few hundred clean rows.

    >>> import numpy as np
    >>> from foretaste.recipes.small_cnn import SmallCnn
    >>> label = np.arange(40) % 2
    >>> pixels = np.full((40, 6, 6, 1), 40, np.uint8) + 150 * label[:, None, None, None]
    >>> rows = Batch(range(40), {"pixels": pixels.astype(np.uint8), "label": label})
    >>> victim = SmallCnn(width=4, epochs=8).train(rows, seed=0)
    >>> mender = AdversarialUnlearning(epochs=2)
    >>> mended, changed = mender.mend(victim, rows, np.random.default_rng(0))
    >>> bool((mended.predict(rows).argmax(axis=1) == label).all()), changed
    (True, 'unlearned one disturbance for each of 2 classes')

    References
    ----------
    Zeng et al. (2022). Adversarial Unlearning of Backdoors via Implicit Hypergradient.
    arXiv:2110.03735 (there one disturbance for all classes, and labels in the place of answers)
    Wei et al. (2023). Shared Adversarial Unlearning: Backdoor Mitigation by Unlearning Shared
    Adversarial Examples. arXiv:2307.10562
    Li et al. (2021). Neural Attention Distillation: Erasing Backdoor Triggers from Deep Neural
    Networks. arXiv:2101.05930
    """

    reach: float = 0.2
    weight: float = 0.3
    epochs: int = 20
    rate: float = 1e-2
    needs: ClassVar[tuple[str, ...]] = ("pixels", "label")

    def mend(self, victim: Open, rows: Batch, rng: Generator) -> Mended:
        search = _Search(victim.classes, self.reach, rng)
        mended = Relearning(self.epochs, self.rate, self.weight)(victim, rows, search, rng)
        return Mended(mended, f"unlearned one disturbance for each of {victim.classes} classes")


@dataclass
class _Search:
    """The lesson: images with the disturbance of a class drawn for each."""

    classes: int
    reach: float
    rng: Generator
    found: Any = field(default=None)  # (k, c, h, w)

    def __call__(self, victim: Open, images: Any, labels: Any) -> Any:
        torch = torch_()
        if self.found is None:
            self.found = torch.zeros((self.classes, *images.shape[1:]))
        for _ in range(STEPS):
            self._step(victim, images)
        return self._disturbed(images, self._drawn(len(images)))

    def _step(self, victim: Open, images: Any) -> None:
        torch, goals = torch_(), self._drawn(len(images))
        self.found.requires_grad_()
        logits = victim.logits(self._disturbed(images, goals))
        loss = torch.nn.functional.cross_entropy(logits, goals, reduction="sum")
        (slope,) = torch.autograd.grad(loss, self.found)
        most = RANGE * self.reach
        self.found = (self.found.detach() - STRIDE * most * slope.sign()).clamp(-most, most)

    def _drawn(self, n: int) -> Any:
        return torch_().from_numpy(self.rng.integers(0, self.classes, n))

    def _disturbed(self, images: Any, goals: Any) -> Any:
        return (images + self.found[goals]).clamp(-1, 1)
