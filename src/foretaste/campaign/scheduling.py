"""Cells in processes of their own: side by side, within their time, none able to harm another."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from threadpoolctl import threadpool_limits

PAUSE = 0.05  # seconds between looks at what is running
GRACE = 5.0  # seconds a process gets to end when it is told to
TAIL = 2_000  # characters of what a crashed process said


@dataclass(frozen=True)
class Ended:
    """A piece of work that ended; `why` is empty when it ended well."""

    key: str
    seconds: float
    why: str = ""
    stopped: bool = False


@dataclass
class _Running:
    key: str
    process: BaseProcess
    began: float
    said: Path


def in_processes(
    work: Callable[[str], None],
    keys: Iterable[str],
    folder: Path,
    *,
    jobs: int,
    seconds: float,
    until: float | None = None,
) -> Iterator[Ended]:
    """Runs `work(key)` for each key, at most `jobs` at a time, each at most `seconds` long.

    folder: where what a process says on stderr is kept while it runs
    until:  `time.monotonic()` after which none is begun; keys that were not begun are not named

    Whatever ends this (an interrupt, too) ends the processes.
    """
    waiting, running = list(keys)[::-1], list[_Running]()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "foretaste.campaign.running"])
    threads = max(1, len(os.sched_getaffinity(0)) // jobs)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        while waiting or running:
            late = until is not None and time.monotonic() >= until
            if late:
                waiting.clear()
            while waiting and len(running) < jobs:
                key = waiting.pop()
                said = folder / f"{key}.stderr"
                process = context.Process(target=_begin, args=(work, key, said, threads))
                process.start()
                running.append(_Running(key, process, time.monotonic(), said))
            ended = [(one, _how(one, seconds)) for one in running]
            running = [one for one, how in ended if how is None]
            yield from (how for _, how in ended if how is not None)
            time.sleep(PAUSE)
    finally:
        for one in running:
            _end(one.process)


def _begin(work: Callable[[str], None], key: str, said: Path, threads: int) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with (
        said.open("w", encoding="utf-8") as stream,
        redirect_stderr(stream),
        threadpool_limits(threads),
    ):
        os.dup2(stream.fileno(), 2)  # what native code and the interpreter itself say, too
        _torch_threads(threads)
        work(key)


def _end_with_parent() -> None:
    """Ends this process when the one that wants its result is gone, killed outright perhaps."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _torch_threads(threads: int) -> None:
    try:
        import torch
    except ImportError:
        return  # the core does without it
    torch.set_num_threads(threads)


def _how(one: _Running, seconds: float) -> Ended | None:
    spent = time.monotonic() - one.began
    if one.process.is_alive():
        if spent < seconds:
            return None
        _end(one.process)
        return Ended(one.key, spent, f"stopped after {seconds:.0f} s", stopped=True)
    one.process.join()
    code = one.process.exitcode or 0
    tail = one.said.read_text(encoding="utf-8", errors="replace")[-TAIL:] if code else ""
    one.said.unlink(missing_ok=True)
    return Ended(one.key, spent, "" if not code else f"exit code {code}: {tail.strip()}")


def _end(process: BaseProcess) -> None:
    process.terminate()
    process.join(GRACE)
    if process.is_alive():
        process.kill()
        process.join()
