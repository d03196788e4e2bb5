"""The page of a campaign says everything that the scorecard says, and nothing in it can act."""

import base64
import html
import io
import re

import numpy as np
import pytest
from PIL import Image

from foretaste.campaign.gaps import Gap
from foretaste.campaign.outcome import CONTROLS, Example
from foretaste.campaign.scorecard import Failure, Line, Mean, Score, Scorecard
from foretaste.report import scored
from foretaste.report.heat import clean_lost
from foretaste.report.pairs import differing, shown
from foretaste.report.scorecard import render

HOSTILE = "<script>alert(1)</script>\"'{{ 7 * 7 }}"
DEFENCES = (*CONTROLS, "scan")


def png(shade):
    stream = io.BytesIO()
    Image.fromarray(np.full((6, 4), shade, np.uint8)).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def score(defence, success=0.5, **more):
    values = {"quality": 0.9, "quality_lost": 0.05, "gap": 0.2, "gap_change": 0.1, "rows_lost": 9.0}
    values |= {"recall": 0.6, "precision": 0.5} if defence == "scan" else {}
    measures = {
        name: Mean(mean=value, low=value, high=value, n=2) for name, value in values.items()
    }
    if success is not None:
        measures["success"] = Mean(mean=success)
    return Score(defence=defence, measures=measures, groups={"a": 0.9, "b": 0.7}, **more)


def line(attack="badnets", title="badnets, 10 rows → 7", **more):
    said = {
        "attack": attack,
        "title": title,
        "seeds": (0, 1),
        "rows": 100,
        "poisoned": 10,
        "probes": 40,
        "scores": tuple(score(name) for name in DEFENCES),
    }
    return Line(**said | more)


def card(lines=(), failures=(), gaps=(), **more):
    said = {
        "name": "trial",
        "target": {
            "data": "rows.csv", "test": 0.25, "rows": 100, "test_rows": None,
            "roles": {"label": "y"}, "format": None,
            "recipe": {"name": "small_cnn", "settings": {"epochs": 3}},
            "groups": "label", "fine_tune": 0.1,
        },
        "measure": "accuracy",
        "defences": DEFENCES if lines else (),
        "lines": tuple(lines),
        "failures": tuple(failures),
        "gaps": tuple(gaps),
        "thresholds": {"attack_success": 0.2},
        "passed": False,
        "fingerprint": "f" * 40,
        "version": "1",
        "finished": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    return Scorecard(**said | more)


@pytest.fixture(scope="module")
def hostile():
    """Every text there is tries to be markup."""
    example = {"row": 3, "label_before": HOSTILE, "label_after": f"b{HOSTILE}"}
    examples = (
        Example(column="text", before=HOSTILE, after=f"cf {HOSTILE}", **example),
        Example(
            column="pixels", before=HOSTILE, after=f"x' onerror={HOSTILE}", picture=True, **example
        ),
        Example(column=HOSTILE, row=9, after=HOSTILE),
    )
    detector = {HOSTILE: (4, 2)}
    scores = (
        *(score(name) for name in CONTROLS),
        score(HOSTILE, found_by=detector, detail=HOSTILE),
    )
    worst = line(
        HOSTILE, HOSTILE, scores=scores, examples=examples, broken=(f"{HOSTILE}: {HOSTILE}",)
    )
    full = card(
        [worst],
        [Failure(title=HOSTILE, seed=0, status="failed", detail=HOSTILE)],
        [
            Gap(attack="a", title=HOSTILE, why="comes through", defence=HOSTILE,
                undefended=1.0, left=0.9, helps=f"`{HOSTILE}` {HOSTILE}"),
            Gap(attack="b", title=HOSTILE, why="not tried", helps=HOSTILE),
        ],
        name=HOSTILE,
        measure=HOSTILE,
        defences=(*CONTROLS, HOSTILE),
        thresholds={HOSTILE: 0.1},
        fingerprint=HOSTILE,
    )  # fmt: skip
    target = dict.fromkeys(full.target, HOSTILE) | {
        "test_rows": 5, "roles": {HOSTILE: HOSTILE}, "rows": 7, "fine_tune": 0.1,
        "recipe": {"name": HOSTILE, "settings": {HOSTILE: HOSTILE}},
    }  # fmt: skip
    return render(full.model_copy(update={"target": target}))


def test_hostile_strings_are_shown_and_never_obeyed(hostile):
    assert "<script" not in hostile
    assert html.escape("<script>alert(1)") in hostile
    assert "{{ 7 * 7 }}" in hostile
    assert not re.search(r"<[^>]*\son\w+\s*=", hostile)


def test_what_is_no_picture_is_not_shown_as_one(hostile):
    assert "<img" not in hostile


def test_the_page_asks_nothing_of_the_network():
    poisoned = Example(column="pixels", row=1, before=png(0), after=png(200), picture=True)
    page = render(card([line(examples=(poisoned,))]))
    assert "default-src 'none'" in page
    assert not re.search(r"https?:|//[a-z]+\.|@import|<script|<link", page)
    assert set(re.findall(r'href="([^"]*)"', page)) <= {"#failures"}
    sources = re.findall(r'src="([^"]*)"', page)
    assert sources
    assert all(one.startswith("data:image/png;base64,") for one in sources)


def test_every_line_defence_gap_and_failure_is_on_the_page():
    lines = [line(title=f"badnets, {n} rows") for n in range(1, 60)]
    lines.append(line("none", "no attack", poisoned=0, probes=0))
    gaps = [Gap(attack=f"gap{n}", title=f"gap{n}", why="not tried", helps="`x`") for n in range(30)]
    gaps.append(
        Gap(attack="g", title="gap!", why="comes through", defence="scan", undefended=1, left=0.9)
    )
    failures = [
        Failure(title="sig, 5 rows", seed=seed, status=status, detail=f"why {seed}")
        for seed, status in enumerate(["failed", "stopped", "not begun"])
    ]
    page = render(card(lines, failures, gaps))
    for wanted in [*(one.title for one in lines), *(gap.title for gap in gaps), *DEFENCES]:
        assert f">{wanted}<" in page
    for wanted in ("why 0", "why 1", "why 2", "sig, 5 rows", "1 stopped", "1 not begun"):
        assert wanted in page


@pytest.mark.parametrize(
    ("lines", "failures", "thresholds", "said"),
    [
        ([], [], {}, "Nothing was measured"),
        ([], [Failure(title="a", seed=0, status="failed")], {}, "Nothing was measured"),
        (
            [line()],
            [Failure(title="a", seed=0, status="stopped")],
            {},
            "Not everything was measured",
        ),
        ([line()], [], {"attack_success": 0.9}, "Passed"),
        ([line()], [], {}, "Measured"),
        ([line(broken=("scan: no",))], [], {"attack_success": 0.2}, "Thresholds broken"),
    ],
)
def test_the_verdict_comes_first_whatever_there_is(lines, failures, thresholds, said):
    page = render(card(lines, failures, thresholds=thresholds))
    assert re.search(r"<h1[^>]*>([^<]*)</h1>", page)[1] == said


def test_only_the_cell_that_broke_a_threshold_is_marked():
    page = render(card([line(broken=("scan: attack_success is 0.500, at most 0.2 was wanted",))]))
    assert page.count("✗ threshold") == 1
    assert "✗ no" in page


def test_a_line_without_any_number_still_renders():
    bare = tuple(Score(defence=name, measures={}, detail="it broke") for name in DEFENCES)
    page = render(card([line(scores=bare), line("x", "y", scores=())]))
    assert "it broke" in page
    assert "failed" in page


def test_damage_without_a_goal_is_told_by_the_quality_it_costs():
    scores = tuple(score(name, success=None) for name in DEFENCES)
    page = render(card([line("label_flip", "label_flip, 9 rows", probes=0, scores=scores)]))
    assert "<b>−0.050</b><span>accuracy</span>" in page


def test_rows_lost_are_told_apart_from_poison_dropped():
    assert clean_lost(line(), score("scan")) == pytest.approx(9 - 0.6 * 10)
    assert clean_lost(line(), score("undefended")) == 9


def test_a_difference_is_marked_and_hidden_characters_are_spelt_out():
    before, after = differing("fee & more", "fee\u200b & cf more")
    assert str(before) == "fee &amp; more"
    assert str(after) == "fee<ins>⟨U+200B⟩</ins> &amp; <ins>cf </ins>more"


def test_examples_are_told_apart_changed_added_and_relabelled():
    changed, added, relabelled = shown(
        [
            Example(column="text", row=1, before="a", after="b", label_before="x", label_after="x"),
            Example(column="text", row=2, after="new <b>", label_after="x"),
            Example(column="pixels", row=3, before=png(1), after=png(1), picture=True,
                    label_before="x", label_after="y"),
        ]
    )  # fmt: skip
    assert changed.pairs[0].kind == "text"
    assert added.pairs[0].added
    assert relabelled.pairs[0].kind == "same"


def test_the_page_stands_beside_the_scorecard(tmp_path):
    scored.write(card([line()]), tmp_path)
    assert {one.name for one in tmp_path.iterdir()} == {
        "scorecard.json", "scorecard.parquet", "scorecard.html",
    }  # fmt: skip
