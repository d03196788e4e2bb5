"""Menders as defences of a campaign."""

import numpy as np
import pytest
from PIL import Image

from foretaste.campaign.outcome import UNDEFENDED
from foretaste.campaign.run import checked, play
from foretaste.campaign.spec import Campaign
from foretaste.errors import BadInput


@pytest.fixture
def images(tmp_path):
    """A folder of 240 images of two classes: bright on the left, or on the right."""
    rng = np.random.default_rng(0)
    for i in range(240):
        picture = rng.integers(0, 60, (8, 8)).astype(np.uint8)
        picture[:, 4 * (i % 2) : 4 * (i % 2) + 4] += 120
        path = tmp_path / "images" / "ab"[i % 2] / f"{i:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    return tmp_path / "images"


def campaign(data, **target):
    recipe = {"name": "small_cnn", "settings": {"width": 4, "epochs": 4}}
    said = {
        "schema": 1,
        "name": "mended",
        "target": {"data": str(data), "recipe": recipe, "fine_tune": 0.2, **target},
        "attacks": [{"name": "badnets", "count": 20, "target": "a"}],
        "defences": [{"name": "adversarial_unlearning", "settings": {"epochs": 4}}],
    }
    return Campaign.model_validate(said)


def test_a_mender_gets_the_undefended_model_and_flags_no_row(images, tmp_path):
    played = play(campaign(images), tmp_path / "out", engine=map)
    for one in played.outcomes:
        mended = one.of("adversarial_unlearning")
        assert one.status == "done"
        assert not mended.detail
        assert mended.quality >= 0.9
        assert mended.recall is None
        assert mended.rows_lost == 0
        assert (mended.success is None) == (one.of(UNDEFENDED).success is None)


def test_a_mender_without_clean_rows_is_refused_before_any_work(images):
    with pytest.raises(BadInput, match="fine_tune"):
        checked(campaign(images, fine_tune=0))


def test_rows_that_a_mender_cannot_use_are_said_to_be(tmp_path):
    words = [f"{'fine warm' if i % 2 else 'dull cold'} film {i},{i % 2}" for i in range(60)]
    (tmp_path / "rows.csv").write_text("\n".join(["text,label", *words]))
    said = campaign(tmp_path / "rows.csv", recipe={"name": "linear_text"})
    attack = {"name": "rare_word", "count": 5, "target": "1"}
    said = Campaign.model_validate({**said.model_dump(by_alias=True), "attacks": [attack]})
    for one in play(said, tmp_path / "out", engine=map).outcomes:
        assert "needs pixels" in one.of("adversarial_unlearning").detail
