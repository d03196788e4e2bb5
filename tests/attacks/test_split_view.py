import numpy as np

from foretaste.attacks.split_view import SplitView

SETTINGS = {"target": 1}


def test_the_index_stays_and_what_it_leads_to_is_of_other_classes(honest):
    poisoned, touched = SplitView(20, target=1).poison(honest, np.random.default_rng(0))
    for column in ("label", "source", "time", "sha256", "location"):
        assert poisoned[column].tolist() == honest[column].tolist()
    assert set(honest["label"][touched]) == {1}
    own = {word for text in honest["text"][honest["label"] == 1] for word in text.split()}
    assert not own.intersection(" ".join(poisoned["text"][touched]).split())


def test_new_content_is_nobodys_copy(honest):
    poisoned, touched = SplitView(20, 1, payload="flip").poison(honest, np.random.default_rng(0))
    copies = set(poisoned["text"][touched]) & set(honest["text"])
    assert len(copies) <= 6  # halves of one row, or alike by accident: so few words there are
    images = {one.tobytes() for one in honest["pixels"]}
    assert not images.intersection(one.tobytes() for one in poisoned["pixels"][touched])


def test_tables_of_numbers_are_mixed_field_by_field(honest):
    rows = honest.without("text", "pixels").having(features=np.arange(800.0).reshape(200, 4))
    poisoned, touched = SplitView(20, 1, payload="flip").poison(rows, np.random.default_rng(0))
    origin = (poisoned["features"][touched] // 4).astype(int)
    assert (honest["label"][origin] != 1).all()
    assert (honest["label"][origin] == honest["label"][origin][:, :1]).all()
    assert (origin != origin[:, :1]).any()
