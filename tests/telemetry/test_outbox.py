"""Notices arrive in order, after several tries if need be, and never fill the memory."""

import threading

from foretaste.telemetry.outbox import Outbox, Tries, TryLater


def test_what_fails_for_a_while_arrives_in_order():
    arrived, failures = [], iter([TryLater("no"), OSError("no"), TryLater("no")])

    def send(notice):
        for error in failures:
            raise error
        arrived.append(notice)

    with Outbox(send, Tries(first=0.001)) as outbox:
        for i in range(5):
            outbox.put(i)
    assert arrived == [0, 1, 2, 3, 4]
    assert (outbox.sent, outbox.lost) == (5, 0)


def test_what_never_works_is_given_up_and_counted_and_the_next_one_sent():
    arrived = []

    def send(notice):
        if notice == "bad":
            raise TryLater("never")
        if notice == "worse":
            raise KeyError("final")
        arrived.append(notice)

    with Outbox(send, Tries(times=3, first=0.001)) as outbox:
        for notice in ("bad", "worse", "good"):
            outbox.put(notice)
    assert arrived == ["good"]
    assert (outbox.sent, outbox.lost) == (1, 2)


def test_a_full_queue_drops_and_counts_and_does_not_wait():
    gate = threading.Event()
    outbox = Outbox(lambda _: gate.wait(5), Tries(size=3))
    for i in range(10):
        outbox.put(i)
    assert outbox.lost in (6, 7)  # one may be on its way already
    gate.set()
    outbox.close()
    assert outbox.sent + outbox.lost == 10


def test_closing_does_not_wait_for_ever():
    def send(_):
        raise TryLater("come back in an hour", after=3600)

    outbox = Outbox(send)
    outbox.put(1)
    outbox.put(2)
    outbox.close(seconds=0.2)
    assert (outbox.sent, outbox.lost) == (0, 2)
