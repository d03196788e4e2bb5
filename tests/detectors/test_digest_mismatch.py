import hashlib
import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from foretaste import readers
from foretaste.attacks.provenance_spoofing import ProvenanceSpoofing
from foretaste.attacks.split_view import SplitView
from foretaste.data import Batch
from foretaste.detectors.digest_mismatch import DigestMismatch
from foretaste.roles.infer import infer
from foretaste.testing import learn

TEXTS = [f"honest text number {i} of this list" for i in range(40)]


def scored(rows):
    return DigestMismatch().score(rows, learn(DigestMismatch(), [rows])) > 0


def recorded(rows, name="sha256"):
    said = [hashlib.new(name, text.encode()).hexdigest() for text in rows["text"]]
    return rows.having(digest=said)


@pytest.fixture
def listed():
    label = [i % 2 for i in range(40)]
    source = [f"s{i % 4}" for i in range(40)]
    return recorded(Batch(range(40), {"text": TEXTS, "label": label, "source": source}))


@pytest.mark.parametrize("attack", [SplitView(5, target=1), ProvenanceSpoofing(5, target=1)])
def test_it_finds_every_row_that_was_exchanged_after_it_was_listed(listed, attack):
    poisoned, touched = attack.poison(listed, np.random.default_rng(0))
    assert scored(poisoned).tolist() == touched.tolist()


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256", "sha512"])
def test_it_is_silent_where_all_is_as_it_was(listed, name):
    rows = recorded(listed, name)
    assert not scored(rows).any()
    assert not scored(rows.having(digest=[f"{name}:{one.upper()}" for one in rows["digest"]])).any()


def test_it_is_silent_where_the_digests_are_of_something_else(listed):
    other = listed.having(digest=[hashlib.sha256(b"%d" % i).hexdigest() for i in range(40)])
    assert not scored(other).any()
    reason = DigestMismatch().explain(other, 0, learn(DigestMismatch(), [other]))
    assert "something else" in reason


def test_rows_without_a_digest_are_not_judged(listed):
    said = [None if i < 3 else one for i, one in enumerate(listed["digest"])]
    rows = listed.having(digest=pa.array(said, pa.large_string()), text=["x", *TEXTS[1:39], "y"])
    assert np.flatnonzero(scored(rows)).tolist() == [39]


def test_it_is_blind_to_what_was_poisoned_before_it_was_listed(listed):
    poisoned, _ = SplitView(5, target=1).poison(listed, np.random.default_rng(0))
    assert not scored(recorded(poisoned)).any()


def test_images_are_compared_as_files():
    files = []
    for i in range(6):
        out = io.BytesIO()
        Image.fromarray(np.full((4, 4), 20 * i, np.uint8)).save(out, "PNG")
        files.append(out.getvalue())
    said = [hashlib.sha256(one).hexdigest() for one in files]
    files[2] = files[3]
    rows = Batch(range(6), {"image": pa.array(files, pa.large_binary()), "digest": said})
    assert np.flatnonzero(scored(rows)).tolist() == [2]


def test_a_column_of_digests_is_found_by_name_and_by_what_stands_in_it(tmp_path):
    lines = [f"{text},{hashlib.sha256(text.encode()).hexdigest()}" for text in TEXTS]
    (tmp_path / "list.csv").write_text("\n".join(["text,sha256", *lines]) + "\n")
    source = readers.open(str(tmp_path / "list.csv"))
    assert source.roles == {"text": "text", "digest": "sha256"}
    (batch,) = source
    assert not scored(batch).any()
    hashes = {"text": TEXTS, "hash": [str(i) for i in range(40)]}
    assert "digest" not in infer(hashes, {}).roles
