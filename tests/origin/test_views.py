"""Lists of addresses: indexed, read later, and what is other then."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from foretaste.errors import BadInput, BadRecord, UnreadableInput
from foretaste.origin.digests import Digests, Sight
from foretaste.origin.fetching import Bounds
from foretaste.origin.listing import CHUNK, Indexing, UrlList
from foretaste.origin.views import compared

HERE = Indexing(Bounds(private=True, seconds=10), workers=2)


@pytest.fixture
def listed(site, tmp_path):
    """Eight addresses in a CSV with captions; one is there twice, one leads nowhere."""
    site.pages = {f"/{i}": f"image {i}".encode() for i in range(6)}
    names = [f"/{i}" for i in range(6)] + ["/0", "/none"]
    path = tmp_path / "list.csv"
    rows = [f'{site.at(name)},"a caption, {i}"' for i, name in enumerate(names)]
    path.write_text("\n".join(["url,caption", *rows]) + "\n")
    return path


def counts(path, then, now):
    return compared(UrlList.read(path), then, now).counts


def test_nothing_is_other_where_nothing_changed(listed, tmp_path):
    read = UrlList.read(listed)
    then, now = HERE(read, tmp_path / "then.parquet"), HERE(read, tmp_path / "now.parquet")
    assert then.root == now.root
    assert counts(listed, then, now) == {"unrecorded": 1}
    assert compared(read, then, now).kept.tolist() == [True] * 7 + [False]


def test_changed_missing_unlisted_and_removed_rows_are_found_where_they_stand(
    site, listed, tmp_path
):
    then = HERE(UrlList.read(listed), tmp_path / "then.parquet")
    site.pages["/1"], site.pages["/2"] = b"poison", 404
    site.pages["/new"] = b"more poison"
    lines = listed.read_text().splitlines()
    del lines[4]  # image 3
    listed.write_text("\n".join([*lines, f"{site.at('/new')},a new one"]) + "\n")
    read = UrlList.read(listed)
    found = compared(read, then, HERE(read, tmp_path / "now.parquet"))
    told = {(one.kind.value, one.url.rpartition("/")[2], one.place) for one in found.found}
    assert told == {
        ("changed", "1", "list.csv:3"), ("missing", "2", "list.csv:4"), ("removed", "3", ""),
        ("unrecorded", "none", "list.csv:8"), ("unlisted", "new", "list.csv:9"),
    }  # fmt: skip
    read.write(tmp_path / "kept", found.kept)
    kept = (tmp_path / "kept/list.csv").read_text().splitlines()
    assert kept == ["url,caption", *(lines[i] for i in (1, 4, 5, 6))]
    found.write(tmp_path / "found.jsonl")
    assert len((tmp_path / "found.jsonl").read_text().splitlines()) == 5


def test_an_index_that_was_interrupted_goes_on_where_it_was(site, tmp_path, monkeypatch):
    site.pages = {f"/{i}": b"%d" % i for i in range(2 * CHUNK)}
    path = tmp_path / "list.txt"
    path.write_text("".join(f"{site.at(one)}\n" for one in site.pages))
    done = []

    def stopped(stage, some, total):
        done.append(some)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        HERE(UrlList.read(path), tmp_path / "d.parquet", stopped)
    assert done == [CHUNK]
    with (tmp_path / "d.parquet.part").open("ab") as torn:
        torn.write(b'[{"url": "http://to')
    site.asked.clear()
    digests = HERE(UrlList.read(path), tmp_path / "d.parquet")
    assert len(site.asked) == CHUNK
    assert len(digests.sights) == 2 * CHUNK
    assert not (tmp_path / "d.parquet.part").exists()
    assert Digests.read(tmp_path / "d.parquet").root == digests.root


def test_what_was_checked_can_be_what_is_kept(site, listed, tmp_path):
    kept = {}
    watched = Indexing(HERE.bounds, 2, lambda sight, content: kept.update({sight.url: content}))
    watched(UrlList.read(listed), tmp_path / "d.parquet")
    assert kept[site.at("/4")] == b"image 4"


@pytest.mark.parametrize("kind", ["txt", "jsonl", "parquet"])
def test_lists_are_read_and_written_in_their_own_format(tmp_path, kind):
    urls = [f"http://a.example/{i}" for i in range(4)]
    path = tmp_path / f"list.{kind}"
    if kind == "txt":
        path.write_text("\n".join([*urls[:2], "", *urls[2:]]) + "\n")
    elif kind == "jsonl":
        path.write_text(
            "".join(json.dumps({"URL": url, "n": i}) + "\n" for i, url in enumerate(urls))
        )
    else:
        pq.write_table(pa.table({"image_url": urls, "TEXT": list("abcd")}), path)
    read = UrlList.read(path)
    assert [url for url in read.urls if url] == urls
    kept = np.array([url == urls[2] for url in read.urls])
    read.write(tmp_path / "kept", kept)
    again = UrlList.read(tmp_path / "kept" / path.name)
    assert list(again.urls) == [urls[2]]


def test_a_list_without_addresses_is_refused(tmp_path):
    (tmp_path / "list.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadInput, match="--column"):
        UrlList.read(tmp_path / "list.csv")
    (tmp_path / "list.csv").write_text("a,where\n1,http://x.example\n")
    assert UrlList.read(tmp_path / "list.csv", "where").urls == ["http://x.example"]


def test_digests_that_were_changed_do_not_have_their_root(tmp_path):
    path = tmp_path / "d.parquet"
    Digests([Sight("http://a", "0" * 64, 1, 5.0), Sight("http://b", None, 0, 6.0, "gone")]).write(
        path
    )
    found = Digests.read(path)
    assert (found.taken, found.by_url["http://b"].problem) == ((5.0, 6.0), "gone")
    table = pq.read_table(path)
    changed = table.set_column(1, "sha256", pa.array(["1" * 64, None], pa.large_string()))
    pq.write_table(changed.replace_schema_metadata(table.schema.metadata), path)
    with pytest.raises(BadRecord, match="changed"):
        Digests.read(path)
    path.write_bytes(b"nonsense")
    with pytest.raises(BadRecord):
        Digests.read(path)
    with pytest.raises(UnreadableInput):
        Digests.read(tmp_path / "none.parquet")


def test_the_root_is_of_what_was_seen_and_not_of_when():
    one, two = (Digests([Sight("http://a", "0" * 64, 1, when)]) for when in (1.0, 2.0))
    assert one.root == two.root != Digests([Sight("http://a", "0" * 64, 2, 1.0)]).root
    assert one.event("list.csv").made[0].digest["rows"] == one.root


def test_it_is_blind_to_poison_that_was_there_when_the_digest_was_taken(site, listed, tmp_path):
    """Frontrunning: the snapshot has it, so nothing is other afterwards."""
    site.pages["/1"] = b"poison, for a minute"
    then = HERE(UrlList.read(listed), tmp_path / "then.parquet")
    assert "changed" not in counts(
        listed, then, HERE(UrlList.read(listed), tmp_path / "now.parquet")
    )


def test_two_snapshots_see_what_stood_for_a_minute(site, listed, tmp_path):
    earlier = HERE(UrlList.read(listed), tmp_path / "earlier.parquet")
    site.pages["/1"] = b"poison, for a minute"
    snapshot = HERE(UrlList.read(listed), tmp_path / "then.parquet")
    site.pages["/1"] = b"image 1"
    assert counts(listed, earlier, snapshot)["changed"] == 1
