"""Where boxes stand that are tied one to the other: each below all that it was made from."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from foretaste.lineage.bundles import Ways, in_order

Spot = tuple[int, int]  # a box and its row, or a way out of a box and a row that it goes past
SWEEPS = 8  # up and down, to lay ties as straight as they go


@dataclass(frozen=True)
class Sizes:
    """Of the picture, in pixels.

    across: boxes in a row at most; more of a layer go into further rows
    """

    across: int = 4
    width: int = 232
    height: int = 66
    gap: int = 20
    between: int = 46  # rows
    lane: int = 14  # of a way that goes past a row


@dataclass(frozen=True)
class Laid:
    """Where everything is.

    boxes: id -> x of the middle, y of the top
    ways:  from, into -> points that the way goes through
    """

    boxes: Mapping[int, tuple[float, float]]
    ways: Mapping[tuple[int, int], tuple[tuple[float, float], ...]]
    width: float
    height: float


def laid(boxes: Sequence[int], ways: Ways, sizes: Sizes) -> Laid:
    """A place for each box; nothing is above what it was made from.

    >>> found = laid([0, 1, 2], {(0, 1), (0, 2)}, Sizes())
    >>> [y for _, y in found.boxes.values()]
    [1.0, 113.0, 113.0]
    """
    rows = _rows(boxes, ways, sizes.across)
    row_of = {one: at for at, row in enumerate(rows) for one in row}
    routes = {way: _route(*way, row_of) for way in sorted(ways)}
    spots: list[list[Spot]] = [[(one, at) for one in row] for at, row in enumerate(rows)]
    for route in routes.values():
        for spot in route[1:-1]:
            if spot not in spots[spot[1]]:
                spots[spot[1]].append(spot)
    near = _near(routes.values())
    _ordered(spots, near)
    places, width = _placed(spots, near, row_of, sizes)
    tops = {at: 1.0 + at * (sizes.height + sizes.between) for at in range(len(rows))}
    points = {way: _points(route, places, tops, sizes.height) for way, route in routes.items()}
    found = {one: (places[one, at], tops[at]) for one, at in sorted(row_of.items())}
    bottom = len(rows) * (sizes.height + sizes.between) - sizes.between + 2
    return Laid(found, points, width, float(max(bottom, 2)))


def _rows(boxes: Sequence[int], ways: Ways, across: int) -> list[list[int]]:
    """Layers, each below what it was made from, cut into rows that are not too wide."""
    order = in_order(ways)
    alone = [one for one in boxes if one not in set(order)]
    layer = dict.fromkeys([*order, *alone], 0)
    made: dict[int, list[int]] = {}
    for a, b in sorted(ways):
        made.setdefault(a, []).append(b)
    for one in order:
        for other in made.get(one, ()):
            layer[other] = max(layer[other], layer[one] + 1)
    for one in reversed(order):  # down to what is made of it, so that ways are short
        layer[one] = min((layer[other] - 1 for other in made.get(one, ())), default=layer[one])
    rows: list[list[int]] = []
    for level in range(max(layer.values(), default=-1) + 1):
        row = [one for one in boxes if layer[one] == level]
        rows += [row[at : at + across] for at in range(0, len(row), across)]
    return rows


def _route(source: int, made: int, row_of: Mapping[int, int]) -> list[Spot]:
    """Rows that a way goes past; ways out of one box share their lane."""
    past = range(row_of[source] + 1, row_of[made])
    return [(source, row_of[source]), *((-1 - source, at) for at in past), (made, row_of[made])]


def _near(routes: Iterable[Sequence[Spot]]) -> dict[Spot, set[Spot]]:
    """What each spot is tied to in the rows beside its own."""
    near: dict[Spot, set[Spot]] = {}
    for route in routes:
        for one, other in itertools.pairwise(route):
            near.setdefault(one, set()).add(other)
            near.setdefault(other, set()).add(one)
    return near


def _ordered(rows: list[list[Spot]], near: Mapping[Spot, set[Spot]]) -> None:
    """Puts each row in the order of what it is tied to, up and down, so that few ways cross."""
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for at in range(len(rows)) if down else reversed(range(len(rows))):
            beside = at - 1 if down else at + 1
            if not 0 <= beside < len(rows):
                continue
            place = {spot: n for n, spot in enumerate(rows[beside])}
            now = {spot: n for n, spot in enumerate(rows[at])}
            means = {}
            for spot in rows[at]:
                tied = [place[one] for one in near.get(spot, ()) if one in place]
                means[spot] = sum(tied) / len(tied) if tied else float(now[spot])
            rows[at].sort(key=lambda spot: (means[spot], now[spot]))


def _placed(
    rows: Sequence[Sequence[Spot]],
    near: Mapping[Spot, set[Spot]],
    row_of: Mapping[int, int],
    sizes: Sizes,
) -> tuple[dict[Spot, float], float]:
    """The middle of each spot from the left, and how wide all of it is."""
    wide = {spot: sizes.width if spot[0] in row_of else sizes.lane for row in rows for spot in row}
    least = [sum(wide[spot] + sizes.gap for spot in row) - sizes.gap for row in rows]
    width = float(max(least, default=0)) + 2
    place: dict[Spot, float] = {}
    for row, needed in zip(rows, least, strict=True):
        left = (width - needed) / 2
        for spot in row:
            place[spot] = left + wide[spot] / 2
            left += wide[spot] + sizes.gap
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            tied = [[place[one] for one in near.get(spot, (spot,))] for spot in row]
            wanted = [sum(some) / len(some) for some in tied]
            found = _apart(wanted, [wide[spot] for spot in row], sizes.gap, width)
            place.update(zip(row, found, strict=True))
    return place, width


def _apart(wanted: Sequence[float], wide: Sequence[float], gap: float, width: float) -> list[float]:
    """Places as near to the wanted ones as order, gaps and the whole width allow."""
    if not wanted:
        return []
    steps = [0.0]
    for one, other in itertools.pairwise(wide):
        steps.append(steps[-1] + (one + other) / 2 + gap)
    free = [one - step for one, step in zip(wanted, steps, strict=True)]
    low = wide[0] / 2 + 1
    high = width - wide[-1] / 2 - 1 - steps[-1]
    rising = _rising(free)
    return [min(max(one, low), high) + step for one, step in zip(rising, steps, strict=True)]


def _rising(values: Sequence[float]) -> list[float]:
    """The numbers nearest to these that never fall: neighbours out of order share their mean.

    >>> _rising([3.0, 1.0, 4.0])
    [2.0, 2.0, 4.0]
    """
    blocks: list[tuple[float, int]] = []
    for value in values:
        mean, count = value, 1
        while blocks and blocks[-1][0] > mean:
            before, many = blocks.pop()
            mean = (mean * count + before * many) / (count + many)
            count += many
        blocks.append((mean, count))
    return [mean for mean, count in blocks for _ in range(count)]


def _points(
    route: Sequence[Spot], places: Mapping[Spot, float], tops: Mapping[int, float], height: int
) -> tuple[tuple[float, float], ...]:
    """From the foot of a box down through lanes to the head of another."""
    first, last = route[0], route[-1]
    points = [(places[first], tops[first[1]] + height)]
    for spot in route[1:-1]:
        points += [(places[spot], tops[spot[1]]), (places[spot], tops[spot[1]] + height)]
    return (*points, (places[last], tops[last[1]]))
