"""What runs in a process of its own: looks at files that may be hostile, and says what it saw.

Lines of JSON come in, one task each; a line of JSON goes out for each. No pickle crosses over.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
from pathlib import Path
from typing import Any, BinaryIO

from foretaste import registry
from foretaste.data import Array, Batch
from foretaste.errors import BadInput, ForetasteError, MissingColumn, MissingExtra, UnsafeInput
from foretaste.trained import Subject, Suspicion

MOST = 200  # suspicions given for one task
LONGEST = 2_000  # characters of a reason
SCRATCH = 1 << 20  # bytes of a file it may write: libraries try out their folder for those


def main(memory: int, seconds: int) -> None:
    """Answers tasks until there are no more."""
    _bound(memory, seconds)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not look like an answer
    for line in sys.stdin.buffer:
        _answer(answers, _done(json.loads(line)))


def _answer(answers: BinaryIO, said: dict[str, Any]) -> None:
    answers.write(json.dumps(said).encode() + b"\n")
    answers.flush()


def _bound(memory: int, seconds: int) -> None:
    """No more memory than this, no more time, no large file, no core dumped."""
    wanted = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: SCRATCH,
        resource.RLIMIT_CORE: 0,
    }
    for which, most in wanted.items():
        _, hard = resource.getrlimit(which)
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(which, (limit, limit))
        except (OSError, ValueError):
            continue  # some systems have no such limit: the clock outside remains


def _done(task: dict[str, Any]) -> dict[str, Any]:
    try:
        if "open" in task:
            return {"opened": _opened(Path(task["open"]))}
        if "run" in task:
            return {"classes": _victim(task["run"], task["running"]).classes}
        inspector = registry.build("inspectors", task["inspector"], **task["settings"])
        found = inspector.inspect(_subject(task["subject"]))
        return {"found": [_plain(one) for one in found[:MOST]], "more": max(0, len(found) - MOST)}
    except MissingExtra as error:
        return {"missing": str(error)}
    except MemoryError:
        return {"error": "it needs more memory than it may have"}
    except (BadInput, MissingColumn) as error:
        told = "error" if "open" in task or isinstance(error, UnsafeInput) else "unusable"
        return {told: str(error)[:LONGEST]}
    except ForetasteError as error:
        return {"error": str(error)[:LONGEST]}
    except Exception as error:  # noqa: BLE001 (a crash is a finding)
        return {"error": f"{type(error).__name__}: {error}"[:LONGEST]}


def _opened(path: Path) -> str:
    from foretaste.keeping import kept

    return kept(path).name


def _victim(path: str, running: dict[str, Any]) -> Any:
    from foretaste.inspecting.scripted import running_of, victim_of

    return victim_of(Path(path), running_of(running))


def _rows(path: str) -> Batch:
    from foretaste.inspecting.scripted import handed

    return handed(Path(path))


def _subject(said: dict[str, Any]) -> Subject:
    def path(name: str) -> Path | None:
        return Path(said[name]) if name in said else None

    return Subject(
        path=path("path"),
        parent=path("parent"),
        digest=said.get("digest"),
        key=path("key"),
        signature=path("signature"),
        victim=_victim(said["path"], said["running"]) if "running" in said else None,
        rows=_rows(said["rows"]) if "rows" in said else None,
        seed=int(said.get("seed", 0)),
    )


def _plain(one: Suspicion) -> dict[str, Any]:
    picture = {} if one.picture is None else {"picture": _png(one.picture)}
    return picture | {
        "part": one.part[:LONGEST],
        "severity": str(one.severity),
        "reason": one.reason[:LONGEST],
        "score": one.score if math.isfinite(one.score) else None,
        "p_value": one.p_value if math.isfinite(one.p_value) else None,
    }


def _png(picture: Array) -> str:
    from foretaste.inspecting.recording import png

    return png(picture)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
