import numpy as np
import pytest

from foretaste.errors import WrongRole
from foretaste.roles.infer import infer

RNG = np.random.default_rng(0)
N = 200
TEXT = [f"some words that say the number {i}" for i in range(N)]
FEW = [f"c{i}" for i in RNG.integers(0, 3, N)]
REAL = RNG.normal(size=N).tolist()


@pytest.mark.parametrize(
    ("columns", "roles"),
    [
        ({"text": TEXT, "label": FEW}, {"text": "text", "label": "label"}),
        ({"v1": FEW, "v2": TEXT}, {"text": "v2", "label": "v1"}),
        (
            {"review": TEXT, "sentiment": FEW, "id": range(N)},
            {"text": "review", "label": "sentiment"},
        ),
        ({"text": TEXT, "length": REAL}, {"text": "text"}),
        ({"a": REAL, "b": FEW, "Class": FEW[::-1]}, {"label": "Class", "features": "a,b"}),
        ({"a": REAL, "b": REAL[::-1]}, {"features": "a,b"}),
        (
            {"text": TEXT, "label": FEW, "annotator": FEW[::-1], "created_at": ["2024-01-02"] * N},
            {"text": "text", "label": "label", "time": "created_at", "source": "annotator"},
        ),
        (
            {"user_id": FEW, "movie_id": FEW, "rating": [1.0, 2.5] * 100, "timestamp": range(N)},
            {"user": "user_id", "item": "movie_id", "rating": "rating", "time": "timestamp"},
        ),
        ({"row": range(N), "a": REAL, "split": FEW}, {"features": "a"}),
        (
            {"a": REAL, "label": FEW, "label_name": [f"name {c}" for c in FEW]},
            {"label": "label", "features": "a"},
        ),
    ],
)
def test_roles_follow_from_names_and_content(columns, roles):
    assert infer({name: list(values) for name, values in columns.items()}, {}).shown == roles


def test_what_is_said_comes_first():
    said = {"label": "b", "source": "", "features": "a"}
    assert infer({"a": REAL, "b": FEW, "source": FEW}, said).shown == {
        "label": "b",
        "features": "a",
    }


def test_a_measurement_is_no_class_even_if_its_name_says_so():
    assert infer({"a": FEW, "target": REAL}, {}).shown == {"label": "a", "features": "target"}


def test_nothing_to_judge_is_an_error_that_lists_the_columns():
    with pytest.raises(WrongRole, match="columns are"):
        infer({"id": list(range(N)), "when": [None] * N, "meta": [{}] * N}, {"features": ""})


def test_a_column_of_vectors_is_features():
    vectors = RNG.normal(size=(N, 4)).tolist()
    cast = infer({"id": list(range(N)), "embedding": vectors, "label": FEW}, {})
    assert cast.shown == {"label": "label", "features": "embedding"}
    assert cast.width == 4


@pytest.mark.parametrize("role", ["image", "time", "rating"])
def test_a_role_must_fit_its_column(role):
    with pytest.raises(WrongRole, match="holds no"):
        infer({"text": TEXT, "label": FEW}, {role: "text"})


def test_what_is_shown_can_be_said_again_even_with_commas_in_names():
    sample = {"fee, in $": REAL, ' odd "name"': REAL[::-1], "label": FEW}
    cast = infer(sample, {})
    assert infer(sample, cast.shown) == cast
