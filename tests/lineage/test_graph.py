"""Ancestors and descendants, whatever the order in which events are told."""

import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from foretaste.ledger.event import Thing
from foretaste.lineage.gathering import gathered
from tests.lineage.stories import cleaned, data, digest, event, model, scanned, trained

names = st.integers(0, 8).map(lambda n: data(f"d{n}"))
events = st.builds(
    lambda made, used: event("dataset_version", made, used),
    st.lists(names, min_size=1, max_size=2),
    st.lists(names, max_size=3),
)
stories = st.lists(events, min_size=1, max_size=12).map(lambda found: list(enumerate(found)))


def story(*events):
    gathering = gathered(enumerate(events))
    return gathering, gathering.graph()


def told(gathering, mask, *things):
    """Which of some things a mask has."""
    return [one.name for one in things if mask[gathering.numbers(one.digest)].any()]


@given(stories)
def test_whatever_is_below_a_thing_has_it_above(found):
    graph = gathered(found).graph()
    each = [np.array([n]) for n in range(graph.things)]
    below = np.array([graph.below(one) for one in each])
    above = np.array([graph.above(one) for one in each])
    assert (below == above.T).all()


@given(stories)
def test_nothing_is_its_own_origin(found):
    graph = gathered(found).graph()
    by_thing = [graph.edges.made[graph.edges.source == n] for n in range(graph.things)]
    for n in range(graph.things):
        assert n not in graph.edges.made[graph.edges.source == n]
        assert not any(graph.below(np.array([m]))[n] for m in by_thing[n])


@given(stories, st.randoms(use_true_random=False))
def test_the_order_in_which_events_are_told_does_not_matter(found, chance):
    mixed = list(found)
    chance.shuffle(mixed)
    one, other = gathered(found).graph(), gathered(mixed).graph()
    assert one.things == other.things
    assert one.events.index.tolist() == other.events.index.tolist()
    for part in ("source", "made", "event"):
        assert getattr(one.edges, part).tolist() == getattr(other.edges, part).tolist()


@given(st.lists(st.sets(st.integers(0, 9), min_size=1, max_size=3), min_size=1, max_size=9))
def test_digests_named_together_are_one_thing_and_no_others_are(sets):
    algorithms = ("sha256", "rows", "folder")

    def named(numbers):
        one = {}
        for n in numbers:
            one[algorithms[n % 3]] = digest(str(n))
        return Thing("dataset", "any", one)

    listed = [named(sorted(one)) for one in sets]
    gathering = gathered((n, event("dataset_version", [one])) for n, one in enumerate(listed))
    together = [set(one.digest.items()) for one in listed]
    for group in list(together):
        joined = [one for one in together if one & group]
        together = [one for one in together if not one & group] + [set().union(*joined)]
    merged = _merged(together)
    assert gathering.graph().things == len(merged)
    for group in merged:
        assert len({int(gathering.numbers({a: d})[0]) for a, d in group}) == 1


def _merged(groups):
    done = []
    for group in groups:
        joined = [one for one in done if one & group]
        done = [one for one in done if not one & group] + [group.union(*joined)]
    return done


def test_the_same_digits_of_two_algorithms_are_two_things():
    file = Thing("file", "a", {"sha256": "0" * 64})
    rows = Thing("dataset", "b", {"rows": "0" * 64})
    gathering, graph = story(event("dataset_version", [file]), event("dataset_version", [rows]))
    assert graph.things == 2
    assert gathering.numbers(file.digest).tolist() != gathering.numbers(rows.digest).tolist()


def test_identical_bytes_under_two_names_are_one_thing():
    copy = Thing("dataset", "copy.csv", data("d").digest)
    gathering, graph = story(event("dataset_version", [data("d")]), trained("m", copy))
    assert told(gathering, graph.below(gathering.numbers(data("d").digest)), model("m")) == ["m"]


def test_nothing_at_all_identifies_nothing():
    empty = hashlib.sha256(b"").hexdigest()
    none, file = Thing("rows", "none", {"rows": empty}), Thing("file", "x", {"sha256": empty})
    gathering, graph = story(event("dataset_version", [data("d"), none, file]))
    assert graph.things == 1
    assert not len(gathering.numbers(none.digest))


def test_content_that_came_back_does_not_come_from_what_was_made_of_it():
    gathering, graph = story(
        event("dataset_version", [data("d")]),
        trained("before", data("d")),
        event("attack_planted", [data("poisoned")], [data("d")]),
        scanned(data("poisoned"), "poisoned", "r"),
        cleaned(data("poisoned"), "r", "d", "planted"),
    )
    poisoned = gathering.numbers(data("poisoned").digest)
    assert told(gathering, graph.below(poisoned), data("d"), model("before")) == []
    assert told(gathering, graph.above(poisoned), data("d")) == ["d"]


def test_an_origin_that_was_written_down_late_is_an_origin_all_the_same():
    gathering, graph = story(
        trained("m", data("late")), event("dataset_version", [data("late")], [data("first")])
    )
    first = gathering.numbers(data("first").digest)
    assert told(gathering, graph.below(first), model("m")) == ["m"]


def test_a_graph_of_no_events_is_empty():
    gathering, graph = story()
    assert graph.things == 0
    assert not len(gathering.numbers(data("d").digest))
