"""Many near copies."""

import numpy as np

from foretaste.data import Batch
from foretaste.detectors.flood import Flood
from foretaste.testing import learn

LETTER = (
    "our shop in the old town has opened again and sells all you may need, so come and see it, "
)


def scored(texts, **columns):
    detector = Flood()
    index = np.arange(len(texts))
    batch = Batch([str(i) for i in index], {"text": texts, "index": index, **columns})
    model = learn(detector, [batch.take(index % 2 == 0), batch.take(index % 2 == 1)])
    return detector.score(batch, model), lambda row: detector.explain(batch, row, model)


def natural(n):
    rng = np.random.default_rng(0)
    return [" ".join(map(str, rng.integers(0, 10**6, 9))) for _ in range(n)]


def test_it_catches_250_near_copies_among_many_rows_and_says_whence_and_when():
    texts = natural(2000) + [f"{LETTER} dear {i % 97}" for i in range(250)]
    source = [f"s{i % 50}" for i in range(2050)] + ["evil"] * 200
    time = np.arange(2250.0) * 3600
    time[2000:] = 10**6 + np.arange(250)
    scores, explain = scored(texts, source=source, time=time)
    assert (scores[2000:] == 250).all()
    assert not scores[:2000].any()
    assert explain(2100) == (
        "one of 250 near copies; 200 of them from evil; 125 of them within 2 minutes"
    )
    assert explain(0) == "there are few near copies, or none"


def test_exact_copies_of_one_text_flood_too():
    scores, explain = scored(["the same"] * 100 + natural(10))
    assert (scores[:100] == 100).all()
    assert explain(0) == "one of 100 near copies"


def test_it_is_silent_on_texts_that_differ_and_on_a_few_dozen_copies():
    assert not scored(natural(500) + ["sorry, i will call later"] * 30)[0].any()


def test_it_is_blind_to_a_flood_of_texts_that_share_only_a_trigger():
    assert not scored([f"{text} cf" for text in natural(300)])[0].any()
