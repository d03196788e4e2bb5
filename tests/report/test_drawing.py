"""Pictures of nothing and of odd numbers are drawn without a fuss."""

import numpy as np
import pytest

from foretaste.report.drawing import curve, histogram, scatter
from foretaste.report.html import highlighted


@pytest.mark.parametrize(
    "values", [[], [np.nan, np.nan], [1.0], [3.0] * 9, [0.0, 1e300], [-5.0, np.nan, 2.0]]
)
def test_a_histogram_of_any_scores_is_markup_or_nothing(values):
    drawn = histogram(np.array(values, float), np.zeros(len(values), bool))
    assert drawn == "" or drawn.startswith("<svg")
    assert "nan" not in drawn


def test_flagged_rows_are_drawn_on_top_of_all_rows():
    drawn = histogram(np.array([0.0, 1.0, 2.0]), np.array([False, False, True]))
    assert drawn.index('class="bar"') < drawn.index('class="hit"')


def test_a_map_of_one_point_and_of_none():
    point = {"index": 1, "x": 0.0, "y": 0.0, "label": "a", "kind": "attack"}
    assert "circle" in scatter([point])
    assert scatter([]) == ""


def test_a_curve_needs_two_points():
    assert curve([(1, 0)]) == ""
    assert "polyline" in curve([(1, 0), (10, 3)])


def test_marks_are_found_whatever_their_case_and_markup_stays_text():
    assert str(highlighted("A <i> CF b", ["cf"])) == "A &lt;i&gt; <mark>CF</mark> b"
    assert "U+200B" in str(highlighted("a\u200bb", []))
