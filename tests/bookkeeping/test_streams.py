"""What an updates' history says, as events."""

import pytest

from foretaste.bookkeeping.parts import MOST
from foretaste.bookkeeping.streams import _happened
from foretaste.errors import BadRecord
from foretaste.updates.record import Found, Guarded, PullBack, Rollback, Update

AT = "2026-11-23T04:05:06+00:00"


def window(i):
    return f"{i:064x}"


def update(number, windows, admitted=True, parent=""):
    proof = Guarded(admitted=admitted, against="nothing", confidence=0.95, canaries=())
    learned = tuple(map(window, windows))
    return Update(
        number=number, model=f"{number:063x}a", parent=parent, recipe="linear_text",
        learned=learned, newest=learned, guarded=proof, admitted=admitted, time=AT,
    )  # fmt: skip


def look(windows, bad):
    found = tuple(
        Found(record="r", window=window(i), detectors=("trigger_phrase",), reason="", updates=())
        for i in bad
    )
    return PullBack(
        windows=tuple(map(window, windows)), rows=9, verdict="poisoned", found=found, updates=(1,),
        in_use=True, time=AT,
    )  # fmt: skip


def test_every_window_of_a_long_history_is_named():
    told = _happened(update(1, range(2 * MOST + 1)), [])
    trained = [event for event in told if event.kind == "model_trained"]
    assert len(trained) == 3
    assert {event.made for event in trained} == {trained[0].made}
    assert len({thing.digest["sha256"] for event in trained for thing in event.used}) == 401


def test_an_update_that_was_refused_is_not_in_use():
    kinds = [event.kind for event in _happened(update(1, [1], admitted=False), [])]
    assert kinds == ["model_trained"]


def test_an_update_names_what_was_pulled_before_it_and_its_parent_only_as_a_fact():
    before = look([1, 2], [2])
    [trained, _] = _happened(update(2, [1], parent="b" * 64), [update(1, [1, 2]), before])
    [record] = [thing for thing in trained.used if thing.kind == "record"]
    assert _happened(before, [])[0].made == (record,)
    assert trained.facts["parent"] == f"sha256:{'b' * 64}"
    assert "b" * 64 not in {thing.digest["sha256"] for thing in trained.used}


def test_only_windows_in_which_something_was_found_are_condemned():
    parts = _happened(look(range(MOST + 5), [3, MOST + 1]), [])
    assert [event.facts["windows"] for event in parts] == [
        [f"sha256:{window(3)}"], [f"sha256:{window(MOST + 1)}"],
    ]  # fmt: skip


def test_a_rollback_names_the_updates_undone_and_the_one_in_use_again():
    back = Rollback(
        back_to=1, undone=(2,), windows=(window(7),), rows=3, by="ann", why="odd", time=AT
    )
    [event] = _happened(back, [update(1, [6]), update(2, [6, 7])])
    assert [thing.digest["sha256"] for thing in event.used] == [f"{2:063x}a", window(7)]
    assert event.facts["back_to"] == f"sha256:{1:063x}a"
    assert event.at == "2026-11-23T04:05:06Z"


def test_a_line_of_another_kind_is_refused():
    with pytest.raises(BadRecord):
        _happened(object(), [])
