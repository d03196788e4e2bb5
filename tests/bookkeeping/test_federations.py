"""Rounds of a federation in the ledger: each from the model and the clients before it."""

import numpy as np
import pytest
from typer.testing import CliRunner

from foretaste.bookkeeping.federations import federated
from foretaste.bookkeeping.seeing import opened_and_seen
from foretaste.cli.app import app
from foretaste.errors import BadChain
from foretaste.federating import Federation
from foretaste.ledger.book import Book


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def rows(tmp_path):
    rng = np.random.default_rng(0)
    label = np.arange(200) % 2
    pixels = 60 + 120 * label[:, None, None] + rng.normal(0, 20, (200, 8, 8))
    path = tmp_path / "rows.npz"
    np.savez(path, image=np.clip(pixels, 0, 255).astype(np.uint8), label=label)
    return path


def test_each_round_follows_on_the_one_before_and_is_told_once(rows, tmp_path):
    book = Book.create(tmp_path / "ledger", "example.com/data", "ada")
    to, out = ("--ledger", book.folder), tmp_path / "out"
    words = ("--clients", 6, "--liars", 1, "--train-set", "width=2", "--no-controls", "-q", "--out")
    run("federate", rows, "--rounds", 2, *words, out, *to)
    events = [event for _, event in book.events()]
    assert [event.kind for event in events] == ["dataset_version", *["federated_round"] * 2]
    version, first, second = events
    assert version.made[0] in first.used
    assert first.made[0] in second.used
    clients = [thing for thing in second.used if thing.kind == "source"]
    assert len(clients) == second.facts["admitted"] == 6
    run("federate", rows, "--rounds", 2, *words, out, *to)
    assert book.checkpoint().size == 3
    run("appeal", out, "client-001", "--exclude", "--by", "ada", "--why", "lied", *to)
    decided = book.event(3)
    assert decided.used[0] in clients
    assert decided.facts["decision"] == "excluded"
    done = run("lineage", f"{out}#client-001", "--forward", "--ledger", book.folder)
    assert "round-000002.safetensors" in done.stdout
    lines = out / "checkpoints" / "chain.jsonl"
    lines.write_bytes(lines.read_bytes().replace(b"client-002", b"client-009", 1))
    with pytest.raises(BadChain):
        federated(book, opened_and_seen(str(rows), {}, book.rows), Federation(), out)
