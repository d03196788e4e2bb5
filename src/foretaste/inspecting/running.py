"""Inspectors that need a model, with one in TorchScript: all of it in a process apart."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from foretaste.checkpoints.formats import Format, format_of
from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.inspecting.apart import Apart, Died, Limits
from foretaste.inspecting.opening import FRAMEWORK, Opened
from foretaste.inspecting.record import Suspected
from foretaste.inspecting.recording import Looked
from foretaste.inspecting.scripted import hand_over, words
from foretaste.trained import Running, Severity, Subject

TRIAL = 120.0  # seconds to load it and to run it once
SAID = "TorchScript, run in a process apart"


@dataclass(frozen=True)
class Elsewhere:
    """Stands for a model that is run in a process apart: what rows must be like for it."""

    classes: int
    shape: tuple[int, int, int]


def tried(path: Path, running: Running) -> Opened:
    """The model, once it has been run on two images apart.

    Raises `BadInput` where it takes other images than was said, or is no TorchScript.
    """
    if not path.is_file() or format_of(path) is not Format.TORCHSCRIPT:
        raise BadInput(f"{path} is no TorchScript, and nothing else that is code is run")
    limits = replace(limits_of(running), seconds=min(TRIAL, running.seconds))
    with Apart(limits) as apart:
        try:
            answer = apart.ask({"run": str(path.absolute()), "running": words(running)}, 0)
        except Died as death:
            answer = {"error": str(death)}
    if "unusable" in answer:
        raise BadInput(str(answer["unusable"]))
    if type(k := answer.get("classes")) is not int:
        why = str(answer.get("missing") or answer.get("error") or "no answer")
        return Opened(None, f"not run: {why}", fault="" if "missing" in answer else why)
    if running.classes and len(running.classes) != k:
        raise BadInput(f"the model has {k} outputs, and {len(running.classes)} classes were named")
    return Opened(Elsewhere(k, running.shape), SAID, running.classes)


def check(rows: Batch | None, model: Opened) -> None:
    """That the classes of the rows can be those of the model; raises `BadInput`."""
    if rows is None or not rows.classes or not isinstance(model.victim, Elsewhere):
        return
    if len(rows.classes) != model.victim.classes:
        raise BadInput(
            f"the model has {model.victim.classes} outputs, and the rows {len(rows.classes)} "
            "classes; name all of them in the order of its outputs: --classes a,b,c"
        )


def limits_of(running: Running) -> Limits:
    """What a program may take."""
    return Limits(seconds=running.seconds, memory=FRAMEWORK)


@contextmanager
def handing(subject: Subject) -> Iterator[dict[str, Any]]:
    """The subject in words, its rows in a file that lives as long."""
    if subject.running is None:
        raise BadInput("a program is not run unless it is asked for")
    said: dict[str, Any] = {"path": str(subject.path), "seed": subject.seed}
    said["running"] = words(subject.running)
    with tempfile.TemporaryDirectory(prefix="foretaste-rows-") as folder:
        if subject.rows is not None:
            path = Path(folder, "rows.npz")
            hand_over(subject.rows, path)
            said["rows"] = str(path)
        yield said


def looked(name: str, settings: dict[str, Any], said: dict[str, Any], apart: Apart) -> Looked:
    """What one inspector finds; a program that ends its process is a finding."""
    task = {"inspector": name, "settings": settings, "subject": said}
    try:
        answer = apart.ask(task, 0)
    except Died as death:
        answer = {"error": str(death)}
    if "unusable" in answer:
        return Looked(unsuited=str(answer["unusable"]))
    if "missing" in answer:
        return Looked(failure=str(answer["missing"]))
    try:
        found = [Suspected(inspector=name, **one) for one in answer["found"]]
        return Looked(found, int(answer["more"]))
    except (KeyError, TypeError, ValueError):
        why = str(answer.get("error", "the process that ran it gave no proper answer"))
    reason = f"it could not be inspected, so nothing says that it is safe: {why}"
    return Looked([_fault(name, reason)], failure=why)


def _fault(name: str, reason: str) -> Suspected:
    return Suspected(inspector=name, part="the model", severity=Severity.WARNING, reason=reason)
