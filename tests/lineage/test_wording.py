"""Entries in words: every kind has some, and odd facts break nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretaste.ledger.event import KINDS
from foretaste.lineage.answer import EventNote
from foretaste.lineage.wording import TITLES, said

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=8,
)
names = st.sampled_from(
    "verdict detectors inspectors flagged rows alpha kept quarantined what relabelled by why to "
    "back_to recipe measure tested quality admitted number rule attack count held refused".split()
)


def note(kind, **facts):
    empty = {"used": (), "made": (), "records": ()}
    return EventNote(index=0, kind=kind, at="", by="", others=0, facts=facts, **empty)


def test_every_kind_of_entry_has_a_title():
    assert set(TITLES) == set(KINDS)


@given(st.sampled_from(KINDS), st.dictionaries(names | st.text(max_size=9), values, max_size=8))
def test_whatever_facts_say_can_be_told_in_one_line(kind, facts):
    told = said(note(kind, **facts))
    assert isinstance(told, str)
    assert len(told) < 5_000


@pytest.mark.parametrize(
    ("kind", "facts", "words"),
    [
        (
            "scan_verdict",
            {
                "verdict": "poisoned", "flagged": 1200, "rows": 5000, "alpha": 0.01,
                "detectors": [
                    {"name": "flood", "status": "ran", "flagged": 3},
                    {"name": "spectral", "status": "skipped", "flagged": 0},
                ],
            },
            "poisoned; 1,200 of 5,000 rows flagged; alpha 0.01; found by flood 3; 1 of 2 detectors "
            "ran",
        ),
        ("human_decision", {"verdict": "poison", "by": "Ann", "why": "cf"}, "poison; by Ann; cf"),
        ("human_decision", {"decision": "excluded", "by": "Bo"}, "excluded; by Bo"),
        ("rollback", {"back_to": "", "by": "Ann"}, "nothing in use since; by Ann"),
        ("cleaning_decision", {"kept": 9, "quarantined": 1, "what": "all"},
         "9 kept; 1 set aside; because of any finding"),
        ("gate_window", {"rows": 200, "held": 3, "pulled": 0}, "200 rows; 3 held"),
        ("artefact_signed", {"files": 3, "key": "ann"}, "files 3; key ann"),
    ],
)  # fmt: skip
def test_it_is_told_how_it_was_judged_and_by_whom(kind, facts, words):
    assert said(note(kind, **facts)) == words
