"""Has programs that are not ours check a log of ours, changed and unchanged; and we check theirs.

    python -m outside.ledger.run [--build FOLDER] [--report FILE]

Ends with 1 where anything is not as it should be, with 2 where no other program could be had.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from foretaste.errors import LedgerRefused
from foretaste.ledger.keys import VerifyingKey
from outside.ledger import by_us, cases, tools, witnesses
from outside.ledger.page import page

THEIR_SIZE = 3_000
_BEGAN = time.monotonic()


@dataclass
class Findings:
    """What came out.

    versions:  verifier -> which it is
    clean:     verifier -> what it checked of the unchanged log
    matrix:    change -> verifier -> error, empty where it was accepted
    theirs:    (who wrote the log, change) -> our error
    witnesses: (which, what was tried) -> whether it went as it should
    missing:   tool -> why it could not be had
    wrong:     everything that is not as it should be
    """

    versions: dict[str, str] = field(default_factory=dict)
    clean: dict[str, dict] = field(default_factory=dict)
    matrix: dict[str, dict[str, str]] = field(default_factory=dict)
    theirs: dict[tuple[str, str], str] = field(default_factory=dict)
    witnesses: dict[tuple[str, str], bool] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def had(build: Path, found: Findings) -> dict[str, tools.Tool]:
    some = {}
    for name, make in (("aics", tools.aics), ("go", tools.go)):
        say(f"getting {name} …")
        try:
            some[name] = make(build)
            found.versions[some[name].name] = some[name].version
            say(f"  {some[name].name} {some[name].version}")
        except tools.NotHad as why:
            found.missing[name] = str(why)
            say(f"  NOT RUN: {name} cannot be had here: {why}")
    return some


def outsiders(build: Path, some: dict[str, tools.Tool], found: Findings) -> VerifyingKey:
    """Our log, and each change to it, by everybody."""
    say(f"{elapsed()} writing {cases.SIZE:,} entries …")
    clean = build / "cases" / "unchanged"
    key = cases.make(clean).verifier
    folders = [clean, *(cases.changed(clean, change) for change in cases.CHANGES)]
    say(f"{elapsed()} checking {len(folders)} logs ourselves …")
    told = {"Foretaste": {folder.name: by_us.verify(folder, key) for folder in folders}}
    for tool in some.values():
        say(f"{elapsed()} checking {len(folders)} logs with {tool.name} …")
        told[tool.name] = tool.verify(key.text, folders)
    for who, results in told.items():
        found.clean[who] = results["unchanged"]
        if results["unchanged"]["error"]:
            found.wrong.append(f"{who} refuses the log: {results['unchanged']['error']}")
    for change in cases.CHANGES:
        row = {who: results[change.name]["error"] for who, results in told.items()}
        found.matrix[change.name] = row
        found.wrong += [f"{who} accepts {change.name}" for who, error in row.items() if not error]
        wanted(change, row["Foretaste"], change.name, found)
    return key


def wanted(change: cases.Change, error: str, name: str, found: Findings) -> None:
    if error.partition(":")[0] != change.wanted:
        found.wrong.append(f"{name}: wanted is {change.wanted}, ours is {error or 'accepted'}")


def insiders(build: Path, some: dict[str, tools.Tool], found: Findings) -> None:
    """Logs that others wrote, and changes to them, by us."""
    for name, tool in some.items():
        folder = build / "theirs" / name / "unchanged"
        shutil.rmtree(folder.parent, ignore_errors=True)
        folder.mkdir(parents=True)
        key = VerifyingKey.read(tool.write(folder, THEIR_SIZE).strip())
        found.theirs[tool.name, "unchanged"] = error = checked(folder, key)
        if error:
            found.wrong.append(f"we refuse the log of {tool.name}: {error}")
        for change in cases.OTHERS:
            error = checked(cases.changed(folder, change), key)
            found.theirs[tool.name, change.name] = error
            wanted(change, error, f"{change.name} by {tool.name}", found)


def checked(folder: Path, key: VerifyingKey) -> str:
    try:
        by_us.whole(folder, key, {"inclusion": 0})
    except LedgerRefused as refused:
        return f"{type(refused).__name__}: {refused}"
    return ""


def witnessed(build: Path, some: dict[str, tools.Tool], key: VerifyingKey, found: Findings) -> None:
    say(f"{elapsed()} witnesses …")
    case, folder = build / "cases" / "unchanged", build / "witness"
    tried: list[tuple[str, Iterable[tuple[str, bool]]]] = []
    if "aics" in some:
        tried.append(("theirs", witnesses.theirs(some["aics"], folder)))
        tried.append(("ours", witnesses.ours(some["aics"], case, folder, key)))
    if "go" in some:
        tried.append(("go", witnesses.both_kinds(some["go"], case, folder, key)))
    for which, outcomes in tried:
        for what, fine in outcomes:
            found.witnesses[which, what] = fine
    found.wrong += [f"witness: {what[1]}" for what, fine in found.witnesses.items() if not fine]


def elapsed() -> str:
    return f"{time.monotonic() - _BEGAN:4.0f} s"


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=Path("build/outside"))
    parser.add_argument("--report", type=Path, default=Path("build/outside/ledger_outside.md"))
    said = parser.parse_args()
    build = said.build.absolute()
    build.mkdir(parents=True, exist_ok=True)
    found = Findings({"Foretaste": version("foretaste")})
    some = had(build, found)
    if not some:
        return 2
    key = outsiders(build, some, found)
    insiders(build, some, found)
    witnessed(build, some, key, found)
    said.report.write_text(page(found), encoding="utf-8")
    refused = sum(len(row) for row in found.matrix.values())
    say(f"{len(found.clean)} verifiers, {len(found.matrix)} changes, {refused} refusals wanted")
    for name, why in found.missing.items():
        say(f"NOT RUN: {name}: {why}")
    for one in found.wrong:
        say(f"WRONG: {one}")
    say(f"written: {said.report}")
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
