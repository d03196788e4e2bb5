"""The page about lineage: whole, safe, and usable without a mouse, a script or a network."""

import re
from html.parser import HTMLParser

import pytest

from foretaste.errors import BadInput
from foretaste.lineage.answer import Answer
from foretaste.lineage.asking import Question, ask
from foretaste.lineage.wanted import Wanted
from foretaste.report.lineage import BOXES, render, write
from tests.lineage.stories import (
    Told,
    cleaned,
    data,
    digest,
    event,
    model,
    promoted,
    scanned,
    thing,
    trained,
)

RAW = data("raw.csv")
STORY = (
    event("dataset_version", [RAW], [thing("source", "https://feed.example")], rows=100),
    trained("ate", RAW),
    promoted("ate", "shop"),
    scanned(RAW, "poisoned", "r", detectors=[{"name": "trigger_phrase", "flagged": 9}], alpha=0.01),
    cleaned(RAW, "r", "kept.csv", "gone.csv"),
    trained("clean", data("kept.csv")),
)


class Read(HTMLParser):
    """Notes tags, their attributes, and ids."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "rect", "path", "polygon", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def page_of(*events, what="raw.csv"):
    return render(ask(Told(*events), Question(Wanted(what))))


def test_the_page_needs_no_network_and_no_script():
    read = Read(page_of(*STORY))
    assert not read.open
    assert {tag for tag, _ in read.tags} & {"script", "img", "link", "iframe"} == set()
    links = [said["href"] for tag, said in read.tags if tag == "a"]
    assert links
    assert all(one.startswith("#") for one in links)
    policy = next(said["content"] for tag, said in read.tags if "http-equiv" in said)
    assert policy.startswith("default-src 'none'")


def test_every_link_leads_somewhere_and_no_id_is_there_twice():
    read = Read(page_of(*STORY))
    ids = [said["id"] for _, said in read.tags if "id" in said]
    assert len(ids) == len(set(ids))
    assert {said["href"][1:] for tag, said in read.tags if tag == "a"} <= set(ids)


def test_the_picture_can_be_read_aloud_and_walked_with_the_keyboard():
    read = Read(page_of(*STORY))
    graphs = [said for tag, said in read.tags if tag == "svg"]
    assert all("things" in said["aria-label"] for said in graphs)
    boxes = [said for tag, said in read.tags if tag == "a" and "box" in said.get("class", "")]
    titles = [tag for tag, _ in read.tags if tag == "title"]
    assert len(boxes) == 2 * 6
    assert len(titles) == 1 + len(boxes)
    scroll = next(said for tag, said in read.tags if said.get("class") == "scroll")
    assert (scroll["tabindex"], scroll["role"]) == ("0", "region")


def test_each_entry_is_told_with_how_to_check_it():
    page = page_of(*STORY)
    for index in range(len(STORY)):
        assert f"foretaste ledger prove {index}<" in page
    assert "trigger_phrase 9" in page
    assert "alpha 0.01" in page
    assert "take out of use" in page


def test_names_that_are_markup_or_invisible_stay_words():
    name = '<script>alert("x")</script>\u202e'
    page = page_of(trained("m", thing("dataset", name)), what="m")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\u202e" not in page
    assert "U+202E" in page


def test_hundreds_of_things_are_drawn_as_few():
    events = [trained(f"m{n}", RAW) for n in range(500)]
    page = page_of(*events)
    assert "501 things are drawn as 2" in page
    assert page.count("<rect") == 2 * 2


def test_a_picture_has_an_end():
    chain = [thing(("window", "dataset")[n % 2], f"d{n}") for n in range(BOXES + 50)]
    pairs = zip(chain, [RAW, *chain], strict=False)
    page = page_of(*(event("dataset_version", [one], [before]) for one, before in pairs))
    assert f"Only the first {BOXES} are drawn" in page
    assert page.count("<rect") == 2 * BOXES


def test_a_page_that_cannot_be_written_is_an_error_that_says_so(tmp_path):
    answer = ask(Told(*STORY), Question(Wanted("raw.csv")))
    write(answer, tmp_path / "new" / "page.html")
    with pytest.raises(BadInput, match="cannot be written"):
        write(answer, tmp_path)


def test_a_thing_about_which_nothing_else_is_known_has_a_page_too():
    page = page_of(event("dataset_version", [RAW]))
    assert "Not made of anything bad" in page


def test_the_page_of_an_answer_read_back_is_the_same(tmp_path):
    answer = ask(Told(*STORY), Question(Wanted("raw.csv"), (Wanted("ate"),)))
    again = Answer.model_validate_json(answer.model_dump_json(by_alias=True))
    write(answer, tmp_path / "a.html")
    write(again, tmp_path / "b.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


@pytest.mark.parametrize("part", ["wide", "narrow"])
def test_both_pictures_say_the_state_in_words_and_not_in_colour_alone(part):
    page = page_of(*STORY, event("rollback", [], [model("ate")], back_to="sha256:" + digest("x")))
    graph = re.search(rf'<svg class="graph {part}".*?</svg>', page, re.DOTALL).group(0)
    for words in (
        "dataset · bad",
        "model · tainted",
        "rows · set aside",
        "model · cleaned",
        "undone",
    ):
        assert words in graph
