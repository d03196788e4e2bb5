"""Killed, out of disk, out of time, without a database: nothing acknowledged is lost or changed."""

import threading
import time

import numpy as np
import pytest

from foretaste.gate.journal import Journal
from foretaste.gate.keeper import Keeper
from tests.gate.faults import (
    TERMS,
    Sender,
    Worker,
    examined,
    filled,
    killed_often,
    submit,
    torn,
)
from tests.gate.keepers import postgres, postgres_is_here, trusted


def sender(seed, **more):
    return Sender(np.random.default_rng(seed), **more)


@pytest.mark.parametrize(
    ("damage", "seen"),
    [
        ("UPDATE decisions SET id = 'x' WHERE sequence = 20", {"lost", "missing", "unjudged"}),
        ("UPDATE decisions SET key = 'else' WHERE sequence = 20", {"lost"}),
        ("UPDATE decisions SET ruling = 'hold' WHERE sequence = 20", {"lost", "unjudged"}),
        ("DELETE FROM decisions WHERE sequence = 149", {"lost", "missing", "different"}),
        ("DELETE FROM decisions WHERE sequence = 20", {"lost", "unjudged", "missing"}),
    ],
)
def test_an_examination_sees_what_it_looks_for(tmp_path, damage, seen):
    one = sender(0)
    with Keeper.open(tmp_path, trusted(), TERMS) as keeper:
        for key, name, ruling in submit(keeper, range(150)):
            one.told[key] = {(name, ruling)}
    assert not examined(tmp_path, None, one).wrong
    journal = Journal.open(tmp_path)
    with journal.transaction() as told:
        told.exec_driver_sql(damage)
    journal.shut()
    assert seen <= examined(tmp_path, None, one).wrong.keys()


@pytest.mark.slow
def test_a_keeper_killed_at_random_moments_loses_nothing(tmp_path):
    one = sender(1)
    killed_often(tmp_path, None, one, 20)
    found = examined(tmp_path, None, one)
    assert not found.wrong
    assert found.acknowledged > 50


@pytest.mark.slow
def test_clocks_that_jump_and_snapshots_that_are_torn_change_nothing(tmp_path):
    one = sender(2, jumps=True)
    killed_often(tmp_path, None, one, 12, lambda: torn(tmp_path, one.rng))
    assert not examined(tmp_path, None, one).wrong


@pytest.mark.slow
def test_a_full_disk_refuses_and_loses_nothing(tmp_path):
    one = sender(3)
    filled(tmp_path, None, one, 6)
    assert one.refused >= 18
    found = examined(tmp_path, None, one)
    assert not found.wrong
    assert found.acknowledged == found.decided == one.next


@pytest.mark.slow
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
