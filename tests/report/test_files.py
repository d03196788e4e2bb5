"""Records of every released schema can still be read."""

import json
import shutil
from pathlib import Path

import pytest

from foretaste.errors import BadRecord
from foretaste.report.files import read_record

GOLDEN = sorted((Path(__file__).parent.parent / "golden").glob("record_schema_*.json"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_golden_record_still_reads(path, tmp_path):
    shutil.copy(path, tmp_path / "record.json")
    record = read_record(tmp_path)
    assert record.verdict == "poisoned"
    assert record.counts.read + record.counts.refused == record.counts.found


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "null", '{"schema": 1}', '{"schema": 1, "verdict": 7}']
)
def test_a_damaged_record_is_refused_clearly(text, tmp_path):
    (tmp_path / "record.json").write_text(text)
    with pytest.raises(BadRecord, match=r"record\.json"):
        read_record(tmp_path)


def test_an_unknown_field_is_refused_so_that_nothing_is_read_wrongly(tmp_path):
    raw = json.loads(GOLDEN[0].read_text()) | {"surprise": 1}
    (tmp_path / "record.json").write_text(json.dumps(raw))
    with pytest.raises(BadRecord, match="surprise"):
        read_record(tmp_path)
