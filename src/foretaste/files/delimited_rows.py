"""Rows of delimited text, written as the rows beside them are."""

from __future__ import annotations

from foretaste.errors import BadInput
from foretaste.files.dialect import Dialect
from foretaste.files.line_set import Sheet
from foretaste.files.pieces import Cells


def edited(dialect: Dialect, raw: bytes, cells: Cells, sheet: Sheet) -> bytes:
    """A row with other cells; what stands after it, such as blank lines, stays."""
    before, row, rest = dialect.taken(sheet.writing.text(raw))
    named = zip(sheet.header or (), before, strict=True)
    return _raw(dialect.row([cells.get(n, c) for n, c in named], row) + rest, sheet)


def fresh(dialect: Dialect, like: bytes, cells: Cells, sheet: Sheet) -> bytes:
    """A new row; columns that are not said are empty."""
    _, row, rest = dialect.taken(sheet.writing.text(like))
    end = "\r\n" if rest.startswith("\r\n") else "\n"
    return _raw(dialect.row([cells.get(n, "") for n in sheet.header or ()], row) + end, sheet)


def _raw(text: str, sheet: Sheet) -> bytes:
    try:
        return sheet.writing.raw(text)
    except UnicodeEncodeError as error:
        lost = error.object[error.start : error.end]
        raise BadInput(
            f"{sheet.name} is written in {sheet.writing.encoding}, which lacks {lost!r}; "
            "save it as UTF-8"
        ) from error
