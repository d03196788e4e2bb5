"""The user's own training code as a command: a process of its own, and what goes wrong in it."""

import io
import os
import shlex
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.recipes.own_command import OwnCommand

PYTHON = shlex.quote(sys.executable)
NEAREST = """
    import io, sys
    import numpy as np
    import pyarrow as pa, pyarrow.csv, pyarrow.parquet as pq
    from PIL import Image

    train, test, out, kind = sys.argv[1:]

    def brightness(table):
        files = table["image"].to_pylist()
        return np.array([np.asarray(Image.open(io.BytesIO(file))).mean() for file in files])

    train, test = pq.read_table(train), pq.read_table(test)
    assert "label" not in test.column_names
    seen, labels = brightness(train), np.array(train["label"].to_pylist())
    names = sorted({one for one in labels if one})
    far = np.abs(brightness(test)[:, None] - [seen[labels == name].mean() for name in names])
    near = [names[i] for i in far.argmin(axis=1)]
    if kind == "csv":
        pa.csv.write_csv(pa.table({"id": range(len(near)), "prediction": near}), out)
    elif kind == "jsonl":
        open(out, "w").write("".join('{"label": "%s"}\\n' % one for one in near))
    else:
        shares = {n: [float(one == n) for one in near] for n in names}
        pq.write_table(pa.table(shares), out)
"""


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    label = np.arange(30) % 3
    pixels = (60 * label[:, None, None, None] + rng.integers(0, 40, (30, 4, 4, 3))).astype(np.uint8)
    label = np.where(np.arange(30) == 7, -1, label)
    columns = {"pixels": pixels, "label": label, "index": np.arange(30)}
    columns["features"] = rng.random((30, 2))
    return Batch(range(30), columns, ("ham", "spam", "other"))


@pytest.fixture
def run(tmp_path, monkeypatch, rows):
    """The outcomes of a script, named by a path relative to the current folder."""
    monkeypatch.chdir(tmp_path)

    def outcomes(code, more="", time_limit=60.0):
        (tmp_path / "train.py").write_text(textwrap.dedent(code))
        command = f"{PYTHON} train.py {{train}} {{test}} {{out}} {more}"
        return OwnCommand(command, time_limit).train(rows, seed=5).predict(rows)

    return outcomes


def writing(text):
    return f"import sys; open(sys.argv[3], 'w').write({text!r})"


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_command_learns_from_images_and_answers_in_any_format(run, rows, kind):
    outcomes = run(NEAREST, kind)
    assert outcomes.shape == (30, 3)
    assert OwnCommand("").quality(outcomes, rows) == 1.0


def test_the_files_have_names_pictures_and_lists(run, rows, tmp_path):
    run(
        """
        import shutil, sys
        shutil.copy(sys.argv[1], "kept"), shutil.copy(sys.argv[2], "kept_test")
        open("said", "w").write(sys.argv[4])
        open(sys.argv[3], "w").write("prediction\\n" + 30 * "ham\\n")
        """,
        more="'seed {seed}; rm *'",
    )
    kept, test = pq.read_table(tmp_path / "kept"), pq.read_table(tmp_path / "kept_test")
    assert sorted(kept.column_names) == ["features", "image", "label"]
    assert sorted(test.column_names) == ["features", "image"]
    assert kept["label"].to_pylist()[5:9] == ["other", "ham", None, "other"]
    assert kept["features"].to_pylist()[3] == pytest.approx(rows["features"][3])
    image = Image.open(io.BytesIO(kept["image"][3].as_py()))
    assert (np.asarray(image) == rows["pixels"][3]).all()
    assert (tmp_path / "said").read_text() == "seed 5; rm *"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; sys.exit('out of luck')", "ended with status 1: out of luck"),
        ("import os; os._exit(3)", "ended with status 3: it said nothing"),
        ("pass", "wrote no file to {out}"),
        (writing(""), r"has the columns \[\]; wanted is `prediction`"),
        (writing("guess\n1\n"), r"has the columns \['guess'\]; wanted is `prediction`"),
        (writing("prediction\n" + 29 * "ham\n"), "gave 29 predictions for 30 rows"),
        (writing("prediction\n" + 29 * "ham\n" + "eggs\n"), "predicted 'eggs' for row 29"),
        (writing('{"label": "ham"}\n' * 29 + "{}\n"), "predicted None for row 29"),
        (writing('{"label": "ham"\n'), "cannot be read"),
        (writing('{"label": "ham"}\n7\n'), "cannot be read"),
        (writing("ham,spam,other\n" + 30 * "1,1,0\n"), r"gave \[1.0, 1.0, 0.0\] for row 0"),
        (writing("ham,spam,other\n" + 30 * "1,x,0\n"), r"gave \[1.0, nan, 0.0\] for row 0"),
        ("import sys; open(sys.argv[3], 'wb').write(b'PAR1')", "cannot be read"),
        ("import sys; open(sys.argv[3], 'wb').write(b'a\\xff\\n')", "cannot be read"),
    ],
)
def test_what_goes_wrong_is_said(run, code, said):
    with pytest.raises(BadInput, match=said):
        run(code)


def test_only_the_end_of_a_long_complaint_is_quoted(run):
    with pytest.raises(BadInput) as caught:
        run("import sys; sys.exit('far away ' * 10_000 + 'the reason')")
    assert str(caught.value).endswith("the reason")
    assert len(str(caught.value)) < 3_000


def test_a_command_that_takes_too_long_is_ended_with_all_it_started(run, tmp_path):
    started = time.monotonic()
    with pytest.raises(BadInput, match="took more than 2 seconds"):
        run(
            """
            import subprocess, sys, time
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
            open("child", "w").write(str(child.pid))
            time.sleep(60)
            """,
            time_limit=2,
        )
    assert time.monotonic() - started < 20
    child = int((tmp_path / "child").read_text())
    for _ in range(50):
        if not running(child):
            return
        time.sleep(0.1)
    pytest.fail("the child still runs")


def running(process):
    try:
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("", "lacks {train}, {test}, {out}"),
        ("python train.py {train} {out}", "lacks {test}"),
        ("python 'train.py {train} {test} {out}", "cannot be split into words: No closing"),
        ("no-such-program {train} {test} {out}", "no-such-program is no program"),
    ],
)
def test_a_command_that_cannot_work_is_said_before_anything_runs(rows, command, said):
    with pytest.raises(BadInput, match=said):
        OwnCommand(command).train(rows, seed=0)


def test_images_that_are_no_pictures_are_refused(run, rows):
    rows = rows.having(pixels=np.zeros((30, 4, 4, 5), np.uint8))
    command = f"{PYTHON} train.py {{train}} {{test}} {{out}}"
    with pytest.raises(BadInput, match="use own_function"):
        OwnCommand(command).train(rows, seed=0).predict(rows)


def test_no_rows_are_no_question_and_no_victim_can_be_tuned(rows):
    recipe = OwnCommand(f"{PYTHON} nowhere.py {{train}} {{test}} {{out}}")
    assert recipe.train(rows, seed=0).predict(rows.take([])).shape == (0, 3)
    assert not hasattr(recipe, "tune")
