"""Updates on top of a real journal: learned from its windows, undone with them."""

import numpy as np
import pytest

from foretaste.data import Batch
from foretaste.gate.keeper import Keeper
from foretaste.gate.terms import Terms
from foretaste.recipes.linear_text import LinearText
from foretaste.updates.canaries import Canaries
from foretaste.updates.learning import Learner, learn, learnable
from foretaste.updates.record import Found
from foretaste.updates.stored import StoredWindows
from foretaste.updates.undoing import roll_back

WORDS = ("lunch meeting report office monday plan".split(), "win prize cash claim free now".split())
TERMS = Terms(checks=("joint_outlier",), window=150)


def rows(n, seed):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    text = [" ".join(rng.choice(WORDS[one], 6)) + f" {rng.integers(999)}" for one in label]
    names = [f"{seed} {i}" for i in range(n)]
    return Batch(names, {"text": text, "label": label}, ("ham", "spam"))


@pytest.fixture
def keeper(tmp_path):
    with Keeper.open(tmp_path / "gate", rows(300, 0), TERMS) as keeper:
        yield keeper


def submitted(keeper, batch):
    keeper.submit(batch.having(key=batch.ids.tolist()))


def test_windows_are_learned_from_and_set_aside_with_what_the_gate_knew(keeper):
    windows = StoredWindows(keeper, ("ham", "spam"))
    learner, canaries = Learner("linear_text", LinearText(), rows(300, 0)), Canaries(rows(600, 9))
    submitted(keeper, rows(150, 1))
    good = learn(windows.history, windows, learner, canaries)
    bad = rows(900, 2)
    submitted(keeper, bad.having(label=1 - bad["label"]))
    refused = learn(windows.history, windows, learner, canaries)
    assert (good.admitted, refused.admitted) == (True, False)
    assert len(refused.learned) == 7
    done = roll_back(windows.history, windows, by="ann", why="flips")
    keeper.roll_back(min(windows.number(one) for one in done.windows) - 1, "ann", "flips")
    assert learnable(windows, windows.history) == good.learned
    assert len(list((windows.folder / "aside").iterdir())) == 6
    assert learn(windows.history, windows, learner, canaries).admitted


def test_rows_come_back_as_they_were_submitted(keeper):
    windows = StoredWindows(keeper, ("ham", "spam"))
    batch = rows(150, 1)
    submitted(keeper, batch)
    (digest,) = windows.digests()
    back = windows.rows(digest)
    kept = np.isin(batch.ids, back.ids)
    assert len(back) > 140
    assert back["text"].tolist() == batch["text"][kept].tolist()
    assert back["label"].tolist() == batch["label"][kept].tolist()
    assert windows.number(digest) == 0


def test_the_gate_goes_back_to_before_its_first_record(keeper):
    submitted(keeper, rows(150, 1))
    keeper.roll_back(-1, "ann", "all of it")
    assert keeper.gate.standing.window == 1


def test_what_is_found_later_waits_for_people(keeper):
    windows = StoredWindows(keeper, ("ham", "spam"))
    submitted(keeper, rows(150, 1))
    (digest,) = windows.digests()
    record = windows.rows(digest).ids[0]
    found = Found(record=record, window=digest, detectors=("a", "b"), reason="odd", updates=())
    why = windows.decisions([found])
    (held,) = keeper.pull_back(why, "test")
    assert held.reasons[0].text == "odd"
    assert record in {one.decision.record for one in keeper.held()}
