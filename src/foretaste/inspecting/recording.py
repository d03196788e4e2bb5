"""What inspectors said, as it is written down."""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from PIL import Image

from foretaste.checkpoints.formats import format_of
from foretaste.checkpoints.listing import Listed
from foretaste.data import Array
from foretaste.inspecting.opening import Opened
from foretaste.inspecting.record import SCHEMA, Inspection, InspectorRun, Suspected, verdict_of
from foretaste.trained import Severity, Subject, Suspicion

MOST = 2_000  # suspicions written down
ORDER = (Severity.CRITICAL, Severity.WARNING, Severity.NOTE)
PACKAGES = ("foretaste", "numpy", "torch", "safetensors", "modelaudit-picklescan", "gguf", "onnx")


@dataclass
class Looked:
    """What one inspector found; `more` suspicions were counted and not given.

    unsuited: why it does not apply to this model; failure: why it could not be finished
    """

    found: list[Suspected] = field(default_factory=list)
    more: int = 0
    files: int = 0
    seconds: float = 0.0
    failure: str = ""
    unsuited: str = ""


@dataclass
class Found:
    """What has been found so far, and how each inspector did."""

    suspicions: list[Suspected] = field(default_factory=list)
    runs: list[InspectorRun] = field(default_factory=list)
    left_out: int = 0

    def ran(self, name: str, settings: dict[str, Any], looked: Looked) -> None:
        """Adds what an inspector found; the worst of it where there is no room for all."""
        ranked = sorted(looked.found, key=lambda one: ORDER.index(one.severity))
        room = max(0, MOST - len(self.suspicions))
        self.suspicions += ranked[:room]
        self.left_out += looked.more + max(0, len(ranked) - room)
        run = InspectorRun(
            name=name,
            settings=settings,
            status="failed" if looked.failure else "skipped" if looked.unsuited else "ran",
            detail=looked.failure or looked.unsuited,
            files=looked.files,
            seconds=round(looked.seconds, 3),
            suspicions=len(looked.found) + looked.more,
        )
        self.runs.append(run)


def suspected(name: str, one: Suspicion) -> Suspected:
    """A suspicion of an inspector, its picture as a PNG."""
    return Suspected(
        inspector=name,
        part=one.part,
        severity=one.severity,
        reason=one.reason,
        score=float(one.score) if math.isfinite(one.score) else None,
        p_value=float(one.p_value) if math.isfinite(one.p_value) else None,
        picture="" if one.picture is None else png(one.picture),
    )


def to_inspection(
    subject: Subject, model: Opened, files: Listed, found: Found, started: datetime
) -> Inspection:
    """The inspection, whole; what is worst comes first."""
    many = files.path.is_dir()
    return Inspection(
        schema=SCHEMA,
        verdict=verdict_of({one.severity for one in found.suspicions}),
        path=files.path.name,
        format=f"folder of {len(files.names):,} files" if many else format_of(files.path).value,
        files=len(files.names),
        bytes=files.bytes,
        sha256=files.digest(),
        opened=model.said,
        classes=model.classes,
        rows=0 if subject.rows is None else len(subject.rows),
        inspectors=tuple(found.runs),
        suspicions=tuple(sorted(found.suspicions, key=lambda one: ORDER.index(one.severity))),
        left_out=found.left_out,
        versions=_versions(),
        seed=subject.seed,
        started=started.isoformat(timespec="seconds"),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def png(picture: Array) -> str:
    """A picture as a PNG, in base64."""
    file = io.BytesIO()
    Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
