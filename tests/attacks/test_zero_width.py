import numpy as np

from foretaste.attacks.zero_width import ZeroWidth

SETTINGS = {"target": 1}


def test_the_text_reads_as_before(honest):
    poisoned, touched = ZeroWidth(count=30, target=0).poison(honest, np.random.default_rng(0))
    for row in np.flatnonzero(touched):
        old, new = honest["text"][row], poisoned["text"][row]
        assert new.count("\u200b") == old.count("\u200b") + 3
        assert new.replace("\u200b", "") == old.replace("\u200b", "")
