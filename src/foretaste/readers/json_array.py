"""JSON files that hold one array of objects, or objects one after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from foretaste.contracts import Source
from foretaste.files import Limits, head, kind_of, share, tree, unpacked_head
from foretaste.files.json_elements import Element, Elements
from foretaste.files.json_text import retold
from foretaste.files.line_set import LineSet, Records, Sheet, Text
from foretaste.files.pieces import Cells
from foretaste.roles import open_rows

KINDS = (".json",)
ROWS, HEAP = 8_192, 16 << 20


@dataclass(frozen=True)
class JsonArray:
    """Reads an array of objects, an array inside an object, or objects one after another.

    The file is read piece by piece, never whole. Elements that are no objects, broken or cut off
    are refused where they stand; a location is `file:line` of the line an element begins on.
    Written back, the elements are byte for byte what they were; between them stands a new line.
    """

    limits: Limits = field(default_factory=Limits)

    @classmethod
    def claims(cls, path: str) -> float:
        first = unpacked_head(head(path)).lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0")
        if not first:
            return 0.7 * share(path, KINDS) or 0.5 * (kind_of(path) in KINDS)
        if kind_of(path) in KINDS:
            return 0.9 if first[:1] in (b"[", b"{") else 0.2
        return 0.5 if first[:1] == b"[" and first[1:].lstrip()[:1] == b"{" else 0.0

    def open(self, path: str, roles: Mapping[str, str]) -> Source:
        rows = LineSet(tree(path, lambda name: kind_of(name) in KINDS), _Framing(), self.limits)
        return open_rows("json", rows, roles)


class _Framing:
    def records(self, text: Text, limits: Limits) -> Iterator[Records]:
        elements = Elements(text.body, text.writing, limits)
        heap: list[Element] = []
        size = 0
        for element in elements:
            heap.append(element)
            size += len(element.raw)
            if len(heap) >= ROWS or size > HEAP:
                yield _records(heap, elements)
                heap, size = [], 0
        yield _records(heap, elements)

    raw_records = records

    def edited(self, raw: bytes, cells: Cells, sheet: Sheet) -> bytes:
        return retold(raw, cells, sheet.writing)

    def fresh(self, like: bytes, cells: Cells, sheet: Sheet) -> bytes:
        return retold(like, cells, sheet.writing, fresh=True)


def _records(heap: list[Element], elements: Elements) -> Records:
    return Records(
        [element.line for element in heap],
        [element.value for element in heap if not element.reason],
        {place: element.reason for place, element in enumerate(heap) if element.reason},
        raws=[element.raw for element in heap],
        lead=elements.lead,
        glue=elements.glue,
        tail=elements.tail,
    )
