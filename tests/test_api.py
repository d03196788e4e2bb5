"""What a scan promises to those who script against it."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from foretaste.api import Options, scan
from foretaste.errors import BadInput, BadRecord, UnreadableInput, WrongRole
from foretaste.record import Verdict
from foretaste.report.files import read_record
from foretaste.scanning.run import Settings

HAM = ["see you at lunch", "call me tonight", "running late again", "thanks for the report"]
SPAM = ["win a free prize now", "claim your cash today", "urgent offer ends soon", "free entry"]
OFF = Options(power="off")


def table(n: int = 300, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    words = [
        " ".join(rng.permutation(((HAM, SPAM)[k][i % 4]).split())) for i, k in enumerate(label)
    ]
    text = [f"{w} {rng.integers(1e9)}" for w in words]
    return pa.table({"text": text, "label": np.array(["ham", "spam"])[label]})


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("scan") / "out"
    rows = table()
    twice = pa.concat_tables([rows, rows.slice(0, 3)])
    return scan(twice, out, OFF), out


def test_the_files_have_the_promised_columns(finished):
    result, out = finished
    rows, findings = pq.read_table(out / "rows.parquet"), pq.read_table(out / "findings.parquet")
    assert rows.schema.names[:5] == ["index", "id", "location", "flagged", "p_value"]
    assert set(rows.schema.names[5:]) == {
        r.name for r in result.record.detectors if r.status == "ran"
    }
    names = ["index", "id", "location", "detector", "kind", "score", "p_value", "reason"]
    assert findings.schema.names == names
    assert rows["index"].to_pylist() == list(range(303))
    assert set(findings["kind"].to_pylist()) <= {"hygiene", "attack"}


def test_every_flagged_row_has_a_finding_and_every_finding_a_flag(finished):
    _, out = finished
    rows, findings = pq.read_table(out / "rows.parquet"), pq.read_table(out / "findings.parquet")
    flagged = rows.filter(rows["flagged"])["index"].to_pylist()
    assert set(flagged) == set(findings["index"].to_pylist())


def test_planted_copies_are_dirt_and_not_an_attack(finished):
    result, _ = finished
    assert result.verdict is Verdict.DIRTY
    assert {300, 301, 302} <= set(result.findings["index"].to_pylist())
    assert result.record.counts.attack == 0


def test_the_record_reads_back_as_it_was_written(finished):
    result, out = finished
    assert read_record(out) == result.record
    counts = result.record.counts
    assert counts.read + counts.refused == counts.found


def test_the_report_is_one_page_that_needs_no_network_and_runs_no_script(finished):
    _, out = finished
    page = (out / "report.html").read_text()
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page
    assert "Dirty, not poisoned" in page


def test_sarif_names_every_rule_it_uses(finished):
    _, out = finished
    [run] = json.loads((out / "findings.sarif").read_text())["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert run["results"]
    assert all(rules[one["ruleIndex"]] == one["ruleId"] for one in run["results"])


def test_the_same_rows_give_the_same_answer_twice(finished):
    result, _ = finished
    rows = table()
    again = scan(pa.concat_tables([rows, rows.slice(0, 3)]), None, OFF)
    assert again.rows.equals(result.rows)
    assert again.record.dataset["fingerprint"] == result.record.dataset["fingerprint"]


def test_no_out_folder_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert scan(table(40), None, OFF).folder is None
    assert not list(tmp_path.iterdir())


def test_what_came_from_the_data_cannot_break_out_of_the_report(tmp_path):
    evil = "<script>alert(1)</script> \" onload='x' {{ 7*7 }}"
    rows = pa.table({"text": [evil, evil, evil], "label": ["<b>", "<b>", "<i>"]})
    scan(rows, tmp_path, OFF)
    page = (tmp_path / "report.html").read_text()
    assert "<script" not in page
    assert "<b>&lt;" not in page
    assert "&lt;script&gt;" in page


def test_a_detector_that_fails_is_reported_and_the_rest_stands(tmp_path, monkeypatch):
    from foretaste.detectors.spectral import Spectral

    def broken(self, batch, model):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(Spectral, "score", broken)
    result = scan(table(100), tmp_path, OFF)
    [run] = [run for run in result.record.detectors if run.name == "spectral"]
    assert run.status == "failed"
    assert "out of luck" in run.detail
    assert result.record.counts.held == 100
    assert any("spectral" in one for one in result.record.not_checked)


def test_an_interrupted_scan_goes_on_where_it_was(tmp_path, monkeypatch):
    from foretaste.encoders.static_text import StaticText

    def interrupt(stage, done, total):
        if stage == "score":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(table(100), tmp_path, OFF, progress=interrupt)

    def not_again(self, batch, model):
        raise AssertionError("encoded again")

    monkeypatch.setattr(StaticText, "encode", not_again)
    result = scan(table(100), tmp_path, OFF)
    assert [r for r in result.record.detectors if r.status == "failed"] == []
    assert not (tmp_path / ".work").exists()


def test_trusted_rows_are_judged_along_but_never_listed(tmp_path):
    result = scan(table(200), tmp_path, Options(power="off", trusted=table(80, seed=9)))
    assert len(result.rows) == 200
    assert result.rows["index"].to_pylist() == list(range(200))


def test_trusted_rows_of_another_kind_are_refused():
    with pytest.raises(WrongRole, match="label"):
        scan(table(50), None, Options(power="off", trusted=pa.table({"text": ["a b", "c d"]})))


def test_a_missing_path_and_an_unknown_role_say_what_to_do(tmp_path):
    with pytest.raises(UnreadableInput):
        scan(str(tmp_path / "nowhere.csv"))
    with pytest.raises(BadInput, match="lable"):
        scan(table(20), None, Options(roles={"label": "lable"}))


def test_a_record_of_a_newer_schema_is_refused_clearly(finished, tmp_path):
    _, out = finished
    raw = json.loads((out / "record.json").read_text()) | {"schema": 99}
    (tmp_path / "record.json").write_text(json.dumps(raw))
    with pytest.raises(BadRecord, match="99"):
        read_record(tmp_path)


def test_only_the_detectors_asked_for_run():
    how = Options(settings=Settings(detectors=("duplicate",)), power="off")
    result = scan(table(50), None, how)
    assert [run.name for run in result.record.detectors] == ["duplicate"]


def test_labels_that_are_no_classes_are_left_alone_and_said_so():
    rows = pa.table(
        {"text": [f"row {i} of many" for i in range(60)], "y": [f"v{i}" for i in range(60)]}
    )
    result = scan(rows, None, Options(roles={"label": "y"}, power="off"))
    assert any("label" in note for note in result.record.not_checked)
