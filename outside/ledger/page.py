"""What came out, as a page."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from typing import Any

from outside.ledger.cases import SIZE

HEAD = """# The ledger, checked by programs that are not ours

{date}, {machine}, {cores} cores, Python {python}. `make verify-outside`

A log of {size:,} signed statements of ours (one entry is empty, one has 65,535 bytes) is checked as
a whole by each program: signature of the checkpoint, every tile, every entry, proofs that it makes
itself, proof files (`.tlog-proof`) and consistency proofs that we made. Then one byte of one file
is changed, and all is checked again. Nothing is shared between the programs but the files and the
log's public key. The programs around `aics-tlog` and Go's package read the proof files, which those
do not know, and hand the hashes to them; `Refused` is theirs, for an answer that is no exception.
"""


def page(found: Any) -> str:
    parts = [
        HEAD.format(
            date=f"{datetime.now(UTC):%Y-%m-%d}",
            machine=platform.machine(),
            cores=os.cpu_count(),
            python=platform.python_version(),
            size=SIZE,
        ),
        "".join(f"- {name} {version}\n" for name, version in found.versions.items()),
        _missing(found.missing),
        "## Unchanged\n",
        _table(
            ("checked by", "entries", "own inclusion proofs", "own consistency proofs",
             "our proof files", "result"),
            [
                (who, f"{one['entries']:,}", f"{one['inclusion']:,}", f"{one['consistency']:,}",
                 str(one["files"]), one["error"] or "accepted")
                for who, one in found.clean.items()
            ],
        ),
        f"## One byte changed\n\n{len(found.matrix)} changes; what each program says.\n",
        _matrix(found.matrix),
        "## Logs that others wrote, checked by us\n",
        _table(
            ("written by", "changed", "we say"),
            [(*what, _short(error) or "accepted") for what, error in found.theirs.items()],
        ),
        _witnesses(found.witnesses),
        _wrong(found.wrong),
    ]  # fmt: skip
    return "\n".join(part for part in parts if part)


def _missing(missing: dict[str, str]) -> str:
    return "".join(f"**Not run:** {name}, {why}.\n" for name, why in missing.items())


def _matrix(matrix: dict[str, dict[str, str]]) -> str:
    who = list(next(iter(matrix.values())))
    rows = [
        (name, *(_short(row[one]) or "**accepted**" for one in who)) for name, row in matrix.items()
    ]
    return _table(("changed", *who), rows)


def _witnesses(tried: dict[tuple[str, str], bool]) -> str:
    names = {
        "theirs": "`aics-witness` server, our client",
        "ours": "our server, the client of `aics-witness`",
        "go": "Go's `crypto`, our signatures",
    }
    rows = [
        (names[which], what, "yes" if fine else "**no**") for (which, what), fine in tried.items()
    ]
    return "## Witnesses\n\n" + _table(("witness", "tried", "as it should be"), rows)


def _wrong(wrong: list[str]) -> str:
    if not wrong:
        return "Everything is as it should be.\n"
    return "## Not as it should be\n\n" + "".join(f"- {one}\n" for one in wrong)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(
        "| " + " | ".join(one.replace("|", "\\|") for one in line) + " |\n" for line in lines
    )


def _short(error: str) -> str:
    """The type of an error, where it has one, and how it begins."""
    kind, _, rest = error.partition(": ")
    said = kind if kind.isidentifier() and rest and kind[0].isupper() else ""
    text = " ".join((rest if said else error).split())[:70]
    return f"`{said}` {text}" if said else text
