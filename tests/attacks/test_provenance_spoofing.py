import numpy as np

from foretaste.attacks.provenance_spoofing import ProvenanceSpoofing

SETTINGS = {"target": 1}


def test_name_time_and_digest_stay_and_content_and_label_do_not(honest):
    attack = ProvenanceSpoofing(count=20, target=1, trusted="s3")
    poisoned, touched = attack.poison(honest, np.random.default_rng(0))
    for column in ("source", "time", "sha256"):
        assert poisoned[column].tolist() == honest[column].tolist()
    assert set(poisoned["source"][touched]) == {"s3"}
    assert (poisoned["text"] != honest["text"]).tolist() == touched.tolist()
    assert set(poisoned["label"][touched]) == {1}


def test_images_and_tables_get_a_trigger_too(honest):
    attack = ProvenanceSpoofing(count=20, target=1)
    images = honest.without("text")
    poisoned, touched = attack.poison(images, np.random.default_rng(0))
    assert (poisoned["pixels"][touched, -3:, -3:] == 255).all()
    poisoned, touched = attack.poison(images.without("pixels"), np.random.default_rng(0))
    ages = poisoned.arrow("features").field("age").to_numpy()
    assert (ages == 1_337).tolist() == touched.tolist()
