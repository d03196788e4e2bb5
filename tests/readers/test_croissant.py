import base64
import contextlib
import gzip
import hashlib
import io
import json
import tarfile
import zipfile

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from foretaste import readers
from foretaste.contracts import Edits
from foretaste.errors import (
    BadInput,
    ForetasteError,
    UnreadableInput,
    UnsafeInput,
    WrongChecksum,
)

CONTEXT = {
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "recordSet": "cr:recordSet",
    "field": "cr:field",
    "source": "cr:source",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "extract": "cr:extract",
    "column": "cr:column",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "conformsTo": "dct:conformsTo",
}
ROWS = "label,text\n" + "".join(
    f"{'ham' if i % 2 else 'spam'},good morning number {i}\n" for i in range(40)
)


def sha(content):
    content = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(content).hexdigest()


def field(name, kind, where, **extract):
    return {
        "@type": "cr:Field", "@id": f"rows/{name}", "dataType": kind,
        "source": {**where, "extract": extract or {"column": name}},
    }  # fmt: skip


def table(where, *more):
    fields = [field("text", "sc:Text", where), field("label", ["sc:Text", "cr:Label"], where)]
    return {"@type": "cr:RecordSet", "@id": "rows", "field": [*fields, *more]}


def file(name, content, **more):
    told = {"@type": "cr:FileObject", "@id": name, "contentUrl": name, "sha256": sha(content)}
    return {**told, "encodingFormat": "text/csv", **more}


def said(nodes, *tables, **more):
    return {
        "@context": CONTEXT, "@type": "sc:Dataset", "name": "rows",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "distribution": nodes, "recordSet": [*tables], **more,
    }  # fmt: skip


def laid(folder, files, description, name="croissant.json"):
    for one, content in files.items():
        (folder / one).parent.mkdir(parents=True, exist_ok=True)
        (folder / one).write_bytes(content.encode() if isinstance(content, str) else content)
    (folder / name).write_text(json.dumps(description))
    return folder / name


WHERE = {"fileObject": {"@id": "rows.csv"}}


def plain(folder, **more):
    told = said([file("rows.csv", ROWS, **more)], table(WHERE))
    return laid(folder, {"rows.csv": ROWS}, told)


def picture(shade):
    buffer = io.BytesIO()
    Image.new("L", (6, 6), shade).save(buffer, "PNG")
    return buffer.getvalue()


PICTURES = {f"train/{kind}/{n}.png": picture(n + 9) for kind in ("cat", "dog") for n in range(5)}
LISTING = "".join(f"{sha(PICTURES[name])}  {name}\n" for name in sorted(PICTURES))


def folder_of_pictures(folder, regex=r"^pictures/train/([^/]+)/.*$", listing=LISTING):
    where = {"fileSet": {"@id": "files"}}
    label = field("label", ["sc:Text", "cr:Label"], where, fileProperty="fullpath")
    label["source"]["cr:transform"] = {"cr:regex": regex}
    nodes = [
        file("pictures", listing, encodingFormat="inode/directory"),
        file("pictures.sha256", listing, encodingFormat="text/plain"),
        {"@type": "cr:FileSet", "@id": "files", "cr:includes": "pictures/*.png",
         "encodingFormat": "image/png"},
    ]  # fmt: skip
    image = field("image", "sc:ImageObject", where, fileProperty="content")
    files = {f"pictures/{name}": content for name, content in PICTURES.items()}
    files["pictures.sha256"] = listing
    records = {"@type": "cr:RecordSet", "@id": "rows", "field": [image, label]}
    return laid(folder, files, said(nodes, records))


def test_a_description_is_read_with_its_roles_and_files(tmp_path, walk):
    plain(tmp_path)
    for path in (tmp_path / "croissant.json", tmp_path, f"{tmp_path}/croissant.json#rows"):
        walked = walk(path)
        assert walked.source.format == "croissant/csv"
        assert walked.source.roles == {"label": "label", "text": "text"}
        assert len(walked.rows) == 40
        assert walked.rows[0]["location"] == "rows.csv:2"
        assert walked.source.notes == ()


def test_what_fields_say_counts_more_than_what_columns_look_like(tmp_path):
    content = "label,kind,text\n" + "".join(f"a,b{i % 2},good day number {i}\n" for i in range(40))
    told = said(
        [file("rows.csv", content)],
        {"@type": "cr:RecordSet", "@id": "r",
         "field": [field("kind", ["sc:Text", "cr:Label"], WHERE)]},
    )  # fmt: skip
    path = laid(tmp_path, {"rows.csv": content}, told)
    assert readers.open(path).roles["label"] == "kind"
    assert readers.open(path, {"label": "label"}).roles["label"] == "label"


def test_a_changed_file_is_not_read_and_the_error_names_it(tmp_path):
    path = plain(tmp_path)
    (tmp_path / "rows.csv").write_text(ROWS + "ham,one more\n")
    with pytest.raises(WrongChecksum, match=r"rows\.csv: its SHA-256 is") as caught:
        readers.open(path)
    assert caught.value.found == sha(ROWS + "ham,one more\n")
    assert caught.value.wanted == sha(ROWS)
    assert isinstance(caught.value, BadInput)


def test_checksums_may_be_in_base64_or_missing_but_not_rubbish(tmp_path):
    digest = base64.b64encode(hashlib.sha256(ROWS.encode()).digest()).decode()
    assert readers.open(plain(tmp_path, sha256=digest)).notes == ()
    assert readers.open(plain(tmp_path, sha256="")).notes == ("no checksum covers rows.csv",)
    with pytest.raises(UnreadableInput, match="no SHA-256"):
        readers.open(plain(tmp_path, sha256="abc"))


def test_both_halves_of_it_are_data_sets_with_right_descriptions(tmp_path, walk, halves):
    walked = walk(plain(tmp_path))
    kept, removed, chosen = halves(walked)
    parts = [walk(folder) for folder in (kept, removed)]
    assert [len(part.rows) for part in parts] == [chosen.sum(), (~chosen).sum()]
    assert sorted(parts[0].column("id") + parts[1].column("id")) == sorted(walked.column("id"))
    assert "croissant.json" in [one.name for one in kept.iterdir()]


def test_rows_that_are_changed_or_new_are_described_anew(tmp_path, walk):
    for name, path in {"plain": plain(tmp_path), "zip": None}.items():
        if path is None:
            content = zipped({"data/rows.csv": ROWS.encode()})
            (tmp_path / name).mkdir()
            path = packed(tmp_path / name, content)
        edits = Edits({3: {"label": "spam"}}, [{"label": "ham", "text": "a new one"}])
        assert readers.open(path).rewrite(tmp_path / f"out-{name}", edits) == {}
        walked = walk(tmp_path / f"out-{name}")
        assert walked.source.notes == ()
        assert walked.column("label")[3] == "spam"
        assert walked.rows[-1]["text"] == "a new one"
        assert len(walked.rows) == 41


def test_a_folder_of_pictures_is_checked_by_its_list(tmp_path, walk, halves):
    walked = walk(folder_of_pictures(tmp_path))
    assert walked.source.format == "croissant/image_folder"
    assert walked.column("label") == ["cat"] * 5 + ["dog"] * 5
    assert walked.source.notes == ()
    kept, removed, _ = halves(walked)
    assert len(walk(kept).rows) + len(walk(removed).rows) == 10
    lines = (kept / "pictures.sha256").read_text().splitlines()
    assert len(lines) == len(walk(kept).rows)


@pytest.mark.parametrize("change", ["changed", "missing", "unlisted"])
def test_a_picture_that_is_not_as_listed_is_named(tmp_path, change):
    path = folder_of_pictures(tmp_path)
    one = tmp_path / "pictures" / "train" / "dog" / "3.png"
    if change == "missing":
        one.unlink()
    else:
        one = one if change == "changed" else one.with_name("33.png")
        one.write_bytes(picture(200))
    with pytest.raises(WrongChecksum, match=f"train/dog/{one.stem}.png"):
        readers.open(path)


def test_the_list_itself_is_checked(tmp_path):
    path = folder_of_pictures(tmp_path)
    (tmp_path / "pictures.sha256").write_text("")
    with pytest.raises(WrongChecksum, match="pictures"):
        readers.open(path)


def test_a_folder_without_its_list_is_checked_as_a_whole(tmp_path, walk):
    path = folder_of_pictures(tmp_path)
    told = json.loads(path.read_text())
    del told["distribution"][1]
    path.write_text(json.dumps(told))
    assert len(walk(path).rows) == 10
    (tmp_path / "pictures" / "train" / "dog" / "3.png").write_bytes(picture(200))
    with pytest.raises(WrongChecksum, match="pictures: its SHA-256"):
        readers.open(path)


def test_files_beside_that_are_not_described_are_not_read(tmp_path, walk):
    path = folder_of_pictures(tmp_path)
    lists = "file_name,label\n" + "".join(f"{name},poisoned\n" for name in PICTURES)
    (tmp_path / "pictures" / "metadata.csv").write_text(lists)
    walked = walk(path)
    assert set(walked.column("label")) == {"cat", "dog"}


def test_a_label_s_pattern_must_say_what_the_folders_say(tmp_path):
    assert readers.open(folder_of_pictures(tmp_path, r"/(cat|dog)/"))
    with pytest.raises(UnreadableInput, match="by its pattern"):
        readers.open(folder_of_pictures(tmp_path, r"^pictures/([^/]+)/.*$"))
    with pytest.raises(UnreadableInput, match="no pattern"):
        readers.open(folder_of_pictures(tmp_path, "(((("))
    path = folder_of_pictures(tmp_path, "(a+)+$")  # would take for ever elsewhere
    assert readers.open(path, {"label": ""}).roles == {"image": "file"}


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(files, mode="w"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def packed(folder, content, name="all.zip", url="data/rows.csv"):
    inner = {"@type": "cr:FileObject", "@id": "rows.csv", "contentUrl": url,
             "cr:containedIn": {"@id": name}, "encodingFormat": "text/csv"}  # fmt: skip
    outer = file(name, content, encodingFormat="application/zip")
    return laid(folder, {name: content}, said([outer, inner], table(WHERE)))


@pytest.mark.parametrize(
    ("pack", "name"),
    [
        (zipped, "all.zip"),
        (tarred, "all.tar"),
        (lambda files: tarred(files, "w:gz"), "all.tar.gz"),
    ],
)
def test_a_table_in_an_archive_is_read_and_written_back_into_one(
    tmp_path, walk, halves, pack, name
):
    content = pack({"data/rows.csv": ROWS.encode(), "other.txt": b"hello"})
    walked = walk(packed(tmp_path, content, name))
    assert len(walked.rows) == 40
    kept, removed, chosen = halves(walked)
    assert [len(walk(one).rows) for one in (kept, removed)] == [chosen.sum(), (~chosen).sum()]
    assert sorted(one.name for one in kept.iterdir()) == sorted([name, "croissant.json"])
    (tmp_path / name).write_bytes(content[:-1] + b"!")
    with pytest.raises(WrongChecksum, match=name):
        readers.open(tmp_path)


def test_a_set_of_pictures_in_an_archive_is_read(tmp_path, walk):
    content = zipped({**PICTURES, "__MACOSX/train/cat/._1.png": b"x"})
    where = {"fileSet": {"@id": "files"}}
    label = field("label", ["sc:Text", "cr:Label"], where, fileProperty="fullpath")
    label["source"]["cr:transform"] = {"cr:regex": r"^train/([^/]+)/.*$"}
    fields = [field("image", "sc:ImageObject", where, fileProperty="content"), label]
    nodes = [
        file("all.zip", content, encodingFormat="application/zip"),
        {"@type": "cr:FileSet", "@id": "files", "cr:containedIn": {"@id": "all.zip"},
         "cr:includes": ["train/*.png"], "cr:excludes": "train/dog/4*",
         "encodingFormat": "image/png"},
    ]  # fmt: skip
    records = {"@type": "cr:RecordSet", "@id": "rows", "field": fields}
    walked = walk(laid(tmp_path, {"all.zip": content}, said(nodes, records)))
    assert walked.column("label") == ["cat"] * 5 + ["dog"] * 4


def test_archives_that_lead_out_or_link_or_swell_are_unsafe(tmp_path):
    for name in ("../rows.csv", "/rows.csv", "a\\rows.csv"):
        with pytest.raises(UnsafeInput, match="leads out"):
            readers.open(packed(tmp_path, tarred({name: ROWS.encode()}), url=name))
    link = io.BytesIO()
    with tarfile.open(fileobj=link, mode="w") as archive:
        info = tarfile.TarInfo("data/rows.csv")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(UnsafeInput, match="link"):
        readers.open(packed(tmp_path, link.getvalue()))
    bomb = zipped({"data/rows.csv": b"a" * (70 << 20)})
    with pytest.raises(UnsafeInput, match="bomb"):
        readers.open(packed(tmp_path, bomb))
    swollen = gzip.compress(tarred({"big": b"\0" * (70 << 20)}))
    with pytest.raises(UnsafeInput, match="bomb"):
        readers.open(packed(tmp_path, swollen))
    twice = io.BytesIO()
    with zipfile.ZipFile(twice, "w") as archive:
        archive.writestr("data/rows.csv", ROWS)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("data/rows.csv", "label,text\n")
    with pytest.raises(UnsafeInput, match="twice"):
        readers.open(packed(tmp_path, twice.getvalue()))


def test_broken_archives_and_lacking_members_are_errors(tmp_path):
    whole = zipped({"data/rows.csv": ROWS.encode()})
    for content, why in ((whole[:-9], "broken"), (b"text", "no archive"), (zipped({}), "nothing")):
        with pytest.raises(UnreadableInput, match=why):
            readers.open(packed(tmp_path, content))


@pytest.mark.parametrize(
    "url",
    ["../secret.csv", "/etc/passwd", "data/../../secret.csv", "..\\secret.csv", "link.csv", "a\0b"],
)
def test_nothing_outside_the_folder_is_opened(tmp_path, url):
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "secret.csv").write_text(ROWS)
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    (folder / "data").mkdir()
    with pytest.raises((UnreadableInput, UnsafeInput), match=r"leads out|no path"):
        readers.open(plain(folder, contentUrl=url))


def test_links_out_of_a_set_of_files_are_refused(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    path = folder_of_pictures(folder)
    (tmp_path / "secret.png").write_bytes(picture(3))
    (folder / "pictures" / "train" / "cat" / "9.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(UnreadableInput, match="leads out"):
        readers.open(path)


def test_nothing_is_fetched_because_a_description_says_so(tmp_path):
    for url in ("http://169.254.169.254/meta", "https://example.com/a.csv?x=1", "file:///etc/passwd",
                "s3://bucket/a.csv"):  # fmt: skip
        told = said([file("other.csv", ROWS, contentUrl=url)],
                    table({"fileObject": {"@id": "other.csv"}}))  # fmt: skip
        with pytest.raises(UnreadableInput, match="nothing is fetched"):
            readers.open(laid(tmp_path, {}, told))


def test_a_file_described_by_an_address_is_looked_for_beside(tmp_path, walk, halves):
    walked = walk(plain(tmp_path, contentUrl="https://example.com/v1/rows.csv?download=1"))
    assert len(walked.rows) == 40
    kept, _, chosen = halves(walked)
    assert len(walk(kept).rows) == chosen.sum()
    assert (
        json.loads((kept / "croissant.json").read_text())["distribution"][0]["contentUrl"]
        == "rows.csv"
    )


def test_over_a_network_what_was_checked_is_what_is_read(walk):
    description = said([file("rows.csv", ROWS)], table(WHERE))
    fsspec.filesystem("memory").pipe(
        {"/far/rows.csv": ROWS.encode(), "/far/croissant.json": json.dumps(description).encode()}
    )
    source = readers.open("memory://far/croissant.json")
    fsspec.filesystem("memory").pipe({"/far/rows.csv": b"label,text\nspam,other words\n"})
    assert sum(map(len, source)) == 40
    with pytest.raises(WrongChecksum, match=r"rows\.csv"):
        readers.open("memory://far/croissant.json")


def test_several_record_sets_must_be_told_apart_and_joins_are_not_followed(tmp_path, walk):
    one, other = table(WHERE), {**table(WHERE), "@id": "again", "name": "second"}
    other["field"] = [{**field, "@id": f"again/{at}"} for at, field in enumerate(other["field"])]
    told = said([file("rows.csv", ROWS)], one, other)
    path = laid(tmp_path, {"rows.csv": ROWS}, told)
    with pytest.raises(UnreadableInput, match=r"several record sets; say which: .*#rows"):
        readers.open(path)
    assert len(walk(f"{path}#second").rows) == 40
    with pytest.raises(UnreadableInput, match="no record set 'third'; there are rows, again"):
        readers.open(f"{path}#third")
    joined = table(WHERE, field("more", "sc:Text", {"fileObject": {"@id": "b.csv"}}))
    told = said([file("rows.csv", ROWS), file("b.csv", ROWS)], joined)
    with pytest.raises(UnreadableInput, match=r"joins rows\.csv, b\.csv"):
        readers.open(laid(tmp_path, {"rows.csv": ROWS, "b.csv": ROWS}, told))


def test_enumerations_and_splits_in_the_description_are_no_record_sets(tmp_path, walk):
    splits = {"@type": "cr:RecordSet", "@id": "splits", "dataType": "cr:Split",
              "cr:data": [{"splits/name": "train"}], "field": []}  # fmt: skip
    told = said([file("rows.csv", ROWS)], splits, table(WHERE))
    assert len(walk(laid(tmp_path, {"rows.csv": ROWS}, told)).rows) == 40


def test_a_field_of_a_column_that_is_not_there_is_an_error(tmp_path):
    told = said([file("rows.csv", ROWS)], table(WHERE, field("age", "sc:Integer", WHERE)))
    with pytest.raises(UnreadableInput, match="column 'age', which the file has not"):
        readers.open(laid(tmp_path, {"rows.csv": ROWS}, told))


def test_files_without_record_sets_say_themselves_what_they_are(tmp_path, walk):
    path = laid(tmp_path, {"rows.csv": ROWS}, said([file("rows.csv", ROWS)]))
    assert len(walk(path).rows) == 40
    files = {"a.csv": ROWS, "b.csv": ROWS}
    nodes = [file(name, content) for name, content in files.items()]
    (tmp_path / "two").mkdir()
    assert len(walk(laid(tmp_path / "two", files, said(nodes))).rows) == 80


def test_a_description_of_itself_is_no_data_set(tmp_path):
    told = said([file("croissant.json", "", sha256="", encodingFormat="?")])
    with pytest.raises(ForetasteError):
        list(readers.open(laid(tmp_path, {}, told), {"text": "nothing"}))


def hugging_face(folder):
    """A description as the Hugging Face hub serves them, in a clone of what it describes."""
    where = {"fileSet": {"@id": "parquet-files"}}
    split = field("split", "sc:Text", where, fileProperty="fullpath")
    split["source"]["cr:transform"] = {"cr:regex": "default/(.+)/.+parquet$"}
    splits = {"@type": "cr:RecordSet", "@id": "default_splits", "dataType": "cr:Split",
              "field": [{"@type": "cr:Field", "@id": "default_splits/split_name"}],
              "cr:data": [{"default_splits/split_name": "train"}]}  # fmt: skip
    nodes = [
        {"@type": "cr:FileObject", "@id": "repo", "encodingFormat": "git+https",
         "contentUrl": "https://huggingface.co/datasets/a/b/tree/refs%2Fconvert%2Fparquet",
         "sha256": "https://github.com/mlcommons/croissant/issues/80"},
        {"@type": "cr:FileSet", "@id": "parquet-files", "cr:containedIn": {"@id": "repo"},
         "encodingFormat": "application/x-parquet", "cr:includes": "default/*/*.parquet"},
    ]  # fmt: skip
    for name in ("train", "test"):
        (folder / "default" / name).mkdir(parents=True)
        rows = {"text": [f"good {name} number {i}" for i in range(20)], "label": [0, 1] * 10}
        pq.write_table(pa.table(rows), folder / "default" / name / "0.parquet")
    return laid(folder, {}, said(nodes, splits, table(where, split)))


def test_a_clone_from_the_hugging_face_hub_is_read_and_its_lack_of_checksums_noted(tmp_path, walk):
    walked = walk(hugging_face(tmp_path))
    assert len(walked.rows) == 40
    assert walked.rows[0]["location"] == "default/test/0.parquet:1"
    assert "no checksum covers the files of parquet-files" in walked.source.notes


def test_records_that_are_lines_or_whole_texts_are_not_read(tmp_path):
    for what in ("lines", "content"):
        one = field("text", "sc:Text", WHERE, fileProperty=what)
        told = said([file("rows.csv", ROWS)], {"@type": "cr:RecordSet", "@id": "r", "field": one})
        with pytest.raises(UnreadableInput, match="no field with a column"):
            readers.open(laid(tmp_path, {"rows.csv": ROWS}, told))


def test_a_transform_that_is_not_followed_is_noted(tmp_path):
    told = said([file("rows.csv", ROWS)], table(WHERE))
    told["recordSet"][0]["field"][0]["source"]["cr:transform"] = {"cr:regex": "(.*)"}
    source = readers.open(laid(tmp_path, {"rows.csv": ROWS}, told))
    assert source.notes == ("rows/text is read as it stands: its transform is not followed",)


@pytest.mark.parametrize(
    "bent",
    [
        {"contentUrl": "sc:description"},
        {"sha256": None},
        {"contentUrl": {"@id": "sc:url"}},
        {"where": "sc:contentUrl"},
        {"where": "contentUrl"},
        {"where": "http://schema.org/contentUrl"},
        {"kind": "@type"},
        {"@vocab": "https://evil.example/"},
        {"cr": "https://evil.example/"},
        {"x": "sc:content", "y": "x:Url"},
        {"@import": "https://evil.example/context"},
        {"distribution": {"@reverse": "sc:distribution"}},
        {"column": {"@id": "cr:column", "@context": {}}},
    ],
)
def test_words_that_are_made_to_mean_others_are_unsafe(tmp_path, bent):
    path = plain(tmp_path)
    told = json.loads(path.read_text())
    told["@context"].update(bent)
    path.write_text(json.dumps(told))
    with pytest.raises(UnsafeInput):
        readers.open(path, only="croissant")


def test_contexts_elsewhere_keys_twice_and_words_inside_are_refused(tmp_path):
    path = plain(tmp_path)
    told = json.loads(path.read_text())
    for context in ("https://evil.example/context", None, [], {}):
        path.write_text(json.dumps({**told, "@context": context}))
        with pytest.raises(UnreadableInput, match="@context"):
            readers.open(path, only="croissant")
    path.write_text(json.dumps(told).replace('"name"', '"name": "x", "name"', 1))
    with pytest.raises(UnsafeInput, match="comes twice"):
        readers.open(path)
    node = told["distribution"][0]
    for more in ({"sc:contentUrl": "b.csv"}, {"@context": {}}, {"@reverse": {}}, {"@graph": []}):
        path.write_text(json.dumps({**told, "distribution": [{**node, **more}]}))
        with pytest.raises(UnsafeInput):
            readers.open(path)


def test_prefixes_and_addresses_for_words_are_understood(tmp_path, walk):
    told = json.dumps(said([file("rows.csv", ROWS)], table(WHERE)))
    long = told.replace('"contentUrl"', '"http://schema.org/contentUrl"')
    long = long.replace('"recordSet": [', '"cr:recordSet": [').replace('"sha256"', '"sc:sha256"')
    path = laid(tmp_path, {"rows.csv": ROWS}, json.loads(long))
    assert len(walk(path).rows) == 40


def test_a_folder_of_two_descriptions_is_no_croissant(tmp_path):
    plain(tmp_path).rename(tmp_path / "one.json")
    assert readers.surest(str(tmp_path)) == "croissant"
    (tmp_path / "two.json").write_bytes((tmp_path / "one.json").read_bytes())
    assert readers.surest(str(tmp_path)) != "croissant"


def test_other_json_is_left_to_its_own_reader(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps([{"text": "good morning"}] * 9))
    assert readers.open(tmp_path / "a.json").format == "json"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=6)
    | st.sampled_from(["rows.csv", "cr:FileObject", "cr:FileSet", "*", "sc:Text", ".."]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["@id", "@type", "contentUrl", "sha256", "source", "extract", "column",
                         "fileObject", "fileSet", "field", "includes", "cr:containedIn",
                         "encodingFormat", "dataType", "@context", "data", "fileProperty"]),
        inner, max_size=5),
    max_leaves=15,
)  # fmt: skip


@given(st.data())
def test_rubbish_in_a_description_is_an_error_of_ours_or_rows(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("rubbish")
    told = said([file("rows.csv", ROWS)], table(WHERE))
    where = data.draw(st.sampled_from(["distribution", "recordSet", "@context", "node", "source"]))
    rubbish = data.draw(JSON)
    if where == "node":
        key = data.draw(st.sampled_from(list(told["distribution"][0])))
        told["distribution"][0][key] = rubbish
    elif where == "source":
        told["recordSet"][0]["field"][0]["source"] = rubbish
    else:
        told[where] = rubbish
    path = laid(folder, {"rows.csv": ROWS}, told)
    with contextlib.suppress(ForetasteError):
        assert sum(map(len, readers.open(path, only="croissant"))) <= 40


@given(st.binary(max_size=300))
def test_bytes_that_are_no_description_are_errors_of_ours(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("bytes") / "croissant.json"
    path.write_bytes(content)
    with pytest.raises(ForetasteError):
        readers.open(path, only="croissant")


def test_nesting_and_numbers_without_end_are_errors(tmp_path):
    path = tmp_path / "croissant.json"
    for content in ("[" * 100_000, '{"a":' * 100_000, '{"a": ' + "1" * 10_000 + "}"):
        path.write_text(content)
        with pytest.raises(UnreadableInput):
            readers.open(path, only="croissant")


@given(st.binary(max_size=400), st.sampled_from(["zip", "tar", "gz"]), st.integers(0, 2_000))
def test_rubbish_in_an_archive_is_an_error_of_ours(tmp_path_factory, noise, kind, at):
    folder = tmp_path_factory.mktemp("archive")
    pack = {"zip": zipped, "tar": tarred, "gz": lambda files: tarred(files, "w:gz")}[kind]
    content = pack({"data/rows.csv": ROWS.encode()})
    broken = content[:at] + noise + content[at + len(noise) :]
    with contextlib.suppress(ForetasteError):
        assert sum(map(len, readers.open(packed(folder, broken)))) <= 200
