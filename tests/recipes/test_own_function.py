"""The user's own training code as a function: what it is given and what it may answer."""

import json
import sys
import textwrap

import numpy as np
import pytest

from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.recipes.own_function import OwnFunction

NEAREST = """
    import json
    import numpy as np
    import later

    def fit(train, seed):
        names = json.loads(train.schema.metadata[b"classes"])
        images, labels = flat(train), train["label"].to_pylist()
        means = np.array([images[[one == name for one in labels]].mean(axis=0) for name in names])

        def predict(table):
            assert "label" not in table.column_names
            far = ((flat(table)[:, None] - means) ** 2).sum(axis=2)
            return np.exp(-far) / np.exp(-far).sum(axis=1, keepdims=True)

        return predict

    def flat(table):
        images = table["image"].combine_chunks().to_numpy_ndarray()
        return images.reshape(len(images), -1) / 255
"""


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    label = np.arange(60) % 3
    pixels = (60 * label[:, None, None, None] + rng.integers(0, 40, (60, 4, 4, 1))).astype(np.uint8)
    label = np.where(np.arange(60) == 7, -1, label)
    columns = {"pixels": pixels, "label": label, "index": np.arange(60), "source": ["s"] * 60}
    return Batch(range(60), columns, ("3", "1", "true"))


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module into the current folder, under a name of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    made = []

    def write(code, name=None):
        made.append(name or f"own_{tmp_path.name.replace('-', '_')}_{len(made)}")
        (tmp_path / f"{made[-1]}.py").write_text(textwrap.dedent(code))
        return made[-1]

    return write


def answering(module, rows, expression):
    name = module(
        f"import numpy as np, pyarrow as pa\ndef fit(train): return lambda table: {expression}"
    )
    return OwnFunction(f"{name}:fit").train(rows, seed=0).predict(rows)


def test_a_function_in_the_current_folder_learns_from_images_and_names(module, rows):
    module("", "later")
    recipe = OwnFunction(f"{module(NEAREST)}:fit")
    outcomes = recipe.train(rows, seed=0).predict(rows)
    assert outcomes.shape == (60, 3)
    assert recipe.quality(outcomes, rows) == 1.0


def test_it_is_given_class_names_images_and_nothing_computed(module, rows):
    name = module("seen = []\ndef fit(train): seen.append(train); return lambda table: []")
    OwnFunction(f"{name}:fit").train(rows, seed=0)
    (train,) = __import__(name).seen
    assert sorted(train.column_names) == ["image", "label", "source"]
    assert train["label"].to_pylist()[5:9] == ["true", "3", None, "true"]
    assert json.loads(train.schema.metadata[b"classes"]) == ["3", "1", "true"]


@pytest.mark.parametrize(
    "expression",
    ["['1'] * 60", "np.ones(60)", "np.ones((60, 1), int)", "pa.array(['1'] * 60)"],
)
def test_labels_may_be_names_or_what_reads_the_same(module, rows, expression):
    assert (answering(module, rows, expression).argmax(axis=1) == 1).all()


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("['1'] * 59", "gave 59 predictions for 60 rows"),
        ("['x'] * 60", "predicted 'x' for row 0, which is no class; classes are '3', '1', 'true'"),
        ("[None] * 60", "predicted None for row 0"),
        ("np.ones((60, 2)) / 2", "gave 2 columns of probabilities, there are 3 classes"),
        ("np.ones((60, 3))", r"gave \[1.0, 1.0, 1.0\] for row 0; wanted are probabilities"),
        ("np.full((60, 3), np.nan)", r"gave \[nan, nan, nan\] for row 0"),
        ("[['a', 'b', 'c']] * 60", "probabilities that are no numbers"),
        ("np.ones((60, 3, 1))", r"an array of shape \(60, 3, 1\)"),
        ("None", r"an array of shape \(\)"),
        ("[[1], [1, 2]]", "what is no array"),
        ("1 / 0", "failed: ZeroDivisionError: division by zero"),
    ],
)
def test_a_wrong_answer_is_said_with_what_was_wanted(module, rows, expression, said):
    with pytest.raises(BadInput, match=said):
        answering(module, rows, expression)


def test_a_function_that_cannot_be_had_is_said(module, rows):
    broken, needy = module("def fit(:"), module("import no_such_thing_here")
    wrong = module("def fit(train): return 3\nconstant = 4\ndef bad(train): raise OSError('disk')")
    for path, said in [
        ("fit", "names no function; write module:function"),
        ("no_such_module_here:fit", "no module 'no_such_module_here' is installed or in /"),
        (f"{broken}:fit", f"module {broken} cannot be imported: SyntaxError"),
        (f"{needy}:fit", "needs 'no_such_thing_here', which is not installed"),
        (f"{wrong}:nothing", f"module {wrong} has no function 'nothing'"),
        (f"{wrong}:constant", f"module {wrong} has no function 'constant'"),
        (f"{wrong}:fit", "gave a int, not a function predict"),
        (f"{wrong}:bad", "failed: OSError: disk"),
    ]:
        with pytest.raises(BadInput, match=said):
            OwnFunction(path).train(rows, seed=0)


def test_no_rows_are_no_question(module, rows):
    name = module("def fit(train): return lambda table: 1 / 0")
    victim = OwnFunction(f"{name}:fit").train(rows, seed=0)
    assert victim.predict(rows.take([])).shape == (0, 3)


def test_its_victims_cannot_be_tuned():
    assert not hasattr(OwnFunction("a:b"), "tune")
