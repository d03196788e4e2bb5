"""Cells run in processes of their own; none that crashes, hangs or is killed harms another."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from foretaste.campaign.scheduling import in_processes


class Work:
    """Leaves a file for each key that it is done with."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def __call__(self, key):
        if key.startswith("raise"):
            raise ZeroDivisionError("of its own making")
        if key.startswith("killed"):
            os.kill(os.getpid(), signal.SIGKILL)
        if key.startswith("slow"):
            time.sleep(60)
        (self.folder / key).write_text(str(os.getpid()))


def ended(work, keys, folder, **how):
    told = in_processes(work, keys, folder / "said", **{"jobs": 2, "seconds": 30.0, **how})
    return {one.key: one for one in told}


def test_what_raises_or_is_killed_is_told_and_the_others_are_done(tmp_path):
    found = ended(Work(tmp_path), ["a", "raise", "killed", "b"], tmp_path)
    assert set(found) == {"a", "raise", "killed", "b"}
    assert (found["a"].why, found["b"].why) == ("", "")
    assert "ZeroDivisionError: of its own making" in found["raise"].why
    assert "exit code -9" in found["killed"].why
    assert (tmp_path / "a").exists()
    assert (tmp_path / "b").exists()


def test_what_takes_too_long_is_stopped(tmp_path):
    found = ended(Work(tmp_path), ["slow", "a"], tmp_path, jobs=1, seconds=20.0)
    assert found["slow"].stopped
    assert not found["a"].stopped
    assert (tmp_path / "a").exists()


def test_after_the_time_is_up_none_is_begun(tmp_path):
    assert ended(Work(tmp_path), ["a", "b"], tmp_path, until=time.monotonic()) == {}
    assert not (tmp_path / "a").exists()


def test_an_interrupt_ends_the_processes(tmp_path):
    running = in_processes(Work(tmp_path), ["a", "slow"], tmp_path / "said", jobs=2, seconds=60.0)
    assert next(running).key == "a"
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        running.throw(KeyboardInterrupt)
    assert time.monotonic() - begun < 30
    assert not (tmp_path / "slow").exists()


ORPHAN = """
import sys, time
from pathlib import Path
from foretaste.campaign.scheduling import in_processes

def work(key):
    Path(sys.argv[1], "began").write_text("")
    time.sleep(8)
    Path(sys.argv[1], "ended").write_text("")

if __name__ == "__main__":
    list(in_processes(work, ["a"], Path(sys.argv[1]), jobs=1, seconds=60.0))
"""


def test_no_process_outlives_the_one_that_wants_its_result(tmp_path):
    (tmp_path / "orphan.py").write_text(ORPHAN)
    parent = subprocess.Popen([sys.executable, tmp_path / "orphan.py", tmp_path])
    while not (tmp_path / "began").exists():
        assert parent.poll() is None
        time.sleep(0.1)
    parent.kill()
    parent.wait()
    time.sleep(10)
    assert not (tmp_path / "ended").exists()
