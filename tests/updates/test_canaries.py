"""An update is used only when it is proved that it costs little and obeys no trigger."""

import numpy as np
import pytest

from foretaste.contracts import Probe
from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.updates.canaries import Canaries, Tolerance, Trigger


class Model:
    """Right on all rows but some; obeys rows whose feature is 9."""

    def __init__(self, wrong=(), obeys=False):
        self.wrong, self.obeys = wrong, obeys

    def predict(self, rows):
        truth = rows["feature"].astype(int) % 2
        truth = np.where(np.isin(rows["number"], self.wrong), 1 - truth, truth)
        if self.obeys:
            truth = np.where(rows["feature"] == 9, 0, truth)
        return np.eye(2)[truth]


def rows(n=1000):
    feature = np.arange(n) % 2
    columns = {"feature": feature * 1.0, "number": np.arange(n), "label": feature}
    return Batch(range(n), columns, ("even", "odd"))


def shown():
    probes = rows(200).having(feature=np.full(200, 9.0))
    return {"nine": Trigger(Probe(probes, lambda outcomes: outcomes.argmax(axis=1) == 0))}


def test_an_update_that_changes_nothing_is_admitted():
    said = Canaries(rows(), shown()).guard(Model(), Model(), Tolerance())
    assert said.admitted
    assert said.reasons == ()


def test_an_update_that_forgets_one_class_is_refused_and_the_class_is_named():
    forgets = Model(wrong=np.arange(1, 161, 2))  # 80 of 500 odd ones
    said = Canaries(rows()).guard(forgets, Model(), Tolerance(loss=0.2))
    assert not said.admitted
    assert [why for why in said.reasons if "odd" in why]
    assert not [why for why in said.reasons if "even" in why]


def test_an_update_that_obeys_a_trigger_is_refused_however_good_it_is_otherwise():
    said = Canaries(rows(), shown()).guard(Model(obeys=True), Model(), Tolerance())
    assert [one.canary for one in said.canaries if not one.holds] == ["nine"]
    assert "100.0 %" in said.reasons[0]


def test_a_first_update_is_asked_about_triggers_only():
    assert Canaries(rows(), shown()).guard(Model(wrong=range(300, 800)), None, Tolerance()).admitted
    assert not Canaries(rows(), shown()).guard(Model(obeys=True), None, Tolerance()).admitted


def test_too_few_canaries_prove_nothing():
    said = Canaries(rows(60)).guard(Model(), Model(), Tolerance())
    assert not said.admitted
    assert "give more canaries" in said.reasons[0]


def test_a_model_of_numbers_that_are_none_is_right_nowhere():
    class Broken(Model):
        def predict(self, rows):
            return np.full((len(rows), 2), np.nan)

    assert not Canaries(rows()).guard(Broken(), Model(), Tolerance()).admitted


def test_canaries_without_labels_are_refused():
    with pytest.raises(BadInput, match="rows with labels"):
        Canaries(rows().without("label"))
    with pytest.raises(BadInput, match="no row to show"):
        Canaries(rows(), {"none": Trigger(Probe(rows(0), lambda o: o[:, 0] > 0))}).guard(
            Model(), Model(), Tolerance()
        )


def test_rows_that_a_model_gets_wrong_anyway_do_not_speak_for_a_trigger():
    shown = rows(200).take(np.arange(1, 200, 2))  # odd ones
    nothing = Trigger(Probe(shown, lambda outcomes: outcomes.argmax(axis=1) == 0), shown)
    wrong = Model(wrong=np.arange(1, 60, 2))
    assert not nothing.hits(wrong).any()
    assert len(nothing.hits(wrong)) == 70
    assert Canaries(rows(), {"nothing": nothing}).guard(wrong, None, Tolerance()).admitted
