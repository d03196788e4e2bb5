"""A data set's version is one root; each row has its proof, and no change stays unseen."""

import contextlib
import hashlib
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretaste import readers
from foretaste.data import Batch, Refusal
from foretaste.errors import BadRecord
from foretaste.ledger import merkle
from foretaste.ledger.refusals import MalformedProof, WrongInclusion
from foretaste.versions import RowProof, Rows, check_row, encoded, hashing, row_digests, version_of
from foretaste.versions.hashing import parents, root_of, sha256_each
from foretaste.versions.rows import MAGIC


def rows(count, word="row"):
    return Batch([""] * count, {"text": [f"{word} {i}" for i in range(count)]})


def plain_root(entries):
    """The definition of RFC 6962, word for word."""
    if not entries:
        return hashlib.sha256().digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\0" + entries[0]).digest()
    half = 1
    while half * 2 < len(entries):
        half *= 2
    both = plain_root(entries[:half]) + plain_root(entries[half:])
    return hashlib.sha256(b"\1" + both).digest()


@given(st.integers(0, 200), st.lists(st.integers(1, 70), max_size=5))
def test_the_root_is_that_of_the_definition_however_rows_are_cut(count, cuts):
    whole, start, parts = rows(count), 0, []
    for cut in cuts:
        parts.append(whole.take(np.arange(start, min(count, start + cut))))
        start = min(count, start + cut)
    parts.append(whole.take(np.arange(start, count)))
    found = version_of(parts)
    assert found.root == plain_root(encoded(whole).to_pylist()).hex()
    assert (found.rows, found.refused) == (count, 0)


def test_hashlib_alone_gives_the_same_roots(monkeypatch):
    with_help = version_of([rows(5_000)])
    monkeypatch.setattr(hashing, "_column_hash", lambda: None)
    assert version_of([rows(5_000)]) == with_help


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=130))
def test_columns_are_hashed_as_one_message_after_the_other(messages):
    half = len(messages) // 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashing, "FEW", 1)
        columns = [pa.array(part, pa.large_binary()) for part in (messages[:half], messages[half:])]
        found = sha256_each(*(column for column in columns if len(column)))
    assert [one.tobytes() for one in found] == [hashlib.sha256(m).digest() for m in messages]


def test_a_library_that_gives_wrong_hashes_is_found_out(monkeypatch):
    monkeypatch.setattr(hashing, "_column_hash", lambda: lambda m: np.zeros((len(m), 32), "u1"))
    with pytest.raises(hashing.WrongHashes):
        version_of([rows(2_000)])


@pytest.mark.parametrize("width", [2, 8])
def test_trees_larger_than_one_subtree_have_the_root_of_the_definition(monkeypatch, width):
    monkeypatch.setattr(hashing, "WIDTH", width)
    for count in range(40):
        leaves = row_digests(rows(count)).reshape(-1, 32)
        wanted = plain_root(encoded(rows(count)).to_pylist())
        assert root_of(np.array_split(leaves, 3)) == wanted


def test_the_tree_is_that_of_the_ledger():
    leaves = [merkle.leaf_hash(bytes([i])) for i in range(5)]
    level = np.frombuffer(b"".join(leaves), np.uint8).reshape(-1, 32)
    assert parents(level)[0].tobytes() == merkle.node_hash(*leaves[:2])
    assert parents(level)[2].tobytes() == leaves[4]


def test_order_number_and_content_of_rows_are_in_the_root():
    one = rows(9)
    roots = {version_of([batch]).root for batch in (
        one, one.take([1, 0, *range(2, 9)]), one.take(range(8)), one.take([*range(9), 8]),
        rows(9, "other"),
    )}  # fmt: skip
    assert len(roots) == 5


def test_refused_rows_are_counted_and_not_in_the_root():
    one = rows(3)
    refusals = [Refusal(3, "rows:4", "empty")]
    more = Batch(one.arrow_ids(), {"text": one.arrow("text")}, refused=refusals)
    assert version_of([more]).root == version_of([one]).root
    assert version_of([more]).refused == 1


def test_progress_is_told_of_every_row():
    told = []
    version_of([rows(10), rows(5)], told.append)
    assert sum(told) == 15


def test_large_batches_are_hashed_in_pieces(monkeypatch):
    from foretaste.versions import version

    whole = version_of([rows(300)])
    monkeypatch.setattr(version, "BYTES", 500)
    told = []
    assert version_of([rows(300)], told.append) == whole
    assert len(told) > 5


@pytest.fixture
def kept(tmp_path):
    return version_of([rows(300), rows(5)], sidecar=tmp_path / "rows")


def test_every_row_is_found_and_proven(kept):
    opened = Rows.open(kept.path)
    assert (opened.root, len(opened)) == (kept.root, 305)
    for position, digest in enumerate(row_digests(rows(300))):
        assert position in opened.find(digest.tobytes())
        check_row(digest.tobytes(), opened.proof(position), kept.root)
    assert opened.find(row_digests(rows(1))[0].tobytes()) == (0, 300)


def test_a_row_that_is_not_there_is_not_found_and_not_proven(kept):
    opened = Rows.open(kept.path)
    other = row_digests(rows(1, "other"))[0].tobytes()
    assert opened.find(other) == opened.find(b"short") == ()
    with pytest.raises(WrongInclusion):
        check_row(other, opened.proof(0), kept.root)
    with pytest.raises(MalformedProof):
        opened.proof(305)


def test_a_proof_holds_for_its_own_position_and_version_only(kept):
    proof = Rows.open(kept.path).proof(7)
    with pytest.raises(WrongInclusion):
        check_row(proof.digest, proof, version_of([rows(305)]).root)


@pytest.mark.parametrize("at", [0, 20, 30, 60, 64, 64 + 32 * 305 - 1])
def test_a_damaged_byte_is_found_when_the_file_is_opened(kept, at):
    content = bytearray(kept.path.read_bytes())
    content[at] ^= 1
    kept.path.write_bytes(content)
    with pytest.raises(BadRecord):
        Rows.open(kept.path)


@pytest.mark.parametrize("change", [lambda c: c[:-1], lambda c: c[:-32], lambda c: c + b"0" * 32,
                                    lambda c: b"", lambda c: c[:40]])  # fmt: skip
def test_a_file_of_another_length_is_refused(kept, change):
    kept.path.write_bytes(change(kept.path.read_bytes()))
    with pytest.raises(BadRecord):
        Rows.open(kept.path)


def test_a_file_under_another_versions_name_is_refused(kept, tmp_path):
    with pytest.raises(BadRecord, match="damaged"):
        Rows.open(kept.path.rename(tmp_path / ("0" * 64 + ".rows")))


def test_nothing_is_left_behind_when_reading_fails(tmp_path):
    def broken():
        yield rows(100)
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        version_of(broken(), sidecar=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_digests_can_be_deleted_and_the_root_stands(kept):
    kept.path.unlink()
    assert version_of([rows(300), rows(5)]).root == kept.root
    with pytest.raises(BadRecord):
        Rows.open(kept.path)


def test_no_rows_have_a_version_too(tmp_path):
    none = version_of([], sidecar=tmp_path)
    assert none.root == hashlib.sha256().hexdigest()
    assert len(Rows.open(none.path)) == 0


def test_a_data_set_read_from_disk_has_the_version_of_its_rows(tmp_path):
    (tmp_path / "rows.csv").write_text(
        "label,text\n" + "ham,see you at noon\nspam,win a prize\n" * 20
    )
    source = readers.open(tmp_path / "rows.csv")
    assert version_of(source) == version_of(source)
    assert version_of(source).rows == 40


def test_a_proof_travels_as_json(kept):
    proof = Rows.open(kept.path).proof(7)
    assert RowProof.read(proof.content) == proof


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)


@given(st.sampled_from(["position", "rows", "digest", "path"]), JSON)
def test_any_value_in_a_proof_is_refused_unless_it_is_right(name, value):
    leaves = [digest.tobytes() for digest in row_digests(rows(3))]
    proof = RowProof(0, 3, leaves[0], (leaves[1], leaves[2]))
    root = version_of([rows(3)]).root
    check_row(leaves[0], proof, root)
    said = {**json.loads(proof.content), name: value}
    with contextlib.suppress(MalformedProof, WrongInclusion):
        other = RowProof.read(json.dumps(said).encode())
        check_row(leaves[0], other, root)
        assert (other.position, other.rows, other.path) == (0, 3, proof.path)


@pytest.mark.parametrize("root", ["", "ab", "x" * 64, "AB" * 32])
def test_a_root_that_is_none_is_malformed(kept, root):
    proof = Rows.open(kept.path).proof(0)
    with pytest.raises(MalformedProof):
        check_row(proof.digest, proof, root)


@given(st.binary(max_size=200), st.booleans())
@settings(max_examples=100)
def test_any_bytes_are_no_digests_of_rows(tmp_path_factory, rubbish, led):
    path = tmp_path_factory.mktemp("rows") / "x.rows"
    path.write_bytes((MAGIC if led else b"") + rubbish)
    with pytest.raises(BadRecord):
        Rows.open(path)
