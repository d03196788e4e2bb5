"""What bad things spoil, and when a cleaning answers for it."""

from hypothesis import given
from hypothesis import strategies as st

from foretaste.lineage.asking import Question, ask
from foretaste.lineage.wanted import Wanted
from tests.lineage.stories import (
    Told,
    aside,
    cleaned,
    data,
    digest,
    event,
    model,
    promoted,
    record,
    scanned,
    thing,
    trained,
)

RAW = data("raw.csv")


def asked(*events, what="raw.csv", bad=()):
    return ask(Told(*events), Question(Wanted(what), tuple(Wanted(one) for one in bad)))


def states(answer):
    return {one.name: one.state for one in answer.things}


def models(answer):
    return {answer.things[one.thing].name: one.how for one in answer.models}


def acts(answer):
    return {(one.act, answer.things[one.thing].name) for one in answer.todo}


def test_models_say_whether_they_learned_from_it_or_from_what_a_cleaning_left():
    answer = asked(
        trained("ate", RAW),
        scanned(RAW, "poisoned", "r"),
        cleaned(RAW, "r", "kept.csv", "gone.csv"),
        trained("clean", data("kept.csv")),
        trained("tuned", model("ate"), data("else.csv")),
    )
    assert answer.verdict == "tainted"
    assert models(answer) == {
        "ate": "trained on it",
        "clean": "cleaned before",
        "tuned": "made of such a model",
    }
    assert states(answer)["kept.csv"] == "cleaned"
    assert states(answer)["gone.csv"] == "set aside"
    assert ("retrain", "ate") in acts(answer)
    assert ("retrain", "clean") not in acts(answer)


def test_a_cleaning_that_followed_an_older_record_does_not_answer_for_a_newer_one():
    answer = asked(
        scanned(RAW, "poisoned", "old", accused=f"rows:{digest('some')}"),
        cleaned(RAW, "old", "kept.csv", "gone.csv"),
        scanned(RAW, "poisoned", "new", accused=f"rows:{digest('more')}"),
    )
    assert states(answer)["kept.csv"] == "tainted"


def test_a_newer_record_that_accuses_the_same_rows_changes_nothing():
    answer = asked(
        scanned(RAW, "poisoned", "old", accused=f"rows:{digest('some')}"),
        cleaned(RAW, "old", "kept.csv", "gone.csv"),
        scanned(RAW, "poisoned", "new", accused=f"rows:{digest('some')}"),
    )
    assert states(answer)["kept.csv"] == "cleaned"


def test_a_cleaning_that_set_aside_just_the_accused_rows_answers_without_a_record():
    rows = aside("gone")
    answer = asked(
        scanned(RAW, "poisoned", "r", accused=f"rows:{rows.digest['rows']}"),
        event("cleaning_decision", [data("kept.csv"), rows], [RAW]),
    )
    assert states(answer)["kept.csv"] == "cleaned"


def test_a_cleaning_answers_for_what_was_found_in_its_own_data_and_not_in_what_they_came_from():
    mixed = data("mixed.csv")
    answer = asked(
        event("dataset_version", [mixed], [RAW, data("other.csv")]),
        scanned(mixed, "poisoned", "r"),
        cleaned(mixed, "r", "kept.csv", "gone.csv"),
        trained("m", data("kept.csv")),
        scanned(RAW, "poisoned", "later"),
    )
    assert states(answer)["kept.csv"] == "tainted"
    assert models(answer) == {"m": "trained on it"}


def test_the_last_verdict_counts_and_earlier_ones_are_told():
    answer = asked(scanned(RAW, "poisoned", "r"), scanned(RAW, "clean", "s"), trained("m", RAW))
    assert answer.verdict == "clean"
    assert [one.verdict for one in answer.things[0].verdicts] == ["poisoned", "clean"]


def test_a_planted_attack_stays_bad_though_a_scan_did_not_see_it():
    answer = asked(
        event("attack_planted", [RAW, record("truth")], [data("before.csv")]),
        scanned(RAW, "clean", "r"),
        cleaned(RAW, "r", "kept.csv", "gone.csv"),
    )
    assert states(answer) == {
        "before.csv": "unjudged",
        "raw.csv": "bad",
        "kept.csv": "tainted",
        "gone.csv": "set aside",
    }


def test_a_planted_attack_that_was_found_and_cleaned_is_answered_for():
    answer = asked(
        event("attack_planted", [RAW], [data("before.csv")]),
        scanned(RAW, "poisoned", "r"),
        cleaned(RAW, "r", "kept.csv", "gone.csv"),
    )
    assert states(answer)["kept.csv"] == "cleaned"


def test_a_verdict_that_is_no_word_of_health_counts_as_poison():
    assert asked(scanned(RAW, "splendid", "r")).verdict == "tainted"
    assert asked(event("scan_verdict", [record("r")], [RAW])).verdict == "tainted"


def test_rows_that_helped_to_judge_are_not_condemned():
    used = (RAW, data("trusted.csv"))
    answer = asked(
        event("scan_verdict", [record("r")], used, verdict="poisoned"),
        trained("m", data("trusted.csv")),
        what="trusted.csv",
    )
    assert answer.verdict == "clean"


def test_a_person_may_condemn_what_a_scan_let_pass():
    answer = asked(scanned(RAW, "clean", "r"), event("human_decision", [], [RAW], verdict="poison"))
    assert answer.verdict == "tainted"


def test_a_decision_that_is_no_verdict_condemns_nobody():
    assert asked(event("human_decision", [], [RAW], decision="admit")).verdict == "clean"


def test_what_the_asker_calls_bad_is_bad_all_of_it_whatever_was_cleaned():
    story = (
        scanned(RAW, "poisoned", "r"),
        cleaned(RAW, "r", "kept.csv", "gone.csv"),
        trained("m", data("kept.csv")),
    )
    assert models(asked(*story)) == {"m": "cleaned before"}
    assert models(asked(*story, bad=["raw.csv"])) == {"m": "trained on it"}


def test_a_model_taken_back_is_said_to_be_and_where_to_go_back_to():
    answer = asked(
        trained("good", data("other.csv")),
        promoted("good", "shop"),
        trained("ate", RAW),
        promoted("ate", "shop"),
        scanned(RAW, "poisoned", "r"),
    )
    back = next(one for one in answer.todo if one.act == "roll back")
    assert (back.place, back.to_name, answer.things[back.thing].name) == ("shop", "good", "ate")
    undone = asked(
        trained("ate", RAW),
        promoted("ate", "shop"),
        scanned(RAW, "poisoned", "r"),
        event("rollback", [], [model("ate")], to="shop", back_to=f"sha256:{digest('good')}"),
    )
    assert [(one.undone, one.in_use) for one in undone.models] == [(True, False)]
    assert ("roll back", "ate") not in acts(undone)
    again = asked(
        trained("ate", RAW), event("rollback", [], [model("ate")]), promoted("ate"), what="ate"
    )
    assert [(one.undone, one.in_use) for one in again.models] == [(False, True)]


def test_without_a_good_one_before_it_a_model_goes_out_of_use():
    answer = asked(trained("ate", RAW), promoted("ate"), scanned(RAW, "poisoned", "r"))
    assert ("take out of use", "ate") in acts(answer)
    assert ("clean", "raw.csv") in acts(answer)


def test_rows_pulled_from_a_window_afterwards_spoil_only_models_that_had_them():
    window = thing("window", "w1")
    answer = asked(
        event("gate_window", [window], [thing("source", "feed")]),
        trained("first", window),
        scanned(window, "poisoned", "r"),
        trained("second", window, record("r")),
        what="w1",
    )
    assert models(answer) == {"first": "trained on it", "second": "cleaned before"}


def test_a_bad_update_of_a_client_taints_the_model_of_its_round():
    update = thing("update", "client 7")
    answer = asked(
        event("federated_round", [model("m2"), thing("round", "2")], [model("m1"), update]),
        event("human_decision", [], [update], verdict="poisoned"),
        event("federated_round", [model("m3")], [model("m2")]),
        what="client 7",
    )
    assert models(answer) == {"m2": "trained on it", "m3": "made of such a model"}


def test_records_and_signatures_carry_no_taint():
    answer = asked(
        scanned(RAW, "poisoned", "r"),
        event("artefact_signed", [thing("file", "raw.sig")], [RAW]),
        event("dataset_version", [data("new.csv")], [record("r")]),
    )
    assert set(states(answer)) == {"raw.csv"}


def test_asked_about_one_way_the_other_is_not_told():
    ledger = Told(event("dataset_version", [RAW], [thing("source", "feed")]), trained("m", RAW))
    back = ask(ledger, Question(Wanted("raw.csv"), forward=False))
    forth = ask(ledger, Question(Wanted("raw.csv"), back=False))
    assert set(states(back)) == {"raw.csv", "feed"}
    assert set(states(forth)) == {"raw.csv", "m"}


names = st.integers(0, 6).map(lambda n: f"d{n}")
versions = st.builds(
    lambda made, used: event("dataset_version", [data(made)], [data(used)]), names, names
)
verdicts = st.builds(
    lambda what, said, by: scanned(data(what), said, by),
    names,
    st.sampled_from(["clean", "poisoned"]),
    st.sampled_from("rs"),
)
cleanings = st.builds(
    lambda what, by, kept: cleaned(data(what), by, kept, f"without {kept}"),
    names,
    st.sampled_from("rs"),
    names,
)
learned = st.builds(lambda what: trained(f"m of {what}", data(what)), names)


@given(st.lists(versions | verdicts | cleanings | learned, min_size=1, max_size=12), names, names)
def test_more_that_is_bad_never_makes_anything_better(found, what, bad):
    events = [*found, event("dataset_version", [data(what), data(bad)])]
    before, after = states(asked(*events, what=what)), states(asked(*events, what=what, bad=[bad]))
    spoilt = ("bad", "tainted", "set aside")
    assert {one for one, state in before.items() if state in spoilt} <= {
        one for one, state in after.items() if state in spoilt
    }
