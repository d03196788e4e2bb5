"""How a delimited text is written: what stands between cells, whether they are quoted, a header."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from foretaste.errors import BadInput

DELIMITERS = ",\t;|"
LOOK_AT = 200  # lines
_TITLES = frozenset(
    "label class target category text sentence review message content id name y title date "
    "source sentiment question answer prompt response instruction output input image path "
    "user_id item_id rating timestamp time".split()
)


@dataclass(frozen=True)
class Dialect:
    """What stands between cells; whether they may be quoted; whether the first row is a header.

    steady says that nearly all rows have the same number of cells, more than one.
    """

    delimiter: str = ","
    quoted: bool = True
    header: bool = True
    steady: bool = False

    def rows(self, lines: Iterator[str]) -> Iterator[list[str]]:
        """The rows of the text, by Python's csv module."""
        return self._reader(lines)

    def _reader(self, lines: Iterator[str]) -> Any:
        if self.quoted:
            return csv.reader(lines, delimiter=self.delimiter)
        return csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE)

    def taken(self, text: str) -> tuple[list[str], str, str]:
        """The cells of the first row of a text, the text of that row, and what stands after it."""
        lines = list(io.StringIO(text, newline="\n"))
        reader = self._reader(iter(lines))
        cells: list[str] = next(reader, [])
        row = "".join(lines[: reader.line_num])
        bare = row.rstrip("\r\n")
        return cells, bare, text[len(bare) :]

    def row(self, cells: Sequence[str], like: str = "") -> str:
        """Those cells as a row, quoted as the row `like` is; an error where they cannot be read.

        >>> Dialect().row(["a", "b,c"]), Dialect().row(["a", "b"], '"1","2"')
        ('a,"b,c"', '"a","b"')
        """
        if not self.quoted:
            row = self.delimiter.join(cells)
        else:
            before = next(self.rows(iter([like])), [])
            every = before and self._quoted(before, csv.QUOTE_ALL) == like
            always = every and self._quoted(before, csv.QUOTE_MINIMAL) != like
            row = self._quoted(cells, csv.QUOTE_ALL if always else csv.QUOTE_MINIMAL)
        if list(self.rows(io.StringIO(row, newline="\n"))) != [list(cells)]:
            raise BadInput(f"cells without quotes cannot hold {self.delimiter!r} or line breaks")
        return row

    def _quoted(self, cells: Sequence[str], how: int) -> str:
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=self.delimiter, quoting=how).writerow(cells)  # type: ignore[arg-type]
        return out.getvalue().removesuffix("\r\n")

    def unclosed(self, record: str) -> bool:
        """Whether a quote that opens in this record never closes."""
        if not self.quoted:
            return False
        try:
            list(
                csv.reader(record.splitlines(keepends=True), delimiter=self.delimiter, strict=True)
            )
        except csv.Error as error:
            return "unexpected end" in str(error)
        return False


def sniffed(lines: Sequence[str]) -> Dialect:
    r"""The dialect of a text that begins with these lines.

    >>> sniffed(["a;b\n", "1;2\n"])
    Dialect(delimiter=';', quoted=True, header=True, steady=True)
    >>> sniffed(["ham\t\"say hi\n", "spam\twin\n", "ham\tyes\n"])
    Dialect(delimiter='\t', quoted=False, header=False, steady=True)
    """
    some = [line for line in lines[:LOOK_AT] if line.strip()]
    best, best_score = Dialect(header=False), (0.0, 0)
    for dialect in _candidates(some):
        score = _score(some, dialect)
        if score > best_score:
            best, best_score = dialect, score
    rows = _complete(some, best)
    steady = best_score[0] >= 0.9 and best_score[1] > 1
    return Dialect(best.delimiter, best.quoted, _has_header(rows), steady)


def titles(cells: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Column names of a header: none empty, none twice; and which were there twice.

    >>> titles(["a", "", "a"])
    (('a', 'column_2', 'a_2'), ['a'])
    """
    found: dict[str, None] = {}
    twice = []
    for place, cell in enumerate(cells, 1):
        name = cell.strip() or f"column_{place}"
        if name in found:
            twice.append(name)
        title, count = name, 1
        while title in found:
            count += 1
            title = f"{name}_{count}" if count < 100 else f"{name}_{place}_"
        found[title] = None
    return tuple(found), twice


def is_number(cell: str) -> bool:
    """Whether a cell holds a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _complete(lines: Sequence[str], dialect: Dialect) -> list[list[str]]:
    try:
        rows = [row for row in dialect.rows(iter(lines)) if row]
    except csv.Error:
        return []
    return rows[:-1] if len(lines) >= LOOK_AT else rows


def _candidates(lines: Sequence[str]) -> Iterator[Dialect]:
    """Each delimiter with quotes; without, only where quotes would make lines run together."""
    for delimiter in DELIMITERS:
        yield Dialect(delimiter)
        if len(_complete(lines, Dialect(delimiter))) < len(lines) - 1:
            yield Dialect(delimiter, quoted=False)


def _score(lines: Sequence[str], dialect: Dialect) -> tuple[float, int]:
    """How steady the rows are; then how many cells they have."""
    rows = _complete(lines, dialect)
    if not rows:
        return 0.0, 0
    width, often = Counter(map(len, rows)).most_common(1)[0]
    if width == 1:
        return 0.01, 1
    steady = often / len(rows)
    if dialect.quoted:  # quotes that make lines run together must be worth it
        return round(steady * (0.99 if len(rows) < len(lines) - 1 else 1), 3), width
    torn = sum(_encloses(line, dialect) for line in lines) / len(lines)
    return round(steady * (1 - torn) * (1 if steady == 1 else 0.9), 3), width


def _encloses(line: str, dialect: Dialect) -> bool:
    """Whether some cell of a line begins and ends with quotes."""
    cells = line.rstrip("\r\n").split(dialect.delimiter)
    return any(len(cell) > 1 and cell[0] == cell[-1] == '"' for cell in cells)


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    if not rows:
        return False
    first, rest = rows[0], rows[1:]
    if any(is_number(cell) for cell in first):
        return False
    for place, cell in enumerate(first):
        below = [row[place] for row in rest if len(row) > place]
        if cell.strip() and cell in below:
            return False
    names = {cell.strip().lower() for cell in first}
    if names & _TITLES or any(is_number(cell) for row in rest for cell in row):
        return True
    return all(len(cell) <= 40 and len(cell.split()) <= 4 for cell in first)
