"""One self-contained page on a red-team campaign: the verdict, then what each attack came to."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from foretaste import registry
from foretaste.campaign.cells import CLEAN
from foretaste.campaign.outcome import CONTROLS, PERFECT, UNDEFENDED
from foretaste.campaign.scorecard import MEASURES, Line, Scorecard
from foretaste.errors import ForetasteError
from foretaste.report.drawing import strip
from foretaste.report.heat import fairness, quality, reached, share, signed
from foretaste.report.page import asset, template, visible
from foretaste.report.pairs import shown

TOOK = 0.2  # less success than this, and there is no backdoor to survive
LIMITS = {  # threshold -> measure, what it bounds, whether it is the least
    "attack_success": ("success", "attack success after a defence", False),
    "excess_success": ("excess_success", "the same beyond what is left by a perfect filter", False),
    "quality_lost": ("quality_lost", "quality that attack and defence cost together", False),
    "false_positive_rate": ("false_positive_rate", "clean rows flagged, of all clean rows", False),
    "recall": ("recall", "poisoned rows found, of all poisoned rows", True),
    "precision": ("precision", "rows rightly accused, of all accused", True),
}


def write_scorecard(card: Scorecard, out: Path) -> None:
    """Writes scorecard.html into a folder: one file that needs no network."""
    (out / "scorecard.html").write_text(render(card), encoding="utf-8")


def render(card: Scorecard) -> str:
    """The page. Everything that came from the campaign or its data is escaped."""
    chosen = _chosen(card)
    attacked = [line for line in card.lines if line.attack != CLEAN]
    return template("scorecard.html").render(
        card=card,
        style=Markup(asset("report.css") + asset("scorecard.css")),  # noqa: S704 (our own files)
        verdict=_verdict(card),
        tiles=_tiles(card, attacked, chosen),
        limits=_limits(card, chosen),
        controls=[name for name in card.defences if name in CONTROLS],
        chosen=chosen,
        heat=reached(card.lines, card.defences),
        costs=quality(card.lines, card.defences),
        groups=fairness(card.lines, card.defences),
        strips=_strips(attacked, chosen),
        through=[gap for gap in card.gaps if gap.why == "comes through"],
        untried=[gap for gap in card.gaps if gap.why == "not tried"],
        lived=[(line, _fate(line)) for line in attacked if line.survives is not None],
        found=_found(card.lines),
        specimens=[
            (line, _about(line.attack), shown(line.examples)) for line in attacked if line.examples
        ],
        stumbled=[(line, one) for line in card.lines for one in line.scores if one.detail],
        measures=MEASURES,
        share=share,
        signed=signed,
        code=code,
        visible=visible,
    )


def code(text: str) -> Markup:
    """Text with what stands between backticks in <code>, all of it escaped.

    >>> str(code("`spectral`, where <b>"))
    '<code>spectral</code>, where &lt;b&gt;'
    """
    pieces = re.split(r"`([^`]+)`", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if place % 2 else piece
        for place, piece in enumerate(pieces)
    )


def _chosen(card: Scorecard) -> list[str]:
    return [name for name in card.defences if name not in CONTROLS]


def _verdict(card: Scorecard) -> tuple[str, str, str]:
    """Its colour, its word, and what to make of it."""
    broken, missing = sum(bool(line.broken) for line in card.lines), len(card.failures)
    if broken:
        said = f"{broken} of {len(card.lines)} lines of the table broke a threshold."
        return "poisoned", "Thresholds broken", said
    if missing:
        word = "Not everything was measured" if card.lines else "Nothing was measured"
        said = (
            f"{missing} cells gave no result, so nothing can be said of what they would have shown."
        )
        return "dirty", word, said
    if not card.lines:
        return "dirty", "Nothing was measured", "The campaign has no result."
    if not card.thresholds:
        return "clean", "Measured", "No threshold of the campaign as a whole says what is too much."
    said = "Every threshold holds for every attack, defence and setting that was tried."
    return "clean", "Passed", said


def _tiles(
    card: Scorecard, attacked: Sequence[Line], chosen: Sequence[str]
) -> list[tuple[str, str]]:
    cells = sum(len(line.seeds) for line in card.lines)
    names = len({line.attack for line in attacked})
    left = [_best(line, chosen, "success") for line in attacked if line.probes]
    lost = [_best(line, chosen, "quality_lost") for line in attacked]
    through = {gap.title for gap in card.gaps if gap.why == "comes through"}
    tiles = [
        (f"{names:,}", "attacks"),
        (f"{cells:,} of {cells + len(card.failures):,}", "cells with a result"),
    ]
    if any(one is not None for one in left):
        worst = max(one for one in left if one is not None)
        tiles.append((share(worst), "worst success left by the best defence"))
    if any(one is not None for one in lost):
        worst = max(one for one in lost if one is not None)
        tiles.append((signed(-worst), f"{card.measure}, worst change with the best defence"))
    return [*tiles, (f"{len(through):,}", "attacks that come through a defence")]


def _best(line: Line, chosen: Sequence[str], measure: str) -> float | None:
    values = (line.value(name, measure) for name in chosen or (UNDEFENDED,))
    return min((value for value in values if value is not None), default=None)


def _limits(card: Scorecard, chosen: Sequence[str]) -> list[dict[str, Any]]:
    """Each threshold of the campaign and what came closest to it."""
    rows = []
    for name, limit in card.thresholds.items():
        measure, meaning, least = LIMITS.get(name, (name, name, False))
        values = [
            (value, f"{line.title}, {defence}")
            for line in card.lines
            for defence in chosen
            if (value := line.value(defence, measure)) is not None
        ]
        worst = (min(values) if least else max(values)) if values else None
        holds = worst is None or (worst[0] >= limit if least else worst[0] <= limit)
        rows.append(
            {"name": name, "meaning": meaning, "limit": limit, "least": least}
            | {"worst": worst, "holds": holds}
        )
    return rows


def _strips(attacked: Iterable[Line], chosen: Sequence[str]) -> list[tuple[Line, Markup]]:
    drawn = []
    for line in attacked:
        before = line.value(UNDEFENDED, "success")
        after = [(name, line.value(name, "success")) for name in chosen]
        if line.probes and before is not None and any(value is not None for _, value in after):
            floor = line.value(PERFECT, "success")
            drawn.append((line, Markup(strip(before, floor, [value for _, value in after]))))  # noqa: S704 (numbers only)
    return drawn


def _fate(line: Line) -> str:
    """What became of the backdoor when the model was trained further on clean rows."""
    before, after = line.value(UNDEFENDED, "success"), line.survives
    if before is None or after is None or before < TOOK:
        return "did not take"
    if after.mean > before / 2:
        return "survives"
    return "weaker" if after.mean >= TOOK else "gone"


def _found(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Which detector accused how many, and how many of those rightly."""
    return [
        {"line": line, "defence": score.defence, "detector": name, "accused": accused, "hit": hit}
        for line in lines
        for score in line.scores
        for name, (accused, hit) in sorted(score.found_by.items(), key=lambda one: -one[1][1])
    ]


def _about(attack: str) -> str:
    """What the attack says it does."""
    try:
        doc = inspect.getdoc(registry.component("attacks", attack))
    except (ForetasteError, ImportError):
        return ""  # made with a plugin that is not here
    return (doc or "").partition("\n\n")[0].replace("\n", " ")
