"""An answer about lineage as one self-contained page: a picture, what to do, every entry."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args

from markupsafe import Markup, escape

from foretaste.errors import BadInput
from foretaste.lineage.answer import Answer, EventNote, How, ThingNote
from foretaste.lineage.bundles import Bundle, Bundled, Line, bundled
from foretaste.lineage.wording import TITLES, said, short, titled
from foretaste.report.layers import Laid, Sizes, laid
from foretaste.report.page import asset, template, visible

SAID = {"tainted": "Bad, or made of something bad", "clean": "Not made of anything bad"}
SIZES = {
    "wide": Sizes(),
    "narrow": Sizes(across=2, width=170, height=66, gap=10, between=34, lane=8),
}
LEAST = 0.8  # of its width to which a picture shrinks before it is scrolled
LETTERS = {"wide": 25, "narrow": 17}  # of a name in a box
ORDER = get_args(How)  # the worst first
KINDS = ("spoilt", "apart", "plain")  # of lines, that which is drawn where several are one
Point = tuple[float, float]
MOST = 1_000  # things and entries in tables
BOXES = 400  # in a picture


def write(answer: Answer, path: Path) -> None:
    """Writes the page: one file that needs no network and no script.

    Raises `BadInput` where nothing can be written.
    """
    page = render(answer)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error}") from error


def render(answer: Answer) -> str:
    """The page. Everything that came from the ledger is escaped."""
    few = bundled(answer)
    models = [(one, answer.things[one.thing]) for one in answer.models]
    return template(
        "lineage.html"
    ).render(
        answer=answer,
        said=SAID[answer.verdict],
        style=Markup(asset("report.css") + asset("lineage.css")),  # noqa: S704 (our own files)
        pictures={name: drawn(answer, few, name) for name in SIZES},
        boxes=len(few.bundles),
        drawn=BOXES,
        most=MOST,
        linked=partial(_linked, answer),
        models=sorted(models, key=lambda pair: (not pair[0].in_use, ORDER.index(pair[0].how))),
        todo=[(one, answer.things[one.thing]) for one in answer.todo],
        things=answer.things[:MOST],
        events=[_event(answer, one) for one in answer.events[:MOST]],
        tallied=_tallied(answer),
        short=short,
        visible=visible,
    )


def drawn(answer: Answer, few: Bundled, name: str) -> Markup:
    """The picture as inline SVG: boxes that lead to what is said of them further down."""
    sizes = SIZES[name]
    shown = list(few.bundles)[:BOXES]
    lines = [one for one in few.lines if one.source in set(shown) and one.made in set(shown)]
    found = laid(shown, {(one.source, one.made) for one in lines}, sizes)
    ways = _ways(answer, lines, found)
    boxes = Markup("").join(
        _box(answer, few.bundles[one], found.boxes[one], sizes, LETTERS[name]) for one in shown
    )
    width, height = round(found.width), round(found.height)
    return Markup(
        '<svg class="graph {}" role="group" aria-label="{} things and what was made from what" '
        'width="{}" height="{}" viewBox="0 0 {} {}" style="min-width:{}px">{}{}</svg>'
    ).format(name, len(shown), *(width, height) * 2, round(width * LEAST), ways, boxes)


def _box(
    answer: Answer, bundle: Bundle, at: tuple[float, float], sizes: Sizes, letters: int
) -> Markup:
    thing, many = answer.things[bundle.id], len(bundle.members)
    left, top = at[0] - sizes.width / 2, at[1]
    kind, name = titled(answer, bundle)
    head = f"{kind} · {thing.state}"
    foot = " · ".join(part for part in (_use(thing), f"entry {thing.first}") if part)
    if many > 1:
        foot = f"entries {thing.first} to {answer.things[bundle.members[-1]].first}"
    asked = " asked" if thing.relation == "asked" else ""
    return Markup(
        '<a href="#t{}" class="box {}{}"><title>{}: {}</title>'
        '<rect x="{}" y="{}" width="{}" height="{}" rx="8"/>'
        '<text x="{}" y="{}" class="head">{}</text><text x="{}" y="{}" class="name">{}</text>'
        '<text x="{}" y="{}">{}</text></a>'
    ).format(
        *(thing.id, _class(thing), asked, head, visible(name)),
        *(round(left, 1), round(top, 1), sizes.width, sizes.height),
        *(round(left + 10, 1), round(top + 18, 1), head),
        *(round(left + 10, 1), round(top + 37, 1), _cut(visible(name), letters)),
        *(round(left + 10, 1), round(top + 55, 1), _cut(foot, letters + 6)),
    )


def _ways(answer: Answer, lines: Sequence[Line], found: Laid) -> Markup:
    """Lines from the foot of a box to the head of another; a lane that several share is one."""
    parts: dict[tuple[Point, Point], str] = {}
    tips: dict[Point, str] = {}
    for line in lines:
        kind, points = _kind(answer, line), found.ways[line.source, line.made]
        tips[points[-1]] = min(kind, tips.get(points[-1], kind), key=KINDS.index)
        for part in itertools.pairwise(points):
            parts[part] = min(kind, parts.get(part, kind), key=KINDS.index)
    drawn = [_part(kind, *ends) for ends, kind in parts.items()]
    return Markup("").join([*drawn, *(_tip(kind, *at) for at, kind in tips.items())])


def _kind(answer: Answer, line: Line) -> str:
    source, made = answer.things[line.source], answer.things[line.made]
    if made.state == "set aside":
        return "apart"
    spoilt = source.state in ("bad", "tainted") and made.state in ("bad", "tainted")
    return "spoilt" if spoilt else "plain"


def _part(kind: str, start: Point, end: Point) -> Markup:
    (x, y), (to_x, to_y) = start, end
    middle = (y + to_y) / 2
    path = f"M{x:.1f} {y:.1f}C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}"
    return Markup('<path class="way {}" d="{}"/>').format(kind, path)


def _tip(kind: str, x: float, y: float) -> Markup:
    points = f"{x - 4:.1f},{y - 7:.1f} {x + 4:.1f},{y - 7:.1f} {x:.1f},{y:.1f}"
    return Markup('<polygon class="tip {}" points="{}"/>').format(kind, points)


def _use(thing: ThingNote) -> str:
    if thing.in_use:
        return "in use" + (f" in {thing.in_use[0]}" if thing.in_use[0] else "")
    return "" if thing.undone is None else "undone"


def _class(thing: ThingNote) -> str:
    return "s-" + thing.state.replace(" ", "-")


def _cut(text: str, letters: int) -> str:
    """Not too long for a box; of a path the end tells most."""
    return text if len(text) <= letters else "…" + text[1 - letters :]


def _event(answer: Answer, event: EventNote) -> dict[str, Any]:
    return {
        "index": event.index,
        "title": TITLES[event.kind],
        "said": visible(said(event)),
        "at": event.at,
        "by": event.by,
        "used": _linked(answer, event.used),
        "made": _linked(answer, event.made),
        "others": event.others,
        "records": event.records,
        "facts": visible(json.dumps(event.facts, indent=1, ensure_ascii=False))
        if event.facts
        else "",
    }


def _linked(answer: Answer, things: Sequence[int], most: int = 6) -> Markup:
    """Names that lead to what is said of the things; the tables tell of the first ones."""
    names = [(one, visible(answer.things[one].name)) for one in things[:most]]
    linked = [
        Markup('<a href="#t{}">{}</a>').format(one, name) if one < MOST else escape(name)
        for one, name in names
    ]
    more = escape(f" and {len(things) - most:,} more") if len(things) > most else Markup("")
    return Markup(", ").join(linked) + more


def _tallied(answer: Answer) -> list[tuple[int, str]]:
    """What the head of the page counts."""
    spoilt = [one for one in answer.models if answer.things[one.thing].state in ("bad", "tainted")]
    return [
        (len(spoilt), "models spoilt"),
        (sum(one.in_use for one in spoilt), "of them in use"),
        (sum(one.undone for one in spoilt), "of them undone"),
        (sum(one.how == "cleaned before" for one in answer.models), "models on cleaned data"),
        (len(answer.things), "things"),
        (len(answer.events), "entries"),
    ]
