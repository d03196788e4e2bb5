"""The trigger is recovered from the model, and the model learns to take no notice of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from foretaste.data import Batch
from foretaste.inversion import Form, Search, applied, smallest
from foretaste.relearning import Relearning, torch_
from foretaste.trained import Mended, Open

FORMS: tuple[Form, ...] = ("patch", "overlay")
SEARCHED = 200  # rows with which triggers are searched for


@dataclass(frozen=True)
class TriggerUnlearning:
    """Searches the smallest trigger of each class, and unlearns those that are too small.

    Too small is a trigger next to those of the other classes: what is a backdoor's is shorter than
    the way from one class to another. The model learns to see clean images with such a trigger as
    what they are, then the search starts again, for a backdoor has more than one way in. Where no
    trigger is too small nothing is changed.

    small: of the median size, the part below which a trigger is too small
    rounds: searches at most; each looks for patches, and for pictures laid over the image
    weight: of unlearning beside holding its answers to clean images; epochs: after each search
    rate: the learning rate

    Blind to backdoors whose trigger is no patch and no overlay (warps), and to those that have
    every class for a target: there no trigger is smaller than the others. Faint overlays are
    unlearned in part. Patches go at less cost than with `adversarial_unlearning`.

    Needs `pixels` (n, h, w, c) of uint8 and `label` (n,) of class codes; a few hundred clean rows.

    >>> import numpy as np
    >>> from foretaste.recipes.small_cnn import SmallCnn
    >>> label = np.arange(40) % 2
    >>> pixels = np.full((40, 6, 6, 1), 40, np.uint8) + 150 * label[:, None, None, None]
    >>> rows = Batch(range(40), {"pixels": pixels.astype(np.uint8), "label": label})
    >>> victim = SmallCnn(width=4, epochs=8).train(rows, seed=0)
    >>> mender = TriggerUnlearning(small=0.01)
    >>> mender.mend(victim, rows, np.random.default_rng(0)).changed
    'no trigger is too small: nothing was changed'

    References
    ----------
    Wang et al. (2019). Neural Cleanse: Identifying and Mitigating Backdoor Attacks in Neural
    Networks. https://doi.org/10.1109/SP.2019.00031
    """

    small: float = 0.6
    rounds: int = 3
    weight: float = 0.4
    epochs: int = 5
    rate: float = 1e-2
    needs: ClassVar[tuple[str, ...]] = ("pixels", "label")

    def mend(self, victim: Open, rows: Batch, rng: Generator) -> Mended:
        learn = Relearning(self.epochs, self.rate, self.weight)
        mended, found = victim, set[int]()
        for _ in range(self.rounds):
            triggers = [one for form in FORMS for one in self._too_small(mended, rows, form, rng)]
            if not triggers:
                break
            found |= {code for code, _ in triggers}
            mended = learn(mended, rows, _Stamped([one for _, one in triggers], rng), rng)
        if not found:
            return Mended(victim, "no trigger is too small: nothing was changed")
        names = ", ".join(rows.class_name(code) for code in sorted(found))
        return Mended(mended, f"unlearned recovered triggers of {names}")

    def _too_small(
        self, victim: Open, rows: Batch, form: Form, rng: Generator
    ) -> list[tuple[int, dict[str, Any]]]:
        """The class code of each trigger that is too small, and the trigger."""
        some = rng.permutation(len(rows))[:SEARCHED]
        found = smallest(victim, rows["pixels"][some], rng, Search(form=form))
        least = self.small * np.median(found.norms)
        codes = np.flatnonzero(found.norms < least)
        return [(int(c), {n: one[c : c + 1] for n, one in found.places.items()}) for c in codes]


@dataclass(frozen=True)
class _Stamped:
    """The lesson: clean images, each with one of the triggers."""

    triggers: list[dict[str, Any]]
    rng: Generator

    def __call__(self, victim: Open, images: Any, labels: Any) -> Any:
        torch, which = torch_(), self.rng.integers(0, len(self.triggers), len(images))
        shown = images.clone()
        with torch.no_grad():
            for at, trigger in enumerate(self.triggers):
                mine = torch.from_numpy(which == at)
                shown[mine] = applied(trigger, images[mine])[0]
        return shown
