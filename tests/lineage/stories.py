"""Ledgers made up for tests: events in a list instead of a log."""

import hashlib

from foretaste.ledger.checkpoint import Checkpoint
from foretaste.ledger.event import Event, Thing

AT = "2026-11-23T04:05:06Z"


def digest(name):
    return hashlib.sha256(name.encode()).hexdigest()


def thing(kind, name, **more):
    return Thing(kind, name, {"sha256": digest(name), **more})


def data(name):
    return thing("dataset", name)


def model(name):
    return thing("model", name)


def record(name):
    return thing("record", name)


def aside(name):
    return Thing("rows", name, {"rows": digest("rows " + name)})


def event(kind, made=(), used=(), **facts):
    return Event(kind, tuple(made), tuple(used), facts, AT, "a test")


def scanned(what, said, by, **facts):
    return event("scan_verdict", [record(by)], [what], verdict=said, **facts)


def cleaned(what, by, kept, quarantined):
    return event(
        "cleaning_decision", [data(kept), aside(quarantined)], [what, record(by)], what="attack"
    )


def trained(name, *used):
    return event("model_trained", [model(name)], used)


def promoted(name, to=""):
    return event("checkpoint_promoted", [], [model(name)], to=to)


class Told:
    """A ledger that is a list."""

    def __init__(self, *events):
        self.all = list(events)

    def checkpoint(self):
        return Checkpoint("example.com/log", len(self.all), bytes(32))

    def event(self, index):
        return self.all[index]

    def events(self):
        return enumerate(self.all)
