import numpy as np

from foretaste.attacks.misplaced_box import MisplacedBox
from foretaste.pictures import overlap

SETTINGS = {}


def test_boxes_are_moved_off_and_stay_in_the_image(honest):
    poisoned, touched = MisplacedBox(20, target=2).poison(honest, np.random.default_rng(0))
    before, after = honest.arrow("boxes").to_pylist(), poisoned.arrow("boxes").to_pylist()
    for row in np.flatnonzero(touched):
        assert len(after[row]) == len(before[row])
        moved = [(a, b) for a, b in zip(before[row], after[row], strict=True) if a != b]
        assert moved
        for a, b in moved:
            assert a["label"] == b["label"] == 2
            assert overlap(a, b) < 0.5
            assert 0 <= b["left"] <= 8 - b["width"]
            assert 0 <= b["top"] <= 8 - b["height"]


def test_a_box_as_large_as_the_image_cannot_be_moved(honest):
    large = [{"left": 0.0, "top": 0.0, "width": 8.0, "height": 8.0, "label": 0}]
    boxes = honest.arrow("boxes")
    one = honest.take([0]).having(boxes=type(boxes).from_pandas([large], type=boxes.type))
    assert len(MisplacedBox(0).probe(one, np.random.default_rng(0)).rows) == 0


def test_a_hit_is_a_box_found_where_the_attacker_wants_it(honest):
    asked = MisplacedBox(20).probe(honest, np.random.default_rng(0))
    everywhere = asked.rows.arrow("boxes").to_pylist()
    n = len(everywhere)
    moved = MisplacedBox(n).poison(honest, np.random.default_rng(0)).batch
    assert n == 200
    assert not asked.hit(everywhere).any()
    assert not asked.hit([[] for _ in range(n)]).any()
    assert asked.hit(moved.arrow("boxes").to_pylist()).mean() > 0.7
