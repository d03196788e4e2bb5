"""Every inspector that applies, on a model or its files, and what it found."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from foretaste import registry
from foretaste.checkpoints.listing import Listed, listed
from foretaste.errors import BadInput, ForetasteError, MissingColumn
from foretaste.inspecting.apart import Apart, Died, Limits
from foretaste.inspecting.opening import Opened
from foretaste.inspecting.record import Inspection, InspectorRun, Suspected
from foretaste.inspecting.recording import Found, Looked, suspected, to_inspection
from foretaste.inspecting.running import Elsewhere, check, handing, limits_of, looked
from foretaste.trained import Severity, Subject

Progress = Callable[[str, int, int], None]
PLAIN = frozenset({"path", "parent", "digest", "key", "signature", "seed"})
ASKED = {
    "parent": "a trusted file: --parent",
    "digest": "a digest to compare with: --sha256",
    "key": "a public key: --key",
    "signature": "a signature: --signature",
    "victim": "a model as `foretaste train` writes them, or TorchScript and --run-model",
    "rows": "some rows that the model is meant for: --data",
}


def inspect_model(
    subject: Subject,
    model: Opened,
    names: Sequence[str] | None = None,
    limits: Limits | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> Inspection:
    """Runs the inspectors that apply to what is at hand.

    model:  what the path was opened as
    names:  of the inspectors to run; None for all
    limits: of each look at a file

    What only looks at files runs in a process apart; what a model is needed for, here. Of a
    folder, an inspector that needs nothing but the path is given each file, others the folder.

    Raises `BadInput` where nothing is to be read or what was asked makes no sense,
    `UnknownComponent` for a name.
    """
    started = datetime.now(UTC)
    files = listed(_path(subject))
    subject = replace(subject, path=files.path, victim=model.victim)
    check(subject.rows, model)
    kinds = {name: registry.component("inspectors", name) for name in names or _all()}
    found = Found(suspicions=_odd(files))
    if model.fault:
        found.suspicions.append(_broken("opening", "", f"it could not be run: {model.fault}"))
    with Apart(limits or Limits()) as apart, _programs(subject) as run_apart:
        for done, (name, kind) in enumerate(kinds.items()):
            progress(name, done, len(kinds))
            _run(name, kind, _Given(subject, files, apart, run_apart), found)
    return to_inspection(subject, model, files, found, started)


def _path(subject: Subject) -> Path:
    if subject.path is None:
        raise BadInput("a model without a file or folder cannot be inspected")
    return subject.path.absolute()


def _all() -> tuple[str, ...]:
    return registry.names("inspectors")


@dataclass(frozen=True)
class _Given:
    """What inspectors are given, and where they look at it."""

    subject: Subject
    files: Listed
    apart: Apart
    program: Callable[[str, dict[str, Any]], Looked] | None


@contextmanager
def _programs(subject: Subject) -> Iterator[Callable[[str, dict[str, Any]], Looked] | None]:
    """What looks at a model in TorchScript, in a process apart; None for every other model."""
    if subject.running is None or not isinstance(subject.victim, Elsewhere):
        yield None
        return
    with handing(subject) as said, Apart(limits_of(subject.running)) as apart:
        yield lambda name, settings: looked(name, settings, said, apart)


def _run(name: str, kind: Any, given: _Given, found: Found) -> None:
    settings, subject = _settings(kind()), given.subject
    lacking = [need for need in kind.needs if getattr(subject, need, None) is None]
    if lacking:
        why = f"needs {' and '.join(ASKED.get(one, one) for one in lacking)}"
        run = InspectorRun(name=name, settings=settings, status="skipped", detail=why)
        found.runs.append(run)
        return
    begun = time.perf_counter()
    if set(kind.needs) <= PLAIN:
        seen = _looked_apart(name, kind, subject, given.files, given.apart)
    elif given.program is not None:
        seen = given.program(name, settings)
    else:
        seen = _looked_here(name, kind, subject)
    seen.seconds = time.perf_counter() - begun
    found.ran(name, settings, seen)


def _looked_here(name: str, kind: Any, subject: Subject) -> Looked:
    try:
        return Looked([suspected(name, one) for one in kind().inspect(subject)])
    except (BadInput, MissingColumn) as error:
        return Looked(unsuited=str(error))
    except ForetasteError as error:
        return Looked(failure=str(error))
    except Exception as error:  # noqa: BLE001 (an inspector that crashed has inspected nothing)
        return Looked(failure=f"{type(error).__name__}: {error}")


def _looked_apart(name: str, kind: Any, subject: Subject, files: Listed, apart: Apart) -> Looked:
    looked = Looked()
    settings = _settings(kind())
    for file, size, part in _given(kind, subject, files):
        task = {"inspector": name, "settings": settings, "subject": part}
        looked.files += 1
        try:
            answer = apart.ask(task, size)
        except Died as death:
            answer = {"error": str(death)}
        _take(looked, name, file, answer)
    return looked


def _given(kind: Any, subject: Subject, files: Listed) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """What is inspected at a time: name inside the folder, size, and the subject in words."""
    said = {one: getattr(subject, one) for one in PLAIN}
    words = {one: value if isinstance(value, int) else str(value) for one, value in said.items()}
    plain = {one: words[one] for one, value in said.items() if value is not None}
    if set(kind.needs) != {"path"} or not files.path.is_dir():
        yield "", files.bytes, plain
        return
    for name in files.names:
        path = files.file(name)
        yield name, path.stat().st_size, {**plain, "path": str(path)}


def _take(looked: Looked, name: str, file: str, answer: dict[str, Any]) -> None:
    if "unusable" in answer:
        raise BadInput(str(answer["unusable"]))
    if "missing" in answer:
        looked.failure = str(answer["missing"])
        return
    try:
        if "error" not in answer:
            found = [Suspected(inspector=name, file=file, **one) for one in answer["found"]]
            looked.found += found
            looked.more += int(answer["more"])
            return
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        answer = {"error": f"the process that looked at it gave no proper answer: {error}"}
    looked.failure = f"{file}: {answer['error']}" if file else str(answer["error"])
    reason = f"it could not be inspected, so nothing says that it is safe: {answer['error']}"
    looked.found.append(_broken(name, file, reason))


def _broken(name: str, file: str, reason: str) -> Suspected:
    part = file or "the file"
    return Suspected(inspector=name, file=file, part=part, severity=Severity.WARNING, reason=reason)


def _odd(files: Listed) -> list[Suspected]:
    return [_broken("listing", name, f"not looked at: {what}") for name, what in files.odd]


def _settings(inspector: Any) -> dict[str, Any]:
    plain = int | float | str | bool
    said = {one.name: getattr(inspector, one.name) for one in dataclasses.fields(inspector)}
    return {name: value for name, value in said.items() if isinstance(value, plain)}
