"""A data set described in Croissant 1.1: its files with checksums, its fields, where it came from.

The description lies in a folder that holds the data. Of a folder of files the checksum is that of
the list of them, which is written beside the description in the form of `sha256sum`, so that
`cd FOLDER && sha256sum -c ../FOLDER.sha256` checks it without us.

References
----------
MLCommons (2025). Croissant Format Specification 1.1. http://mlcommons.org/croissant/1.1
MLCommons (2024). Croissant RAI Specification 1.0. http://mlcommons.org/croissant/RAI/1.0
W3C (2013). PROV-O: The PROV Ontology. https://www.w3.org/TR/prov-o/
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foretaste import readers
from foretaste.errors import BadInput
from foretaste.files.croissant_terms import CONTEXT
from foretaste.files.redescribing import written
from foretaste.interchange.croissant_fields import record_set
from foretaste.interchange.croissant_files import distribution
from foretaste.interchange.things import Numbered, Things, ref
from foretaste.interchange.verdicts import power_said, said, verdicts_on
from foretaste.ledger.event import Event, Thing, statement

NAME = "croissant.json"
CONFORMS = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
_MAKING = ("dataset_version", "cleaning_decision", "attack_planted")


@dataclass(frozen=True)
class About:
    """What nobody can read off the files; the standard wants all but version and citation.

    license, url: addresses; published: a date, 2026-11-23; cite: how to, BibTeX or words
    """

    name: str
    description: str = ""
    license: str = ""
    creator: str = ""
    url: str = ""
    published: str = ""
    version: str = "1.0.0"
    cite: str = ""


@dataclass(frozen=True)
class History:
    """What a ledger, or a scan, says of a data set.

    events:  all of them; dataset: which of their things it is
    """

    events: tuple[Numbered, ...] = ()
    dataset: Thing | None = None


@dataclass(frozen=True)
class Description:
    """A description, and what has to lie beside it.

    said:  the JSON-LD; files: name -> content
    """

    said: dict[str, Any]
    files: Mapping[str, bytes] = field(repr=False)

    def write(self, folder: Path, name: str = NAME) -> Path:
        """Puts it all into the folder it was made for; where the description is."""
        for one, content in {**self.files, name: written(self.said)}.items():
            (folder / one).write_bytes(content)
        return folder / name


def describe(
    data: Path,
    where: Path,
    about: About,
    history: History | None = None,
    roles: Mapping[str, str] | None = None,
) -> Description:
    """The description of a data set, to be put into the folder `where`.

    data: a file or folder in that folder, or that folder itself
    Raises `BadInput` where it lies elsewhere, or when it cannot be read.
    """
    data, where = data.resolve(), where.resolve()
    if not data.is_relative_to(where):
        raise BadInput(f"{data} does not lie in {where}; put its description beside it")
    source = readers.open(data, roles or {})
    laid = distribution(source, data, where)
    told: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS,
        **_about(about),
        **_past(history or History()),
        "distribution": laid.nodes,
    }
    table = record_set(source, laid)
    if table:
        told["recordSet"] = [{**table, **_judged(history or History(), table["@id"])}]
    return Description(told, laid.files)


def _about(about: About) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": about.name,
        "description": about.description or f"The data set {about.name}.",
        "version": about.version,
        "license": about.license,
        "url": about.url,
        "datePublished": about.published,
        "citeAs": about.cite,
    }
    if about.creator:
        told["creator"] = {"@type": "sc:Organization", "name": about.creator}
    return {key: value for key, value in told.items() if value}


def _past(history: History) -> dict[str, Any]:
    """Where it came from, and what scans said of it."""
    if history.dataset is None:
        return {}
    things = Things.of(history.events)
    whole = things.whole(history.dataset)
    made = [
        event
        for _, event in history.events
        if event.kind in _MAKING and any(things.whole(one) == whole for one in event.made)
    ]
    told: dict[str, Any] = {}
    used = dict.fromkeys(things.whole(one) for event in made for one in event.used)
    if used:
        told["prov:wasDerivedFrom"] = [{"@id": _urn(one)} for one in used]
    if made:
        told["prov:wasGeneratedBy"] = [_activity(event, things) for event in made]
    judged = verdicts_on(whole, history.events, things)
    told["rai:dataLimitations"] = (
        _sentences(judged[-1][1]) if judged else ["no scan of it for poison is written down"]
    )
    return told


def _sentences(event: Event) -> list[str]:
    return [f"Scanned by {event.by} on {event.at}: {said(event.facts)}", *power_said(event.facts)]


def _judged(history: History, table: str) -> dict[str, Any]:
    """The last verdict as an annotation of all records."""
    if history.dataset is None:
        return {}
    judged = verdicts_on(history.dataset, history.events, Things.of(history.events))
    if not judged:
        return {}
    event = judged[-1][1]
    name = f"{table}/verdict"
    return {
        "annotation": [
            {
                "@type": "cr:Field",
                "@id": name,
                "name": name,
                "description": said(event.facts),
                "dataType": "sc:Text",
                "value": str(event.facts.get("verdict", "unknown")),
                "prov:wasGeneratedBy": _activity(event, Things.of(history.events)),
            }
        ]
    }


def _activity(event: Event, things: Things) -> dict[str, Any]:
    digest = hashlib.sha256(statement(event)).hexdigest()
    return {
        "@type": "prov:Activity",
        "@id": f"urn:{event.kind}:sha256:{digest}",
        "prov:label": event.kind,
        "prov:endedAtTime": event.at,
        "prov:used": [{"@id": _urn(things.whole(one))} for one in event.used],
        "prov:wasAssociatedWith": {"@type": "prov:SoftwareAgent", "prov:label": event.by},
    }


def _urn(thing: Thing) -> str:
    return thing.name if "://" in thing.name else f"urn:{ref(thing)}"
