"""A model mended and measured: from the library, and from the shell."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from foretaste import Remedy, mend
from foretaste.cli.app import app
from foretaste.data import Batch
from foretaste.errors import BadInput, BadRecord, MissingColumn
from foretaste.keeping import keep, kept
from foretaste.mending import Mending, few, menders, trial_of
from foretaste.planting.plant import Order
from tests.repairs.images import ATTACK, RECIPE, backdoored, images

QUICK = {"epochs": 6}
PLANTED = Order("badnets", target="a")


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.safetensors"
    keep(path, "small_cnn", RECIPE, backdoored(), ("a", "b", "c"), {"by": "somebody"})
    return path


@pytest.fixture
def data(tmp_path):
    """400 clean images as a file of arrays."""
    rows = images(400, 5)
    label = np.array(["a", "b", "c"])[rows["label"]]
    np.savez(tmp_path / "rows.npz", image=rows["pixels"], label=label)
    return tmp_path / "rows.npz"


def test_before_and_after_stand_side_by_side(model, data, tmp_path):
    remedy = Remedy(settings={"epochs": 12}, rows=150, attack=PLANTED)
    done = mend(model, data, tmp_path / "out" / "mended.safetensors", remedy)
    came, tuned, mended = (done.of(stage) for stage in ("as it came", "trained on", "mended"))
    assert (done.rows, done.held, done.poisoned) == (150, 250, 7)
    assert came.success >= 0.9
    assert mended.success <= 0.1
    assert mended.quality >= came.quality - 0.03
    assert came.agreement == 1.0
    assert None not in (mended.after_tuning, mended.after_poison, tuned.success)
    again = kept(tmp_path / "out" / "mended.safetensors")
    assert again.facts == {"by": "somebody", "mended": "adversarial_unlearning"}
    assert again.classes == ("a", "b", "c")
    assert Mending.load(tmp_path / "out") == done


def test_without_an_attack_there_is_no_success_and_nothing_needs_to_be_written(model, data):
    done = mend(model, data, remedy=Remedy(settings=QUICK))
    assert [one.success for one in done.lines] == [None] * 3
    assert done.poisoned == 0


def test_the_shell_shows_the_table_and_writes_the_model(model, data, tmp_path):
    out = tmp_path / "new" / "mended.safetensors"
    words = ["mend", model, data, "--out", out, "--set", "epochs=6", "--attack", "badnets"]
    said = [*words, "--target", "a", "--setting", "size=3"]
    done = CliRunner().invoke(app, [str(word) for word in said])
    assert done.exit_code == 0, done.output
    for word in ("as it came", "trained on", "mended", "Badnets"):
        assert word in done.stdout
    assert json.loads((out.parent / "mending.json").read_text())["by"] == "adversarial_unlearning"


@pytest.mark.parametrize(
    ("remedy", "reason"),
    [
        (Remedy(by="label_sanitization"), "repairs rows; menders: .*adversarial_unlearning"),
        (Remedy(settings={"eposch": 3}), "no setting 'eposch'"),
        (Remedy(settings={"epochs": "many"}), "epochs should be int"),
        (Remedy(attack=Order("badnets")), "target"),
    ],
)
def test_what_cannot_be_is_said_before_any_work(model, data, remedy, reason):
    with pytest.raises(BadInput, match=reason):
        mend(model, data, remedy=remedy)


def test_the_model_that_came_is_never_written_over(model, data):
    with pytest.raises(BadInput, match="choose another"):
        mend(model, data, model)


def test_clean_rows_are_parted_and_too_few_are_refused():
    trial = trial_of(RECIPE, images(100, 1), most=500, attack=ATTACK)
    assert (len(trial.clean), len(trial.held)) == (50, 50)
    assert not set(trial.clean.ids) & set(trial.held.ids)
    assert few(trial.clean) == 2
    with pytest.raises(BadInput, match="too few"):
        trial_of(RECIPE, images(3, 1), most=500)
    with pytest.raises(MissingColumn, match="pixels"):
        trial_of(RECIPE, Batch(["a"], {"label": [0]}), most=500)


def test_a_broken_record_is_refused(tmp_path):
    (tmp_path / "mending.json").write_text('{"schema": 9}')
    with pytest.raises(BadRecord, match=r"mending\.json"):
        Mending.load(tmp_path)


def test_menders_are_the_repairs_of_models():
    assert "adversarial_unlearning" in menders()
    assert "label_sanitization" not in menders()
