"""The fields of a data set's records, as a Croissant description tells them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from foretaste.contracts import Source
from foretaste.files import head, unpacked_head
from foretaste.interchange.croissant_files import Laid, identifier

TABLES = ("csv", "jsonl", "json", "parquet", "arrow", "huggingface")
_CLASS = r"([^/]+)/.*$"  # the folder in which a file lies


def record_set(source: Source, laid: Laid) -> dict[str, Any]:
    """The record set; empty where the standard has no words for the format of the files."""
    kind = source.format.split("/")[0]
    if source.format == "image_folder":
        fields = _of_images(source, laid)
    elif kind in TABLES and _tellable(source, kind):
        fields = _of_table(source, laid, kind)
    else:
        return {}
    if not fields:
        return {}
    return {"@type": "cr:RecordSet", "@id": "rows", "name": "rows", "field": fields}


def _of_images(source: Any, laid: Laid) -> list[dict[str, Any]]:
    fields = [
        _field("image", ["sc:ImageObject"], _from(laid, {"fileProperty": "content"})),
        _field("path", ["sc:Text"], _from(laid, {"fileProperty": "fullpath"})),
    ]
    if source.roles.get("label") == "folder":
        found = _from(laid, {"fileProperty": "fullpath"})
        lead = f"{re.escape(laid.base)}/" if laid.base else ""
        found["transform"] = {"regex": f"^{lead}{'[^/]+/' if source.split else ''}{_CLASS}"}
        fields.append(_field("label", ["sc:Text", "cr:Label"], found))
    return fields


def _of_table(source: Any, laid: Laid, kind: str) -> list[dict[str, Any]]:
    """A field for each column that is no list and no object."""
    pieces = (piece.columns for piece in source.rows.pieces() if len(piece.positions))
    columns: Mapping[str, Any] = next(pieces, {})
    label = source.roles.get("label")
    fields = []
    for name, values in columns.items():
        told = _type(values, kind)
        if told:
            word = f".{name}" if name.isidentifier() else f"['{name}']"
            extract = {"jsonPath": f"$[*]{word}"} if kind == "json" else {"column": name}
            types = [told, "cr:Label"] if name == label else [told]
            fields.append(_field(name, types, _from(laid, extract)))
    return fields


def _type(values: Any, kind: str) -> str:
    """The type of a column; empty for what has parts."""
    if isinstance(values, pa.Array):
        return _arrow_type(values.type)
    there = [value for value in values if value is not None]
    kinds = {type(value) for value in there}
    if kind == "csv" or not there or kinds == {str}:
        return "sc:Text"
    if kinds <= {bool}:
        return "sc:Boolean"
    if kinds <= {int, float}:
        return "sc:Integer" if kinds == {int} else "sc:Float"
    return ""


def _arrow_type(kind: pa.DataType) -> str:
    tests = {
        "sc:Boolean": pa.types.is_boolean,
        "sc:Integer": pa.types.is_integer,
        "sc:Float": pa.types.is_floating,
        "sc:DateTime": pa.types.is_timestamp,
        "sc:Date": pa.types.is_date,
        "sc:ImageObject": _is_image,
    }
    texts = (pa.types.is_string, pa.types.is_large_string)
    if any(test(kind) for test in texts):
        return "sc:Text"
    return next((name for name, test in tests.items() if test(kind)), "")


def _is_image(kind: pa.DataType) -> bool:
    """A struct of bytes and path is how Hugging Face keeps an image."""
    names = {kind.field(at).name for at in range(kind.num_fields)}
    return pa.types.is_struct(kind) and names == {"bytes", "path"}


def _tellable(source: Any, kind: str) -> bool:
    """Whether others can find the columns by their names."""
    entries = source.rows.tree.entries
    if kind == "json":
        first = unpacked_head(head(str(entries[0].path))).lstrip(b"\xef\xbb\xbf \t\r\n")
        return first[:1] == b"["
    if kind != "csv":
        return kind != "huggingface"
    dialects: Sequence[Any] = [*source.rows.framing.dialects.values()]
    return bool(dialects) and all(
        one.header and one.delimiter in (",", "\t") for one in dialects
    )  # fmt: skip


def _from(laid: Laid, extract: dict[str, str]) -> dict[str, Any]:
    return {"fileSet" if laid.many else "fileObject": {"@id": laid.main}, "extract": extract}


def _field(name: str, types: list[str], source: dict[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"rows/{identifier(name)}",
        "name": name,
        "dataType": types if len(types) > 1 else types[0],
        "source": source,
    }
