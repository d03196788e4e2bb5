import shutil
import subprocess

import numpy as np
import pytest

from tests.ledger.faults import filled, limited, small_disk, stopped
from tests.ledger.kills import killed_often


@pytest.fixture
def at(tmp_path):
    """A place for a log, alone in its folder."""
    return tmp_path / "disk" / "log"


def disk(at):
    at.parent.mkdir()
    return at


@pytest.mark.parametrize("seed", range(12))
def test_without_power_nothing_acknowledged_is_lost_and_nothing_signed_is_undone(at, seed):
    state = at.parent / "state" if seed % 3 == 0 else None
    client = stopped(disk(at), np.random.default_rng(seed), 8, state=state)
    assert client.opened


@pytest.mark.parametrize("seed", range(4))
def test_stopped_at_any_step_nothing_acknowledged_is_lost(at, seed):
    stopped(disk(at), np.random.default_rng([1, seed]), 8, power=False)


@pytest.mark.parametrize("seed", range(6))
def test_full_at_any_step_it_says_what_is_in_the_log_and_what_is_not(at, seed):
    client = stopped(disk(at), np.random.default_rng([2, seed]), 8, full=True)
    assert client.refused + client.unpublished


def test_killed_while_it_works_it_opens_with_what_was_acknowledged(at):
    watch = killed_often(disk(at), np.random.default_rng(3), 6)
    assert watch.acknowledged


def test_where_no_file_may_grow_it_refuses_and_goes_on_later(at):
    client = filled(disk(at), np.random.default_rng(4), 6, limited)
    assert client.refused + client.unpublished >= 18


@pytest.mark.slow
def test_killed_60_times_it_opens_with_what_was_acknowledged(at):
    watch = killed_often(disk(at), np.random.default_rng(5), 60)
    assert watch.acknowledged
    assert watch.opening


@pytest.mark.slow
@pytest.mark.parametrize("part", range(5))
def test_without_power_again_and_again(at, part):
    disk(at)
    for seed in range(60):
        stopped(at, np.random.default_rng([6, part, seed]), 12, full=seed % 3 == 0)
        shutil.rmtree(at)


@pytest.mark.slow
def test_a_disk_that_is_full_10_times(tmp_path):
    try:
        with small_disk() as (where, room):
            client = filled(where, np.random.default_rng(7), 10, room)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no small disk can be mounted here: {error}")
    assert client.refused + client.unpublished >= 30
