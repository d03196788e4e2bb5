"""A Croissant description of files that were written anew: what is there, with new checksums."""

from __future__ import annotations

import json
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from foretaste.files.croissant_parts import Resource, resources_of
from foretaste.files.listing import FOLDER, SUFFIX, digest_of, listing
from foretaste.files.members import ZIP, kind_of_archive
from foretaste.files.streams import pour

_MOMENT = (1980, 1, 1, 0, 0, 0)  # so the same files always give the same archive


def redescribed(said: Mapping[str, Any], out: Path, places: Mapping[str, str]) -> dict[str, Any]:
    """The description with what lies below `out`, and with nothing that does not.

    places: id -> path, of files that were described by an address
    """
    told = dict(said)
    nodes, digests = [], {}
    for node, one in _pairs(said):
        url = places.get(one.id, one.url)
        where = out / url
        if one.many or one.inside:
            nodes.append((node, one))
        elif FOLDER in one.formats and where.is_dir():
            digests[one.sha256] = _relisted(where, out, said, one)
            nodes.append(({**node, "sha256": digests[one.sha256]}, one))
        elif where.is_file() and not url.endswith(SUFFIX):
            nodes.append((_updated(node, where, url), one))
    for node, one in _pairs(said):
        if one.url.endswith(SUFFIX) and one.sha256 in digests:
            nodes.append((_updated(node, out / one.url, one.url), one))
    there = {one.id for _, one in nodes}
    kept = [(node, one) for node, one in nodes if set(one.inside) <= there]
    told["distribution"] = [node for node, _ in kept]
    known = {one.id for _, one in kept}
    tables = _listed(said.get("recordSet"))
    told["recordSet"] = [one for one in tables if _refers(one) <= known]
    return {key: value for key, value in told.items() if value != []}


def repacked(folder: Path, target: Path, first: bytes) -> None:
    """All files of a folder in an archive of the kind that begins like `first`."""
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    target.parent.mkdir(parents=True, exist_ok=True)
    if kind_of_archive(first) == ZIP:
        with zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                info = zipfile.ZipInfo(name, _MOMENT)
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, (folder / name).read_bytes())
        return
    kind = ".gz" if first.startswith(b"\x1f\x8b") else ""
    with pour(target, kind) as out, tarfile.open(fileobj=out, mode="w|") as tar:
        for name in names:
            header = tarfile.TarInfo(name)
            header.size = (folder / name).stat().st_size
            with (folder / name).open("rb") as content:
                tar.addfile(header, content)


def written(said: Mapping[str, Any]) -> bytes:
    """A description as it is kept: the same one always as the same bytes."""
    first = ("@context", "@type", "name", "description", "conformsTo")
    last = ("distribution", "recordSet")
    middle = sorted(key for key in said if key not in first + last)
    order = [key for key in (*first, *middle, *last) if key in said]
    told = {key: said[key] for key in order}
    return (json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _pairs(said: Mapping[str, Any]) -> Iterable[tuple[dict[str, Any], Resource]]:
    found = resources_of(said)
    return zip(_listed(said.get("distribution")), found.values(), strict=True)


def _updated(node: Mapping[str, Any], where: Path, url: str) -> dict[str, Any]:
    with where.open("rb") as stream:
        digest = digest_of(stream)
    kept = {key: value for key, value in node.items() if key != "md5"}
    size = f"{where.stat().st_size} B"
    return {**kept, "contentUrl": url, "contentSize": size, "sha256": digest}


def _relisted(where: Path, out: Path, said: Mapping[str, Any], one: Resource) -> str:
    """Writes the list of a folder's files again; its SHA-256."""
    own = {out / other.url for other in resources_of(said).values() if not other.many}
    paths = [path for path in where.rglob("*") if path.is_file() and path not in own]
    names = [path.relative_to(where).as_posix() for path in paths]
    content = listing(names, lambda name: (where / name).open("rb"))
    lists = [o for o in resources_of(said).values() if o.url.endswith(SUFFIX)]
    place = next((o.url for o in lists if o.sha256 == one.sha256), f"{one.id}{SUFFIX}")
    (out / place).write_bytes(content)
    with (out / place).open("rb") as stream:
        return digest_of(stream)


def _refers(table: Mapping[str, Any]) -> set[str]:
    """Ids of the files that a record set is made of."""
    found, waiting = set(), [table]
    while waiting:
        one: Any = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, Mapping):
            for key in ("fileObject", "fileSet"):
                where = one.get(key)
                if isinstance(where, Mapping) and isinstance(where.get("@id"), str):
                    found.add(where["@id"])
            waiting += [value for key, value in one.items() if key != "data"]
    return found


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
