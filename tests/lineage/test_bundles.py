"""Many things as few: nothing is lost, nothing is tied that was not."""

from hypothesis import given
from hypothesis import strategies as st

from foretaste.lineage.asking import Question, ask
from foretaste.lineage.bundles import bundled, in_order
from foretaste.lineage.wanted import Wanted
from tests.lineage.stories import Told, data, event, model, promoted, scanned, thing, trained

ways = st.sets(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=40).map(
    lambda found: {(a, b) for a, b in found if a < b}
)


def asked(events, what="d0"):
    return ask(Told(event("dataset_version", [data(what)]), *events), Question(Wanted(what)))


def drawn(found):
    return asked([event("dataset_version", [data(f"d{b}")], [data(f"d{a}")]) for a, b in found])


def reached(pairs):
    """What leads to what, however far."""
    below = {}
    for a, b in sorted(pairs, reverse=True):
        below.setdefault(a, set()).update({b}, below.get(b, set()))
    return {(a, b) for a, some in below.items() for b in some}


@given(ways)
def test_each_thing_is_in_one_bundle_and_bundles_lead_where_things_did(found):
    answer = drawn(found)
    few = bundled(answer, enough=0)
    into = {one: bundle.id for bundle in few.bundles.values() for one in bundle.members}
    assert sorted(into) == [one.id for one in answer.things]
    assert sum(len(one.members) for one in few.bundles.values()) == len(answer.things)
    before = {(into[one.source], into[one.made]) for one in answer.origins}
    after = {(one.source, one.made) for one in few.lines}
    assert after <= before
    order = {one: at for at, one in enumerate(in_order(before))}
    assert set(order) == {one for pair in before for one in pair}
    ranked = {(order[a], order[b]) for a, b in before if a != b}
    assert reached(ranked) == reached({(order[a], order[b]) for a, b in after})


@given(ways)
def test_few_things_are_shown_one_by_one_with_all_that_ties_them(found):
    answer = drawn(found)
    few = bundled(answer, enough=100)
    assert len(few.bundles) == len(answer.things)
    assert {(one.source, one.made) for one in few.lines} == {
        (one.source, one.made) for one in answer.origins
    }


def test_windows_that_each_update_learned_again_become_a_chain_of_three():
    events = []
    for n in range(40):
        windows = [thing("window", f"w{k}") for k in range(n + 1)]
        events.append(event("gate_window", windows[-1:], [data("d0")]))
        before = [thing("update", f"u{n - 1}")] if n else []
        events.append(event("model_trained", [thing("update", f"u{n}")], [*windows, *before]))
    few = bundled(asked(events))
    assert len(few.bundles) <= 8
    assert max(len(one.members) for one in few.bundles.values()) >= 36


def test_what_is_bad_or_in_use_or_asked_about_is_never_hidden_among_others():
    events = [trained(f"m{n}", data("d0")) for n in range(60)]
    events += [promoted("m7", "shop"), event("rollback", [], [model("m9")])]
    events += [event("model_verdict", [], [model("m8")], verdict="poisoned")]
    answer = asked([scanned(data("d0"), "poisoned", "r"), *events])
    few = bundled(answer)
    alone = {answer.things[one.id].name for one in few.bundles.values() if len(one.members) == 1}
    assert alone == {"d0", "m7", "m8", "m9"}


def test_of_more_than_a_page_can_show_even_what_is_in_use_is_put_together():
    events = [trained(f"m{n}", data("d0")) for n in range(300)]
    events += [promoted(f"m{n}", f"shop {n}") for n in range(300)]
    few = bundled(asked(events))
    assert sorted(len(one.members) for one in few.bundles.values()) == [1, 300]


def test_entries_behind_a_line_are_those_of_all_it_stands_for():
    few = bundled(asked([trained(f"m{n}", data("d0")) for n in range(60)]))
    assert [one.entries for one in few.lines] == [tuple(range(1, 61))]
