"""A short history: a source, a version of it, a scan, a cleaning, a second scan, a model."""

import hashlib

import pytest

from foretaste.ledger.event import Event, Thing


def digest(word):
    return hashlib.sha256(word.encode()).hexdigest()


def verdict(word, flagged, **more):
    return {
        "verdict": word, "rows": 5574, "refused": 2, "flagged": flagged, "alpha": 0.01, "seed": 0,
        "detectors": [
            {"name": "trigger_phrase", "settings": {"longest": 3}, "kind": "attack",
             "flagged": flagged},
            {"name": "duplicate", "settings": {}, "kind": "hygiene", "flagged": 0},
        ],
        "power": [{"family": "rare_word", "smallest_found": 10, "rate": 0.002}],
        "version": "0.1.0",
        **more,
    }  # fmt: skip


@pytest.fixture
def things():
    return {
        "source": Thing("source", "https://example.com/sms", {"sha256": digest("source")}),
        "raw": Thing("dataset", "sms.csv", {"sha256": digest("raw"), "rows": digest("raw rows")}),
        "clean": Thing("dataset", "clean/sms.csv", {"rows": digest("clean rows")}),
        "record": Thing("record", "record.json", {"sha256": digest("record")}),
        "model": Thing("model", "spam.safetensors", {"sha256": digest("model")}),
    }


@pytest.fixture
def history(things):
    t = things
    trained = {
        "recipe": "linear_text", "settings": {}, "quality": 0.991, "tested": 0.975,
        "measure": "accuracy", "epsilon": 3.0,
    }  # fmt: skip
    events = [
        Event("source_registered", (t["source"],), (), {"owner": "Ada", "licence": "CC0"}),
        Event("dataset_version", (t["raw"],), (t["source"],), {"rows": 5574, "provider": "Bob"}),
        Event("scan_verdict", (t["record"],), (t["raw"],), verdict("poisoned", 50)),
        Event("cleaning_decision", (t["clean"],), (t["raw"],), {"removed": 50}),
        Event("scan_verdict", (), (t["clean"],), verdict("clean", 0, power=[])),
        Event("model_trained", (t["model"],), (t["clean"],), trained),
        Event("model_verdict", (), (t["model"],), {"verdict": "clean"}),
    ]
    return [
        (
            index,
            Event(e.kind, e.made, e.used, e.facts, f"2026-11-2{index}T04:05:06Z", "foretaste 0.1"),
        )
        for index, e in enumerate(events)
    ]
