"""The answer as JSON: what others read, now and later."""

import json
from pathlib import Path

import jsonschema

from foretaste.lineage.answer import SCHEMA, Answer
from foretaste.lineage.asking import Question, ask
from foretaste.lineage.wanted import Wanted
from tests.lineage.stories import Told, cleaned, data, event, promoted, scanned, thing, trained

GOLDEN = Path(__file__).parents[1] / "golden" / f"lineage_schema_{SCHEMA}.json"


def story():
    raw = data("raw.csv")
    return ask(
        Told(
            event("dataset_version", [raw], [thing("source", "feed")], rows=10),
            trained("ate", raw),
            promoted("ate", "shop"),
            scanned(raw, "poisoned", "r", alpha=0.01),
            cleaned(raw, "r", "kept.csv", "gone.csv"),
            trained("anew", data("kept.csv")),
        ),
        Question(Wanted("raw.csv")),
    )


def test_an_answer_of_this_schema_still_reads_and_is_still_given():
    golden = json.loads(GOLDEN.read_text())
    assert golden["schema"] == SCHEMA
    assert Answer.model_validate(golden) == story()


def test_an_answer_is_as_its_schema_says():
    told = json.loads(story().model_dump_json(by_alias=True))
    jsonschema.validate(told, Answer.model_json_schema(by_alias=True))
