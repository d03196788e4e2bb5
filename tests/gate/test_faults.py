"""Killed, out of disk, out of time, without a database: nothing acknowledged is lost or changed."""

import threading
import time

import numpy as np
import pytest

from tests.gate.faults import Sender, Worker, examined, filled, killed_often, torn
from tests.gate.keepers import postgres, postgres_is_here

pytestmark = pytest.mark.slow


def sender(seed, **more):
    return Sender(np.random.default_rng(seed), **more)


def test_a_keeper_killed_at_random_moments_loses_nothing(tmp_path):
    one = sender(1)
    killed_often(tmp_path, None, one, 20)
    found = examined(tmp_path, None, one)
    assert not found.wrong
    assert found.acknowledged > 50


def test_clocks_that_jump_and_snapshots_that_are_torn_change_nothing(tmp_path):
    one = sender(2, jumps=True)
    killed_often(tmp_path, None, one, 12, lambda: torn(tmp_path, one.rng))
    assert not examined(tmp_path, None, one).wrong


def test_a_full_disk_refuses_and_loses_nothing(tmp_path):
    one = sender(3)
    filled(tmp_path, None, one, 6)
    assert one.refused >= 18
    found = examined(tmp_path, None, one)
    assert not found.wrong
    assert found.acknowledged == found.decided == one.next


@pytest.mark.skipif(not postgres_is_here(), reason="needs the binaries of PostgreSQL")
def test_a_database_that_restarts_under_load_loses_nothing(tmp_path):
    one = sender(4)
    with postgres() as server:
        worker = Worker(server.url, tmp_path)
        worker.pipe.recv()
        over = threading.Event()

        def restarts():
            for how in ("immediate", "fast", "immediate"):
                time.sleep(1)
                server.stop(how)
                time.sleep(0.3)
                server.start()
            over.set()

        thread = threading.Thread(target=restarts)
        thread.start()
        while not over.is_set() or one.waiting:
            one.once(worker)
        thread.join()
        worker.ended()
        killed_often(server.url, tmp_path, one, 5)
        found = examined(server.url, tmp_path, one)
    assert one.refused
    assert not found.wrong
