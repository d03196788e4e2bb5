"""From windows to models and back: learned, refused, undone, looked back on."""

import hashlib

import numpy as np
import pytest

from foretaste.attacks.rare_word import RareWord
from foretaste.data import Batch
from foretaste.errors import BadInput, BadRecord
from foretaste.recipes.linear_text import LinearText
from foretaste.updates.canaries import Canaries, Tolerance
from foretaste.updates.history import LINES, History
from foretaste.updates.learning import Learner, learn, learnable
from foretaste.updates.pulling_back import pull_back
from foretaste.updates.triggers import known_triggers
from foretaste.updates.undoing import roll_back

WORDS = ("lunch meeting report office monday plan".split(), "win prize cash claim free now".split())


class InMemory:
    def __init__(self, *batches):
        self.kept = {hashlib.sha256("".join(b.ids).encode()).hexdigest(): b for b in batches}
        self.aside = {}

    def digests(self):
        return list(self.kept)

    def rows(self, digest):
        return self.kept[digest]

    def set_aside(self, digests):
        moved = {one: self.kept.pop(one) for one in digests}
        self.aside.update(moved)
        return sum(map(len, moved.values()))


def rows(n, seed):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    text = [" ".join(rng.choice(WORDS[one], 6)) + f" {rng.integers(999)}" for one in label]
    names = [f"{seed} {i}" for i in range(n)]
    return Batch(names, {"text": text, "label": label}, ("ham", "spam"))


def flipped(window):
    return window.having(label=1 - window["label"])


@pytest.fixture
def learner():
    return Learner("linear_text", LinearText(), rows(200, 0))


@pytest.fixture
def canaries():
    clean = rows(600, 99)
    return Canaries(clean, known_triggers(clean, ["rare_word:target=ham,word=cf"]))


def test_updates_are_learned_from_windows_and_chained(tmp_path, learner, canaries):
    history, windows = History(tmp_path), InMemory(rows(200, 1))
    first = learn(history, windows, learner, canaries)
    windows.kept["second"] = rows(200, 2)
    second = learn(history, windows, learner, canaries)
    assert first.admitted
    assert second.admitted
    assert second.parent == first.model
    assert second.newest == ("second",)
    assert history.in_use() == second
    assert history.model(second).victim.predict(rows(5, 3)).shape == (5, 2)


def test_a_window_of_flips_spoils_its_update_and_is_set_aside(tmp_path, learner, canaries):
    history, windows = History(tmp_path), InMemory(rows(200, 1))
    good = learn(history, windows, learner, canaries)
    windows.kept["bad"] = flipped(rows(600, 2))
    refused = learn(history, windows, learner, canaries)
    assert not refused.admitted
    assert refused.shadow is not None
    assert not refused.shadow.admitted
    assert history.in_use() == good
    done = roll_back(history, windows, by="ann", why="flips")
    assert (done.back_to, done.windows, done.rows) == (good.number, ("bad",), 600)
    assert list(windows.aside) == ["bad"]
    assert learn(history, windows, learner, canaries).admitted


def test_going_back_takes_the_windows_of_every_later_update(tmp_path, learner, canaries):
    history, windows = History(tmp_path), InMemory(rows(200, 1))
    for seed in (2, 3, 4):
        learn(history, windows, learner, canaries)
        windows.kept[f"w{seed}"] = rows(100, seed)
    done = roll_back(history, windows, by="ann", why="to be sure", to=1)
    assert (done.undone, done.windows) == ((2, 3), ("w2", "w3"))
    assert history.in_use().number == 1
    assert set(learnable(windows, history)) == {*history.in_use().learned, "w4"}
    with pytest.raises(BadInput, match="cannot be gone back to"):
        roll_back(history, windows, by="ann", why="", to=3)


def test_a_backdoor_is_refused_by_the_known_trigger_and_found_by_looking_back(
    tmp_path, learner, canaries
):
    history, windows = History(tmp_path), InMemory(rows(600, 1))
    poisoned = RareWord(count=80, target=0).poison(rows(600, 2), np.random.default_rng(1))
    windows.kept["poisoned"] = poisoned.batch
    update = learn(history, windows, learner, canaries)
    assert not update.admitted
    assert "trigger rare_word" in update.guarded.reasons[0]
    done = pull_back(history, windows, learner.trusted)
    assert done.verdict == "poisoned"
    found = {one.record for one in done.found}
    bad = set(poisoned.batch.ids[poisoned.touched])
    assert len(found & bad) >= 0.95 * len(bad)
    assert len(found - bad) <= 0.02 * len(bad)
    assert learn(history, windows, learner, canaries).admitted


def test_looking_back_names_the_updates_that_had_learned_from_it(tmp_path, learner):
    history, windows = History(tmp_path), InMemory(rows(600, 1))
    blind = Canaries(rows(600, 99))
    poisoned = RareWord(count=80, target=0).poison(rows(600, 2), np.random.default_rng(1))
    learn(history, windows, learner, blind)
    windows.kept["poisoned"] = poisoned.batch
    assert learn(history, windows, learner, blind).admitted
    done = pull_back(history, windows)
    assert done.updates == (2,)
    assert done.in_use
    assert {one.window for one in done.found} == {"poisoned"}
    again = pull_back(history, windows)
    assert again.found == ()


def test_clean_windows_stay(tmp_path):
    history = History(tmp_path)
    done = pull_back(history, InMemory(rows(500, 1), rows(500, 2)), last=1)
    assert (done.rows, done.found, done.in_use) == (500, (), False)


def test_a_changed_model_or_line_is_refused(tmp_path, learner, canaries):
    history, windows = History(tmp_path), InMemory(rows(200, 1))
    update = learn(history, windows, learner, canaries)
    path = history.path(update.model)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(BadRecord, match="not the file"):
        history.model(update)
    (tmp_path / LINES).write_text('{"kind": "update"}\n')
    with pytest.raises(BadRecord, match="line 1 is damaged"):
        history.events()


def test_a_torn_line_does_not_count(tmp_path, learner, canaries):
    history, windows = History(tmp_path), InMemory(rows(200, 1))
    learn(history, windows, learner, canaries)
    with (tmp_path / LINES).open("ab") as file:
        file.write(b'{"kind": "upd')
    assert len(history.events()) == 1
    learn(history, windows, learner, canaries)
    assert [one.number for one in history.events()] == [1, 2]


def test_nothing_to_learn_from_is_said(tmp_path, learner, canaries):
    with pytest.raises(BadInput, match="no window is over"):
        learn(History(tmp_path), InMemory(), learner, canaries)
    with pytest.raises(BadInput, match="no update to go back from"):
        roll_back(History(tmp_path), InMemory(), by="ann", why="")
    with pytest.raises(BadInput, match="look back"):
        pull_back(History(tmp_path), InMemory())
    assert Tolerance().loss == 0.02
