"""Every attack on rows can be planted in every kind of data set that suits it."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from foretaste import readers, registry
from foretaste.planting.naming import attacked, settable
from foretaste.planting.plant import Order, plant
from tests.attacks.test_laws import said

ATTACKS = [
    n for n in registry.names("attacks") if attacked(registry.component("attacks", n)) == "rows"
]
SETS = ("text.jsonl", "table.jsonl", "chat.jsonl", "ratings.jsonl", "images.npz")
NOWHERE = {"boxes"}  # no reader gives them
N = 240
CLASSES = ("ham", "spam", "other")
WORDS = "meeting lunch report prize winner claim project call home free cash tonight".split()


def when(i):
    return datetime.fromtimestamp(1_600_000_000 + 3_600 * i, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def chat(asked, answered):
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("sets")
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, N)
    texts = [
        f"{' '.join(rng.choice(WORDS[4 * c : 4 * c + 4], 6))} {i}." for i, c in enumerate(label)
    ]
    common = [
        {"source": f"s{i % 4}", "time": when(i), "label": CLASSES[c]} for i, c in enumerate(label)
    ]
    towns = rng.choice(["Oslo", "Lima", "Hue"], N)
    sets = {
        "text": [{"text": text, **row} for text, row in zip(texts, common, strict=True)],
        "table": [
            {"age": float(rng.normal() + c), "fee": float(rng.normal() + c), "town": town, **row}
            for c, town, row in zip(label, towns, common, strict=True)
        ],
        "chat": [
            {"messages": chat(text, f"the answer is {i} and so on"), **common[i]}
            for i, text in enumerate(texts)
        ],
        "ratings": [
            {"user": f"u{i % 20}", "item": f"i{i % 13}", "rating": 1.0 + i % 5, "time": when(i)}
            for i in range(N)
        ],
    }
    for row in sets["chat"]:
        del row["label"]
    for name, rows in sets.items():
        (root / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    images = (rng.random((N, 8, 8, 3)) * 200).astype(np.uint8)
    source, time = np.array([row["source"] for row in common]), 1.6e9 + 3_600.0 * np.arange(N)
    np.savez(root / "images.npz", images=images, labels=label, source=source, time=time)
    return root


def suiting(name, place):
    """The data sets that give what an attack needs."""
    needs = set(registry.component("attacks", name).needs)
    for one in SETS:
        source = readers.open(place / one)
        given = set(next(iter(source)).names)
        if needs <= given | ({"pixels"} if "image" in given else set()):
            yield one, source


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_planted_wherever_it_suits(name, place, tmp_path):
    settings = dict(said(name, "SETTINGS", {}))
    suits = list(suiting(name, place))
    assert suits or NOWHERE & set(registry.component("attacks", name).needs)
    for one, source in suits:
        wanted = "target" in settable(name) and "target" not in settings and name != "label_flip"
        target = ("1" if one == "images.npz" else "spam") if wanted else None
        note = plant(source, Order(name, 1, target=target, settings=settings), tmp_path / one)
        assert note.touched == 1
        assert len((tmp_path / one / "truth.csv").read_text().splitlines()) == 2
        assert note.rows == N + note.added
