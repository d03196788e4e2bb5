import json

import pytest

from foretaste import readers
from foretaste.errors import UnreadableInput

datasets = pytest.importorskip("datasets")
datasets.disable_progress_bars()


def some(rows):
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["ham", "spam"])}
    )
    columns = {
        "text": [f"good morning number {i}" for i in range(rows)],
        "label": [i % 2 for i in range(rows)],
    }
    return datasets.Dataset.from_dict(columns, features)


def test_a_saved_data_set_is_read_with_its_class_names(tmp_path, walk):
    some(40).save_to_disk(tmp_path / "one", num_shards=3)
    walked = walk(tmp_path / "one")
    assert walked.source.format == "huggingface"
    assert walked.column("label")[:2] == ["ham", "spam"]
    assert walked.rows[0]["location"] == "data-00000-of-00003.arrow:1"
    assert len(walked.rows) == 40


def test_all_splits_are_read_and_what_is_written_loads_again(tmp_path, walk, halves):
    whole = datasets.DatasetDict({"train": some(40), "test": some(20)})
    whole.save_to_disk(tmp_path / "all")
    walked = walk(tmp_path / "all")
    assert [row["location"].split("/")[0] for row in walked.rows] == ["train"] * 40 + ["test"] * 20
    kept, removed, chosen = halves(walked)
    again = [datasets.load_from_disk(folder) for folder in (kept, removed)]
    assert sum(len(split) for one in again for split in one.values()) == 60
    assert len(again[0]["train"]) == chosen[:40].sum()
    assert again[0]["train"].features == whole["train"].features
    assert again[0]["train"]._fingerprint != whole["train"]._fingerprint
    assert len(walk(tmp_path / "all" / "test").rows) == 20


def test_a_folder_that_lacks_a_file_is_an_error(tmp_path):
    some(40).save_to_disk(tmp_path / "one", num_shards=2)
    (tmp_path / "one" / "data-00001-of-00002.arrow").unlink()
    with pytest.raises(UnreadableInput, match="lacks"):
        readers.open(tmp_path / "one")
    (tmp_path / "one" / "state.json").write_text("{")
    with pytest.raises(UnreadableInput, match="broken"):
        readers.open(tmp_path / "one")


def test_a_state_cannot_name_a_file_outside(tmp_path):
    some(4).save_to_disk(tmp_path / "one")
    some(4).save_to_disk(tmp_path / "other")
    state = json.loads((tmp_path / "one" / "state.json").read_text())
    state["_data_files"] = [{"filename": "../other/data-00000-of-00001.arrow"}]
    (tmp_path / "one" / "state.json").write_text(json.dumps(state))
    with pytest.raises(UnreadableInput, match="lacks"):
        readers.open(tmp_path / "one")
