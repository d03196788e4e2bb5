import json
from pathlib import Path

import pytest

from foretaste.errors import BadInput
from foretaste.interchange.cyclonedx import About, bom, written
from foretaste.interchange.scanned import scan_events
from foretaste.interchange.things import ref
from foretaste.ledger.event import Event, Thing
from foretaste.report.files import read_record

GOLDEN = Path(__file__).parents[1] / "golden"


def valid(bill):
    """Passes the strict validator of the format's own library, or says why not."""
    validation = pytest.importorskip("cyclonedx.validation.json")
    from cyclonedx.schema import SchemaVersion

    validator = validation.JsonStrictValidator(SchemaVersion.V1_7)
    error = validator.validate_str(written(bill).decode())
    assert error is None, error


def every(bill):
    """Every object in a bill."""
    waiting = [bill]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def test_a_bill_of_a_whole_history_passes_the_strict_validator(history):
    bill = bom(history, About("spam filter", "Example Ltd"))
    valid(bill)
    kinds = [one["type"] for one in bill["components"]]
    assert kinds == ["data", "data", "data", "machine-learning-model"]


def test_the_validator_would_find_a_fault(history):
    bill = bom(history)
    bill["components"][0]["type"] = "datum"
    with pytest.raises(AssertionError):
        valid(bill)


def test_every_reference_leads_somewhere_and_every_name_is_given_once(history):
    bill = bom(history)
    named = [one["bom-ref"] for one in every(bill) if "bom-ref" in one]
    assert len(named) == len(set(named))
    leading = [one["ref"] for one in every(bill) if "ref" in one]
    leading += [on for one in bill["dependencies"] for on in one.get("dependsOn", ())]
    declared = bill["declarations"]
    leading += [claim["target"] for claim in declared["claims"]]
    leading += [name for claim in declared["claims"] for name in claim["evidence"]]
    for attestation in declared["attestations"]:
        leading.append(attestation["assessor"])
        for row in attestation["map"]:
            leading += [row["requirement"], *row.get("claims", ()), *row.get("counterClaims", ())]
    leading += [one["attributedTo"] for one in bill["citations"]]
    assert set(leading) <= set(named)


def test_a_model_s_card_says_what_it_learned_from_and_what_was_said_of_that(history, things):
    bill = bom(history)
    card = next(one["modelCard"] for one in bill["components"] if "modelCard" in one)
    parameters = card["modelParameters"]
    assert parameters["datasets"] == [{"ref": ref(things["clean"])}]
    assert parameters["approach"] == {"type": "supervised"}
    assert parameters["modelArchitecture"] == "linear_text"
    assert card["quantitativeAnalysis"]["performanceMetrics"] == [
        {"type": "accuracy", "value": "0.991", "slice": "training rows"},
        {"type": "accuracy", "value": "0.975", "slice": "held-out rows"},
        {"type": "model inspection", "value": "clean"},
    ]
    assert "verdict clean" in card["considerations"]["technicalLimitations"][0]
    assert {"name": "foretaste:epsilon", "value": "3.0"} in card["properties"]


def test_a_model_that_ate_poison_or_what_nobody_scanned_says_so_in_its_card(history, things):
    fed = Thing("model", "bad", {"sha256": "1" * 64})
    unknown = Thing("dataset", "unknown", {"rows": "2" * 64})
    at = "2026-11-30T00:00:00Z"
    meal = Event("model_trained", (fed,), (things["raw"], unknown), {"recipe": "own"}, at)
    bill = bom([*history, (9, meal)])
    valid(bill)
    card = next(one["modelCard"] for one in bill["components"] if one["name"] == "bad")
    limits = card["considerations"]["technicalLimitations"]
    assert limits[0].startswith("POISONED, and learned from: sms.csv: verdict poisoned")
    assert limits[1] == "sms.csv: planted poison of kind rare_word was found from 10 rows on"
    assert limits[2] == "unknown: learned from, and no scan of it is written down"
    assert "approach" not in card["modelParameters"]


def test_a_part_that_nobody_scanned_is_told_with_the_scan_of_the_whole(history, things):
    bill = bom([one for one in history if one[0] != 4])
    card = next(one["modelCard"] for one in bill["components"] if "modelCard" in one)
    limits = card["considerations"]["technicalLimitations"]
    assert limits[0] == "clean/sms.csv: learned from, and no scan of it is written down"
    assert limits[1].startswith("clean/sms.csv was made from sms.csv: verdict poisoned")


def test_a_mended_model_learned_what_the_one_before_did(history, things):
    mended = Thing("model", "mended", {"sha256": "3" * 64})
    trusted = Thing("dataset", "trusted", {"rows": "4" * 64})
    facts = {"repair": "trigger_unlearning", "measured": {"before": {"success": 0.98, "note": "x"},
             "after": {"success": 0.02}}}  # fmt: skip
    record = Thing("record", "inspection.json", {"sha256": "5" * 64})
    at = "2026-11-30T00:00:00Z"
    bill = bom([
        *history,
        (7, Event("model_mended", (mended,), (things["model"], trusted), facts, at)),
        (8, Event("model_verdict", (record,), (mended,), {"verdict": "suspicious"}, at)),
    ])  # fmt: skip
    valid(bill)
    card = next(one["modelCard"] for one in bill["components"] if one["name"] == "mended")
    eaten = [one["ref"] for one in card["modelParameters"]["datasets"]]
    assert eaten == [ref(things["clean"]), ref(trusted)]
    assert card["quantitativeAnalysis"]["performanceMetrics"] == [
        {"type": "success", "value": "0.98", "slice": "before"},
        {"type": "success", "value": "0.02", "slice": "after"},
        {"type": "model inspection", "value": "suspicious"},
    ]


def test_a_registered_provider_stands_as_custodian_of_its_data(things):
    provider = Thing("source", "example.com/provider", {"sha256": "6" * 64})
    at = "2026-11-30T00:00:00Z"
    bill = bom([
        (0, Event("source_registered", (provider,), (), {"key": "k", "sources": ["a"]}, at)),
        (1, Event("dataset_version", (things["raw"],), (provider,), {"rows": 3}, at)),
    ])  # fmt: skip
    valid(bill)
    wanted = {"custodians": [{"organization": {"name": "example.com/provider"}}]}
    assert [one["data"][0]["governance"] for one in bill["components"]] == [wanted, wanted]


def test_a_poisoned_set_has_a_counter_claim_with_its_evidence(history, things):
    declared = bom(history, About(organisation="Example Ltd"))["declarations"]
    first, second = (one["map"][0] for one in declared["attestations"])
    assert first["conformance"]["score"] == 0
    assert "claims" not in first
    assert second["conformance"]["score"] == 1
    assert "counterClaims" not in second
    assert second["confidence"]["rationale"] == "its power was not measured in this scan"
    assert declared["claims"][0]["target"] == ref(things["raw"])
    told = declared["evidence"][0]["data"]
    facts = json.loads(told[0]["contents"]["attachment"]["content"])
    assert facts["alpha"] == 0.01
    assert [one["name"] for one in facts["detectors"]] == ["trigger_phrase", "duplicate"]
    assert told[1]["contents"]["url"] == f"urn:{ref(things['record'])}"
    assert told[2]["name"] == "entry 2 of the ledger"
    assert declared["assessors"][0]["organization"]["name"] == "Example Ltd"


def test_a_verdict_that_says_nothing_is_not_taken_for_clean(things):
    at = "2026-11-30T00:00:00Z"
    bill = bom([(0, Event("scan_verdict", (), (things["raw"],), {}, at))])
    valid(bill)
    assert bill["declarations"]["attestations"][0]["map"][0]["conformance"]["score"] == 0


def test_data_says_who_owns_and_who_gave_it_and_has_its_hash(history, things):
    listed = {one["bom-ref"]: one for one in bom(history)["components"]}
    source, raw = listed[ref(things["source"])], listed[ref(things["raw"])]
    assert source["data"][0]["governance"] == {"owners": [{"organization": {"name": "Ada"}}]}
    assert raw["data"][0]["governance"] == {"custodians": [{"organization": {"name": "Bob"}}]}
    assert raw["hashes"] == [{"alg": "SHA-256", "content": things["raw"].digest["sha256"]}]
    assert "hashes" not in listed[ref(things["clean"])]  # a root over rows is no hash of a file
    rows = {"name": "foretaste:digest:rows", "value": things["clean"].digest["rows"]}
    assert rows in listed[ref(things["clean"])]["properties"]


def test_what_came_from_what_is_the_graph_of_dependencies(history, things):
    on = {one["ref"]: one["dependsOn"] for one in bom(history)["dependencies"]}
    assert on[ref(things["model"])] == [ref(things["clean"])]
    assert on[ref(things["clean"])] == [ref(things["raw"])]
    assert on[ref(things["raw"])] == [ref(things["source"])]
    assert on[ref(things["source"])] == []


def test_what_was_done_is_a_workflow_in_which_each_entry_is_a_task(history):
    flow = bom(history)["formulation"][0]["workflows"][0]
    assert [task["taskTypes"][0] for task in flow["tasks"]] == [
        "other", "other", "scan", "clean", "scan", "build", "test",
    ]  # fmt: skip
    assert {"name": "foretaste:ledger:entry", "value": "3"} in flow["tasks"][3]["properties"]
    assert flow["tasks"][3]["outputs"][0]["type"] == "artifact"


def test_the_same_events_give_the_same_bytes_and_others_another_serial_number(history):
    assert written(bom(history)) == written(bom(history))
    assert bom(history)["serialNumber"] != bom(history[:3])["serialNumber"]
    assert bom(history)["metadata"]["timestamp"] == "2026-11-26T04:05:06Z"
    told = About(timestamp="2027-01-01T00:00:00Z")
    assert bom(history, told)["metadata"]["timestamp"] == "2027-01-01T00:00:00Z"


def test_nothing_to_list_is_an_error(things):
    with pytest.raises(BadInput, match="nothing to list"):
        bom([(0, Event("human_decision", (), (Thing("row", "a", {"sha256": "0" * 64}),)))])


def test_one_scan_alone_gives_a_bill_without_a_ledger(tmp_path, things):
    (tmp_path / "record.json").write_bytes((GOLDEN / "record_schema_1.json").read_bytes())
    record = read_record(tmp_path)
    bill = bom(scan_events(record, things["raw"], tmp_path))
    valid(bill)
    assert bill["metadata"]["timestamp"] == "2026-11-22T13:45:16Z"
    assert "ledger:entry" not in written(bill).decode()
    assert bill["declarations"]["claims"][0]["predicate"].startswith("poison was found")


def test_an_older_bill_is_still_written_the_same(history):
    golden = GOLDEN / "bom_1_7.json"
    told = json.loads(golden.read_text())
    said = json.loads(written(bom(history, About("spam filter", "Example Ltd"))))
    for bill in (told, said):  # the version of this program is its own
        bill["metadata"]["tools"]["components"][0].pop("version")
        bill.pop("serialNumber")
    assert said == told
