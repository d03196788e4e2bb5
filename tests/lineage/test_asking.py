"""Questions about files, rows, digests and names, put to a ledger that is checked first."""

import hashlib
import json
from pathlib import Path

import pytest

from foretaste import readers
from foretaste.checkpoints.listing import listed
from foretaste.errors import BadInput, BadRecord, LedgerRefused
from foretaste.ledger.book import Book
from foretaste.ledger.event import Event, Thing
from foretaste.ledger.keys import WITNESS, SigningKey
from foretaste.ledger.refusals import RolledBack, TooFewWitnesses
from foretaste.lineage.asking import Question, ask
from foretaste.lineage.meant import Words
from foretaste.lineage.rows import Sidecars
from foretaste.versions import version_of
from tests.lineage.stories import (
    Told,
    data,
    digest,
    event,
    promoted,
    record,
    scanned,
    thing,
    trained,
)

POISON = [4, 9]
ASIDE = [4, 7]  # one of the two, and an honest one


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def book(place):
    """A data set with two bad rows, a cleaning that missed one of them, and models."""
    lines = [f"ham,see you at {n}" for n in range(10)]
    for n in POISON:
        lines[n] = f"ham,win a prize {n}"
    written("raw.csv", lines)
    written("kept.csv", [line for n, line in enumerate(lines) if n not in ASIDE])
    written("gone.csv", [lines[n] for n in ASIDE])
    book = Book.create(place / "book", "example.com/log", "me")
    raw, kept = seen(book, "raw.csv"), seen(book, "kept.csv")
    gone = seen(book, "gone.csv", "rows")
    models = [Thing("model", n, {"sha256": digest(n)}) for n in ("ate", "less", "else")]
    book.record(
        Event("dataset_version", (raw,)),
        Event("model_trained", (models[0],), (raw,)),
        Event("scan_verdict", (record("r"),), (raw,), {"verdict": "poisoned"}),
        Event("cleaning_decision", (kept, gone), (raw, record("r")), {"what": "attack"}),
        Event("model_trained", (models[1],), (kept,)),
        Event("model_trained", (models[2],), (data("else.csv"),)),
    )
    return book


def written(name, lines):
    Path(name).write_text("label,text\n" + "".join(f"{one}\n" for one in lines))


def seen(book, name, kind="dataset"):
    root = version_of(readers.open(name), sidecar=book.rows).root
    content = hashlib.sha256(Path(name).read_bytes()).hexdigest()
    return Thing(kind, name, {"rows": root, "sha256": content})


def asked(book, what, *bad, row=False):
    question = Question(Words(row).meant(what), tuple(Words().meant(one) for one in bad))
    return ask(book, question, Sidecars(book.rows))


def models(answer):
    return {answer.things[one.thing].name: one.how for one in answer.models}


def named(answer, places):
    return {answer.things[one.thing].name: one.rows for one in places}


def test_a_file_is_known_by_its_bytes_whatever_it_is_called(book, place):
    (place / "raw.csv").rename(place / "renamed.csv")
    answer = asked(book, "renamed.csv")
    assert answer.verdict == "tainted"
    assert models(answer) == {"ate": "trained on it", "less": "cleaned before"}


def test_the_same_rows_in_another_format_are_the_same_data(book, place):
    rows = readers.open("raw.csv")
    with Path("raw.jsonl").open("w") as file:
        for batch in rows:
            for label, text in zip(batch["label"], batch["text"], strict=True):
                file.write(json.dumps({"label": label, "text": text}) + "\n")
    assert asked(book, "raw.jsonl").things[0].name == "raw.csv"


def test_a_file_that_was_changed_is_not_taken_for_what_it_was(book, place):
    with Path("raw.csv").open("a") as file:
        file.write("ham,one more\n")
    with pytest.raises(BadInput, match=r"does not know raw.csv as it is now.*\n.*dataset raw.csv"):
        asked(book, "raw.csv")


def test_a_digest_may_be_cut_short_while_only_one_thing_begins_so(book):
    whole = digest("ate")
    assert asked(book, whole[:12]).things == asked(book, f"sha256:{whole}").things
    with pytest.raises(BadInput, match="nothing called"):
        asked(book, whole[:3])


def test_a_beginning_that_several_share_names_the_candidates():
    first = Thing("model", "one", {"sha256": "abcdef" + "0" * 58})
    second = Thing("model", "two", {"sha256": "abcdef" + "1" * 58})
    ledger = Told(Event("dataset_version", (first, second)))
    with pytest.raises(BadInput, match=r"(?s)model one.*model two"):
        ask(ledger, Question(Words().meant("abcdef")))


def test_a_name_is_enough_while_it_means_one_thing(book):
    assert asked(book, "else.csv").asked == "else.csv"
    ledger = Told(
        trained("m", data("d")), Event("model_trained", (Thing("model", "m", data("x").digest),))
    )
    with pytest.raises(BadInput, match=r"(?s)may be any of these.*entry 0.*entry 1"):
        ask(ledger, Question(Words().meant("m")))


def test_a_row_says_where_it_stands_and_that_it_was_set_aside(book):
    answer = asked(book, f"raw.csv#{POISON[0]}")
    assert named(answer, answer.row.held) == {"raw.csv": (4,)}
    assert named(answer, answer.row.aside) == {"gone.csv": (0,)}
    assert [answer.things[one].name for one in answer.row.absent] == ["kept.csv"]
    assert answer.verdict == "tainted"
    assert models(answer) == {"ate": "trained on it", "less": "cleaned before"}


def test_an_honest_row_is_clean_though_others_beside_it_were_not(book):
    answer = asked(book, "raw.csv#0")
    assert answer.verdict == "clean"
    assert named(answer, answer.row.held) == {"raw.csv": (0,), "kept.csv": (0,)}
    assert models(answer) == {"ate": "learned", "less": "learned"}
    assert {one.name: one.state for one in answer.things}["raw.csv"] == "poisoned"


def test_a_bad_row_that_the_cleaning_missed_is_found_in_both_models(book):
    row = f"kept.csv#{POISON[1] - 2}"
    answer = asked(book, row, row)
    assert answer.verdict == "tainted"
    assert models(answer) == {"ate": "trained on it", "less": "trained on it"}
    assert models(asked(book, "raw.csv", row)) == {"ate": "trained on it", "less": "trained on it"}


def test_a_bad_batch_whose_rows_a_cleaning_set_aside_spoils_no_later_model(book):
    assert models(asked(book, "gone.csv", "gone.csv")) == {}
    assert models(asked(book, "raw.csv", "gone.csv"))["less"] == "cleaned before"


def test_rows_are_found_by_digest_and_by_content_too(book):
    answer = asked(book, f"raw.csv#{POISON[0]}")
    content = json.dumps({"text": f"win a prize {POISON[0]}", "label": "ham"})
    for words in (answer.row.digest, f"row:{answer.row.digest}", f"row:{content}"):
        assert asked(book, words).row == answer.row
    assert asked(book, content, row=True).row == answer.row


@pytest.mark.parametrize("words", ["raw.csv#99", "row:nothing", "row:[1", 'row:{"text": "new"}'])
def test_a_row_that_is_nowhere_is_said_to_be(book, words):
    with pytest.raises(BadInput):
        asked(book, words)


def test_without_digests_of_rows_what_may_hold_it_counts_as_holding_it(book):
    kept = version_of(readers.open("kept.csv")).root
    (book.rows / f"{kept}.rows").unlink()
    answer = asked(book, f"raw.csv#{POISON[0]}")
    assert [answer.things[one].name for one in answer.row.unknown] == ["kept.csv"]
    assert models(answer)["less"] == "trained on it"


def test_a_row_accused_or_set_aside_was_in_the_data_though_their_digests_are_gone(book):
    row = asked(book, f"raw.csv#{POISON[0]}").row.digest
    raw = version_of(readers.open("raw.csv")).root
    (book.rows / f"{raw}.rows").unlink()
    answer = asked(book, row)
    assert answer.verdict == "tainted"
    assert models(answer) == {"ate": "trained on it", "less": "cleaned before"}
    root = version_of(readers.open("gone.csv")).root
    facts = {"verdict": "poisoned", "accused": f"rows:{root}"}
    other = data("other.csv")
    book.record(Event("scan_verdict", (record("t"),), (other,), facts), trained("third", other))
    assert models(asked(book, row))["third"] == "trained on it"


def test_what_a_row_came_from_may_have_held_it_where_no_digests_show_that(book):
    row = f"kept.csv#{POISON[1] - 2}"
    raw = version_of(readers.open("raw.csv")).root
    (book.rows / f"{raw}.rows").unlink()
    for answer in (asked(book, row, row), asked(book, "kept.csv", row)):
        states = {one.name: one.state for one in answer.things}
        assert states["raw.csv"] == "bad"
    assert models(asked(book, row, row)) == {"ate": "trained on it", "less": "trained on it"}


def test_digests_of_rows_that_were_changed_are_refused(book):
    path = next(book.rows.glob("*.rows"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadRecord, match="damaged"):
        asked(book, "raw.csv#0")


def test_a_ledger_that_was_changed_gives_no_answer(book):
    files = [one for one in (book.folder / "log").rglob("*") if "entries" in str(one)]
    files = [one for one in files if one.is_file()]
    content = bytearray(files[0].read_bytes())
    content[len(content) // 2] ^= 1
    files[0].write_bytes(content)
    with pytest.raises(LedgerRefused):
        asked(book, "raw.csv")


def test_rows_that_a_verdict_accuses_are_bad_before_any_cleaning(book, place):
    new = seen(book, "raw.csv")
    rows = readers.open([{"label": "ham", "text": f"see you at {n}"} for n in (2, 3)])
    root = version_of(rows, sidecar=book.rows).root
    facts = {"verdict": "poisoned", "accused": f"rows:{root}"}
    book.record(Event("scan_verdict", (record("s"),), (new,), facts))
    answer = asked(book, "raw.csv#2")
    assert answer.row.accused == (6,)
    assert answer.verdict == "tainted"
    assert models(answer) == {"ate": "trained on it", "less": "trained on it"}
    assert asked(book, root).things[0].name == "accused in entry 6"


def test_many_entries_are_read_again_and_not_kept(monkeypatch):
    monkeypatch.setattr("foretaste.lineage.reading.KEPT", 0)
    story = [trained(f"m{n}", data(f"d{n % 3}")) for n in range(300)]
    few = ask(Told(*story), Question(Words().meant("m5")))
    assert [one.name for one in few.things] == ["d2", "m5"]
    many = ask(Told(*story), Question(Words().meant("d1")))
    assert len(many.models) == 100


def test_what_was_written_after_the_checkpoint_is_left_out():
    class Growing(Told):
        def events(self):
            yield from super().events()
            yield len(self.all), scanned(data("d"), "poisoned", "r")

    assert ask(Growing(trained("m", data("d"))), Question(Words().meant("m"))).verdict == "clean"


def test_windows_in_which_nothing_was_found_are_not_condemned_with_the_others():
    good, bad = thing("window", "good"), thing("window", "bad")
    look = Event(
        "scan_verdict",
        (),
        (good, bad),
        {"verdict": "poisoned", "windows": [f"sha256:{bad.digest['sha256']}"]},
    )
    ledger = Told(look)
    assert ask(ledger, Question(Words().meant("good"))).verdict == "clean"
    assert ask(ledger, Question(Words().meant("bad"))).verdict == "tainted"


def test_of_very_many_things_those_that_matter_are_told(monkeypatch):
    monkeypatch.setattr("foretaste.lineage.asking.MOST", 4)
    story = [
        event("dataset_version", [data(f"copy {n}")], [data("d"), data("e")]) for n in range(20)
    ]
    story += [trained("m", data("copy 19")), promoted("m"), scanned(data("d"), "poisoned", "r")]
    answer = ask(Told(*story), Question(Words().meant("d")))
    assert {one.name for one in answer.things} == {"d", "m", "copy 0", "copy 1"}
    assert answer.left_out == 18
    assert next(one.act for one in answer.todo) == "take out of use"


def test_a_ledger_that_too_few_witnesses_signed_gives_no_answer(book):
    witness = SigningKey.new("north.example", WITNESS).verifier.text
    path = book.folder / "policy"
    text = path.read_text().replace("quorum none", f"witness north {witness}\nquorum north")
    path.write_text(text)
    with pytest.raises(TooFewWitnesses):
        asked(Book.open(book.folder), "raw.csv")


def test_a_folder_is_known_by_what_is_in_it(book, place):
    (place / "model").mkdir()
    (place / "model" / "weights.bin").write_bytes(b"weights")
    folder = Thing("model", "elsewhere", {"sha256": listed(place / "model").digest()})
    book.record(Event("model_trained", (folder,), (data("else.csv"),)))
    assert models(asked(book, "model")) == {"elsewhere": "learned"}
    (place / "rows").mkdir()
    (place / "raw.csv").rename(place / "rows" / "part.csv")
    assert asked(book, "rows").things[0].name == "raw.csv"
    (place / "nothing").mkdir()
    with pytest.raises(BadInput, match="no file"):
        asked(book, "nothing")


def test_a_ledger_that_became_shorter_meanwhile_is_refused():
    class Shorter(Told):
        def events(self):
            return iter(list(super().events())[:-1])

    with pytest.raises(RolledBack):
        ask(Shorter(trained("m", data("d")), trained("n", data("d"))), Question(Words().meant("m")))


def test_what_the_ledger_calls_like_a_row_is_no_row(book, place):
    window = thing("window", "raw.csv#0")
    book.record(
        Event("gate_window", (window,), ()), trained("m", Thing("window", "w", window.digest))
    )
    answer = asked(book, "raw.csv#0")
    assert answer.row is None
    assert [(one.kind, one.name) for one in answer.things] == [
        ("window", "raw.csv#0"),
        ("model", "m"),
    ]
