"""The plan runs what can run and says what the rest lacks."""

from dataclasses import dataclass
from typing import ClassVar

import pytest

from foretaste.data import Batch
from foretaste.errors import UnknownComponent
from foretaste.scanning.plan import make_plan, settings
from foretaste.summaries.nothing import Stateless


@dataclass(frozen=True)
class Mine(Stateless):
    needs: ClassVar = ("text",)
    gives: ClassVar = ("embedding",)
    size: int = 3

    def encode(self, batch: Batch, model: None) -> Batch:
        return batch


def test_text_with_labels_gets_vectors_and_out_of_fold_predictions():
    plan = make_plan(["index", "location", "text", "label"])
    assert list(plan.encoders)[:1] == ["static_text"]
    assert "out_of_fold" in plan.encoders
    assert {"trigger_phrase", "label_noise", "near_duplicate"} <= set(plan.detectors)
    assert plan.skipped["trigger_patch"] == "needs pixels"


def test_images_get_a_network_that_learns_them():
    plan = make_plan(["image", "label"])
    assert list(plan.encoders) == ["pixels", "image_network"]
    assert {"spectral", "activation_clustering", "trigger_patch"} <= set(plan.detectors)


def test_an_encoder_nobody_needs_does_not_run():
    assert not make_plan(["text", "label"], detectors=["duplicate"]).encoders


def test_the_users_own_encoder_comes_before_the_built_in_ones():
    plan = make_plan(["text", "label"], encoders=[Mine(size=5)])
    assert "static_text" not in plan.encoders
    assert next(settings(one) for one in plan.encoders.values()) == {"size": 5}


def test_a_misspelt_detector_is_named_with_those_there_are():
    with pytest.raises(UnknownComponent, match="spectral"):
        make_plan(["text"], detectors=["spectrum"])


def test_a_thorough_plan_takes_its_time():
    columns = ["prompt", "response"]
    assert "unasked_answer" not in make_plan(columns).detectors
    assert "unasked_answer" in make_plan(columns, thorough=True).detectors
    assert "unasked_answer" in make_plan(columns, detectors=["unasked_answer"]).detectors
