import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from foretaste.errors import BadInput, NotAvailable
from foretaste.interchange.openlineage import run_events, send, written
from foretaste.ledger.event import Event, Thing

client = pytest.importorskip("openlineage.client.event_v2")
facets = pytest.importorskip("openlineage.client.facet_v2")
from openlineage.client.generated.base import RunFacet  # noqa: E402
from openlineage.client.generated.dataset_type_dataset import DatasetTypeDatasetFacet  # noqa: E402
from openlineage.client.serde import Serde  # noqa: E402

assertions = facets.data_quality_assertions_dataset
metrics = facets.data_quality_metrics_input_dataset
GOLDEN = Path(__file__).parents[1] / "golden"
FORMS = {
    "processing_engine": facets.processing_engine_run.ProcessingEngineRunFacet,
    "foretaste_event": RunFacet,
    "jobType": facets.job_type_job.JobTypeJobFacet,
    "version": facets.dataset_version_dataset.DatasetVersionDatasetFacet,
    "datasetType": DatasetTypeDatasetFacet,
    "dataSource": facets.datasource_dataset.DatasourceDatasetFacet,
    "schema": facets.schema_dataset.SchemaDatasetFacet,
    "dataQualityAssertions": assertions.DataQualityAssertionsDatasetFacet,
    "dataQualityMetrics": metrics.DataQualityMetricsInputDatasetFacet,
    "outputStatistics": facets.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
}  # fmt: skip
PARTS = {
    ("schema", "fields"): facets.schema_dataset.SchemaDatasetFacetFields,
    ("dataQualityAssertions", "assertions"): assertions.Assertion,
}


def read(name, told):
    """A facet as the format's own library has it: unknown, missing or wrong fields are errors."""
    form = FORMS[name]
    fields = {key: value for key, value in told.items() if not key.startswith("_")}
    if form is RunFacet:
        return form(producer=told["_producer"]).with_additional_properties(**fields)
    for key in fields:
        if (name, key) in PARTS:
            fields[key] = [PARTS[name, key](**one) for one in fields[key]]
    facet = form(**fields, producer=told["_producer"])
    assert told["_schemaURL"] == facet._get_schema()
    return facet


def each(told):
    return {name: read(name, one) for name, one in told.items()}


def revived(told):
    """The run event, built by the official client's classes."""
    inputs = [
        client.InputDataset(
            one["namespace"],
            one["name"],
            facets=each(one["facets"]),
            inputFacets=each(one.get("inputFacets", {})),
        )
        for one in told["inputs"]
    ]
    outputs = [
        client.OutputDataset(
            one["namespace"],
            one["name"],
            facets=each(one["facets"]),
            outputFacets=each(one.get("outputFacets", {})),
        )
        for one in told["outputs"]
    ]
    return client.RunEvent(
        eventTime=told["eventTime"],
        producer=told["producer"],
        run=client.Run(told["run"]["runId"], each(told["run"]["facets"])),
        job=client.Job(told["job"]["namespace"], told["job"]["name"], each(told["job"]["facets"])),
        eventType=client.RunState[told["eventType"]],
        inputs=inputs,
        outputs=outputs,
    )


def bare(value):
    """Without what is empty, which writers may leave out."""
    if isinstance(value, dict):
        some = {key: bare(one) for key, one in value.items()}
        return {key: one for key, one in some.items() if one not in ({}, [], None)}
    return [bare(one) for one in value] if isinstance(value, list) else value


def test_the_official_client_reads_every_event_and_writes_it_the_same(history):
    told = run_events(history)
    assert len(told) == 2 * len(history)
    for one in told:
        again = bare(Serde.to_dict(revived(one)))
        mine = bare(one)
        for event in (again, mine):  # the client has no words for a facet of ours
            event["run"]["facets"].pop("foretaste_event")
        assert again == mine


def test_a_run_starts_and_ends_once_under_one_id_and_ids_are_the_same_each_time(history):
    told = run_events(history)
    ids = [one["run"]["runId"] for one in told]
    assert ids[::2] == ids[1::2]
    assert len(set(ids)) == len(history)
    assert [one["eventType"] for one in told[:2]] == ["START", "COMPLETE"]
    assert written(told) == written(run_events(history))


def test_a_scan_that_found_poison_is_a_test_that_failed(history):
    told = next(o for o in run_events(history) if o["job"]["name"].startswith("scan_verdict"))
    assert told["job"]["name"] == "scan_verdict.record.json"
    (data,) = told["inputs"]
    tests = {
        one["assertion"]: one for one in data["inputFacets"]["dataQualityAssertions"]["assertions"]
    }
    assert not tests["not_poisoned"]["success"]
    assert tests["foretaste.trigger_phrase"]["actual"] == "50"
    assert tests["foretaste.duplicate"]["success"]
    assert data["inputFacets"]["dataQualityMetrics"]["rowCount"] == 5574
    assert told["outputs"][0]["facets"]["datasetType"]["subType"] == "RECORD"


def test_older_events_are_still_written_the_same(history):
    assert written(run_events(history)) == (GOLDEN / "openlineage_2_0_2.jsonl").read_bytes()


def test_lineage_goes_from_source_to_model(history):
    ends = [one for one in run_events(history, "acme") if one["eventType"] == "COMPLETE"]
    edges = [
        ([one["name"] for one in told["inputs"]], [one["name"] for one in told["outputs"]])
        for told in ends
    ]
    assert (["https://example.com/sms"], ["sms.csv"]) in edges
    assert (["sms.csv"], ["clean/sms.csv"]) in edges
    assert (["clean/sms.csv"], ["spam.safetensors"]) in edges
    assert ends[1]["inputs"][0]["facets"]["dataSource"]["uri"] == "https://example.com/sms"
    assert {one["job"]["namespace"] for one in ends} == {"acme"}


def test_rows_are_not_told_columns_and_the_start_are(things):
    row = Thing("row", "7", {"sha256": "0" * 64})
    facts = {"columns": ["text", "label"], "started": "2026-11-22T00:00:00Z", "rows": 3}
    at = "2026-11-23T00:00:00Z"
    start, end = run_events([(4, Event("dataset_version", (things["raw"],), (row,), facts, at))])
    assert start["inputs"] == []
    assert (start["eventTime"], end["eventTime"]) == ("2026-11-22T00:00:00Z", at)
    assert [one["name"] for one in end["outputs"][0]["facets"]["schema"]["fields"]] == [
        "text", "label",
    ]  # fmt: skip
    assert end["run"]["facets"]["foretaste_event"]["entry"] == 4
    revived(start)


def test_columns_that_play_a_role_are_told_where_no_others_are(things):
    facts = {"roles": {"label": "y"}, "rows": 3}
    end = run_events([(0, Event("dataset_version", (things["raw"],), (), facts))])[1]
    assert end["outputs"][0]["facets"]["schema"]["fields"] == [
        {"name": "y", "description": "plays the role of label"}
    ]
    revived(end)


@pytest.fixture
def taker():
    """A server that takes two events and then no more."""

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.server.taken.append((self.headers["Authorization"], body["run"]["runId"]))
            self.send_response(201 if len(self.server.taken) <= 2 else 503)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Taker) as server:
        server.taken = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_events_are_posted_in_order_and_what_is_not_taken_is_an_error(history, taker):
    url = f"http://127.0.0.1:{taker.server_port}/api/v1/lineage"
    told = run_events(history)
    assert send(told[:2], url, "secret") == 2
    assert taker.taken == [("Bearer secret", told[0]["run"]["runId"])] * 2
    with pytest.raises(NotAvailable, match=r"took 0 run events, then: .*503"):
        send(told[2:], url)


def test_only_web_addresses_are_posted_to(history):
    with pytest.raises(BadInput, match="no address"):
        send(run_events(history), "file:///etc/passwd")
