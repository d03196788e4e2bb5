"""Whatever words a description makes up: read here is what any other program reads, or nothing."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretaste.errors import BadInput, UnsafeInput
from foretaste.files.croissant_parts import resources_of
from foretaste.files.croissant_terms import CONTEXT, description_of

rdflib = pytest.importorskip("rdflib")

HOMES = ("http://schema.org/", "https://schema.org/")
CROISSANT = "http://mlcommons.org/croissant/"
WORDS = st.sampled_from(
    ["contentUrl", "sha256", "x", "y", "sc", "cr", "u", "@type", "distribution", "@id", "xs"]
)
MEANINGS = st.sampled_from(
    ["sc:contentUrl", "sc:sha256", "contentUrl", "http://schema.org/", "https://schema.org/content",
     "sc:content", "x:Url", "x:contentUrl", "y:", "cr:", "@id", "@type", "sc:", "u", "sc:url",
     CROISSANT, "https://evil.example/", None, "https://schema.org/sha", "x:256", "sc"]
)  # fmt: skip
TERMS = MEANINGS | st.fixed_dictionaries(
    {"@id": MEANINGS}, optional={"@type": st.sampled_from(["@id", "@vocab", "@json"])}
)
KEYS = st.sampled_from(
    ["contentUrl", "sha256", "sc:contentUrl", "sc:sha256", "x", "y", "u", "x:Url", "x:contentUrl",
     "y:contentUrl", "y:Url", "x:256", "http://schema.org/contentUrl", "https://schema.org/sha256",
     "https://schema.org/contentUrl", "xs:contentUrl", "cr:contentUrl"]
)  # fmt: skip
VALUES = st.sampled_from(["a.csv", "b.csv", "0" * 64, "1" * 64])


def others(content):
    """Every (property, value) that a full reader of JSON-LD finds on the one file."""
    graph = rdflib.Graph().parse(data=content, format="json-ld", publicID="http://base.example/")
    kind = rdflib.URIRef(f"{CROISSANT}FileObject")
    found = set()
    for node in graph.subjects(rdflib.RDF.type, kind):
        for home in HOMES:
            for word in ("contentUrl", "sha256"):
                for value in graph.objects(node, rdflib.URIRef(home + word)):
                    found.add((word, str(value).removeprefix("http://base.example/")))
    return found


@settings(max_examples=400)
@given(st.dictionaries(WORDS, TERMS, max_size=4), st.dictionaries(KEYS, VALUES, max_size=4))
def test_what_is_accepted_means_the_same_to_everybody(context, node):
    said = {
        "@context": {**CONTEXT, **context},
        "@type": "https://schema.org/Dataset",
        "distribution": [{"@type": f"{CROISSANT}FileObject", "@id": "file", **node}],
    }
    content = json.dumps(said)
    try:
        (mine,) = resources_of(description_of(content.encode(), "it")).values()
    except BadInput:
        return
    try:
        found = others(content)
    except RecursionError:  # words in a circle: the other program reads nothing at all
        return
    told = {("contentUrl", mine.url), ("sha256", mine.sha256)}
    assert found == {one for one in told if one[1]}


@pytest.mark.parametrize("name", ["file", "./file", "x/../file", "http://base.example/file"])
def test_two_parts_of_one_name_are_refused_since_others_make_them_one(name):
    node = {"@type": f"{CROISSANT}FileObject", "@id": "file", "contentUrl": "a.csv"}
    twin = {"@id": name, "@type": f"{CROISSANT}RecordSet", "contentUrl": "b.csv"}
    context = {**CONTEXT, "@base": "http://base.example/"}
    said = {"@context": context, "distribution": [node], "recordSet": [twin]}
    assert others(json.dumps(said)) == {("contentUrl", "a.csv"), ("contentUrl", "b.csv")}
    with pytest.raises(UnsafeInput, match="two parts of it"):
        description_of(json.dumps(said).encode(), "it")


def test_an_agent_may_be_told_twice():
    ada = {"@type": "sc:Person", "@id": "ada", "name": "Ada"}
    said = {"@context": CONTEXT, "creator": ada, "publisher": ada, "name": "x"}
    assert description_of(json.dumps(said).encode(), "it")["creator"] == ada


@pytest.mark.parametrize("key", ["contentUrl", "sc:contentUrl", "http://schema.org/contentUrl"])
def test_the_plain_ways_of_saying_it_are_accepted(key):
    node = {"@type": "cr:FileObject", "@id": "file", key: "a.csv"}
    content = json.dumps({"@context": CONTEXT, "@type": "sc:Dataset", "distribution": [node]})
    (mine,) = resources_of(description_of(content.encode(), "it")).values()
    assert mine.url == "a.csv"
