from foretaste.interchange.things import Things, ref
from foretaste.ledger.event import Event, Thing

ONE, TWO, THREE = "1" * 64, "2" * 64, "3" * 64


def test_a_thing_is_known_by_any_of_its_digests_even_late():
    by_rows, by_file = Thing("dataset", "rows", {"rows": ONE}), Thing("file", "f", {"sha256": TWO})
    both = Thing("dataset", "both", {"rows": ONE, "sha256": TWO})
    events = [(n, Event("human_decision", (), (one,))) for n, one in enumerate((by_rows, by_file))]
    assert len(list(Things.of(events))) == 2
    things = Things.of([*events, (2, Event("dataset_version", (both,), ()))])
    (only,) = things
    assert dict(only.digest) == {"rows": ONE, "sha256": TWO}
    assert (only.kind, only.name) == ("dataset", "rows")
    assert things.whole(by_file) == things.whole(by_rows) == only


def test_what_shares_no_digest_stays_apart_and_the_unknown_is_itself():
    one, other = Thing("dataset", "a", {"rows": ONE}), Thing("dataset", "a", {"sha256": ONE})
    things = Things.of([(0, Event("human_decision", (), (one, other)))])
    assert len(list(things)) == 2
    stranger = Thing("model", "m", {"folder": THREE})
    assert things.whole(stranger) == stranger


def test_a_reference_follows_from_content_not_from_the_name():
    assert ref(Thing("model", "a", {"sha256": ONE})) == ref(Thing("model", "b", {"sha256": ONE}))
    assert ref(Thing("model", "a", {"folder": ONE})) != ref(Thing("model", "a", {"sha256": ONE}))
