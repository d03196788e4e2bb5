"""Boxes stand below what they were made from, and never on each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretaste.report.layers import Sizes, laid

ways = st.sets(st.tuples(st.integers(0, 15), st.integers(0, 15)), max_size=50).map(
    lambda found: {(a, b) for a, b in found if a < b}
)
sizes = st.sampled_from([Sizes(), Sizes(across=2, width=100, gap=4), Sizes(across=1)])


@given(ways, sizes)
def test_every_box_has_room_of_its_own_within_the_picture(found, how):
    boxes = sorted({one for pair in found for one in pair} | {99})
    picture = laid(boxes, found, how)
    assert sorted(picture.boxes) == boxes
    places = list(picture.boxes.values())
    for n, (x, y) in enumerate(places):
        assert x - how.width / 2 >= 0
        assert x + how.width / 2 <= picture.width + 1e-6
        assert 0 <= y <= picture.height - how.height
        for other, below in places[:n]:
            assert abs(y - below) >= how.height or abs(x - other) >= how.width + how.gap - 1e-6


@given(ways, sizes)
def test_whatever_was_made_is_below_what_it_was_made_from(found, how):
    boxes = sorted({one for pair in found for one in pair})
    picture = laid(boxes, found, how)
    for a, b in found:
        (x, y), (to_x, to_y) = picture.boxes[a], picture.boxes[b]
        assert y + how.height < to_y
        points = picture.ways[a, b]
        assert points[0] == (x, y + how.height)
        assert points[-1] == (to_x, to_y)
        assert [one[1] for one in points] == sorted(one[1] for one in points)


@given(ways)
def test_no_row_is_wider_than_it_may_be(found):
    boxes = sorted({one for pair in found for one in pair})
    rows = [y for _, y in laid(boxes, found, Sizes(across=3)).boxes.values()]
    assert max((rows.count(one) for one in rows), default=0) <= 3


def test_nothing_at_all_has_a_picture():
    assert laid([], set(), Sizes()).boxes == {}


def test_a_box_by_itself_stands_in_the_middle():
    picture = laid([3], set(), Sizes())
    assert picture.boxes[3][0] == pytest.approx(picture.width / 2)
