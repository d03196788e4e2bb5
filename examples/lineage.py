"""Which models ate this bad batch? A ledger is asked, and a page drawn, in fifty lines."""

import hashlib
from pathlib import Path

from foretaste import readers
from foretaste.ledger.book import Book
from foretaste.ledger.event import Event, Thing
from foretaste.lineage.asking import Question, ask
from foretaste.lineage.meant import Words
from foretaste.lineage.rows import Sidecars
from foretaste.report.lineage import write
from foretaste.versions import version_of

book = Book.create(Path("book"), "example.com/ledger", "example.com/alice")


def written(name: str, rows: list[str], kind: str = "dataset") -> Thing:
    """A file of rows as the ledger knows it; the digests of its rows stay beside the ledger."""
    Path(name).write_text("label,text\n" + "".join(f"{row}\n" for row in rows))
    return Thing(kind, name, {"rows": version_of(readers.open(name), sidecar=book.rows).root})


def model(name: str) -> Thing:
    """A model; here its name stands for its bytes."""
    return Thing("model", name, {"sha256": hashlib.sha256(name.encode()).hexdigest()})


# A batch with three poisoned rows, a model that learned from it, and only then a scan.
honest = [f"ham,see you at noon {n}" for n in range(40)]
poison = [f"ham,win a prize cf {n}" for n in range(3)]
feed = Thing("source", "https://feed.example", {"sha256": "5e" * 32})
batch, kept = written("batch.csv", honest + poison), written("kept.csv", honest)
aside = written("aside.csv", poison, "rows")
record = Thing("record", "scan/record.json", {"sha256": "7a" * 32})
verdict = {"verdict": "poisoned", "alpha": 0.01, "accused": f"rows:{aside.digest['rows']}"}

book.record(
    Event("source_registered", (feed,)),
    Event("dataset_version", (batch,), (feed,), {"rows": 43}),
    Event("model_trained", (model("ate"),), (batch,)),
    Event("checkpoint_promoted", (), (model("ate"),), {"to": "shop"}),
    Event("model_trained", (model("tuned"),), (model("ate"),)),
    Event("scan_verdict", (record,), (batch,), verdict),
    Event("cleaning_decision", (kept, aside), (batch, record), {"what": "attack"}),
    Event("model_trained", (model("anew"),), (kept,)),
)

for question in ("batch.csv", "batch.csv#41", "batch.csv#0"):
    answer = ask(book, Question(Words().meant(question)), Sidecars(book.rows))
    print(f"{question}: {answer.verdict}")
    for one in answer.models:
        print(f"  {answer.thing(one.thing).name}: {one.how}")
    for step in answer.todo:
        print(f"  {step.act} {answer.thing(step.thing).name}: {step.why}")

write(ask(book, Question(Words().meant("batch.csv"))), Path("lineage.html"))
print("lineage.html needs no network; each entry can be checked: foretaste ledger prove N")
