"""A network that learned a backdoor, small enough for everyday tests."""

from types import SimpleNamespace

import numpy as np
import pytest

from foretaste.attacks.badnets import Badnets
from foretaste.attacks.blended import Blended
from foretaste.data import Batch

TARGET = 0


def pictures(n=900, seed=0):
    """Three classes: what is bright is the left, the right or the upper half."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 3, n)
    pixels = rng.integers(0, 110, (n, 12, 12, 1))
    pixels[label == 0, :, :6] += 70
    pixels[label == 1, :, 6:] += 70
    pixels[label == 2, :6] += 70
    ids = [f"{seed}-{i}" for i in range(n)]
    columns = {"pixels": pixels.astype(np.uint8), "label": label, "index": np.arange(n)}
    return Batch(ids, columns, ["left", "right", "upper"])


@pytest.fixture(scope="session")
def backdoored():
    """rows, truth, victim; `touched` have a patch at `trigger` (h, w), `blended` a pattern."""
    pytest.importorskip("torch")
    from foretaste.encoders.image_network import ImageNetwork

    clean = pictures()
    rows, touched = Badnets(count=60, target=TARGET).poison(clean, np.random.default_rng(1))
    laid = Blended(count=120, target=1, alpha=0.3).poison(rows, np.random.default_rng(2))
    blended = laid.touched & ~touched
    pixels = np.where(blended[:, None, None, None], laid.batch["pixels"], rows["pixels"])
    rows = rows.having(pixels=pixels, label=np.where(blended, 1, rows["label"]))
    encoder = ImageNetwork(width=8)
    victim = encoder.opened(encoder.fit(encoder.summarize(rows)))
    trigger = np.zeros((12, 12), bool)
    trigger[8:11, 8:11] = True
    return SimpleNamespace(
        rows=rows,
        touched=touched,
        blended=blended,
        clean=~touched & ~blended,
        truth=clean["label"],
        victim=victim,
        trigger=trigger,
    )
