"""A witness that is not ours signs our log, and ours signs for a client that is not."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from foretaste.ledger.cosigning import ask, enough, published
from foretaste.ledger.keys import WITNESS, WITNESS_ML_DSA, SigningKey, VerifyingKey
from foretaste.ledger.note import Note
from foretaste.ledger.policy import Log, Policy, Witness
from foretaste.ledger.reader import Reader
from foretaste.ledger.refusals import Forked, RolledBack
from foretaste.ledger.witness import Witness as Own
from foretaste.ledger.writer import Writer
from outside.ledger.cases import OLD, SIZE
from outside.ledger.tools import Tool, run


def theirs(tool: Tool, folder: Path) -> Iterator[tuple[str, bool]]:
    """What was tried with an `aics-witness` server, and whether it went as it should."""
    key = SigningKey.new("small.example/log")
    shutil.rmtree(folder, ignore_errors=True)
    with their_server(tool, folder, key.verifier) as (url, vkey):
        named = Witness("aics", VerifyingKey.read(vkey), url)
        policy = Policy("aics", (Log(key.verifier),), (named,))
        log = folder / "log"
        for stop in (300, 700):
            grow(log, key, 300 if stop == 300 else 400)
            asked = ask(Reader(log, [key.verifier]), policy)
            with Writer(log, key) as writer:
                put = published(writer, asked)
            seen = policy.check((log / "checkpoint").read_bytes())
            yield (
                f"signs our log of {stop} entries; we check and publish it",
                put and seen.size == stop,
            )
        yield (
            "signs the same checkpoint again",
            enough(ask(Reader(log, [key.verifier]), policy), policy).size == 700,
        )
        grow(folder / "shorter", key, 300)
        tried = raises(RolledBack, lambda: ask(Reader(folder / "shorter", [key.verifier]), policy))
        yield "knows more than a folder that was put back: RolledBack", tried
        for size in (700, 900):
            grow(folder / f"fork{size}", key, size, b"other")
            place = folder / f"fork{size}"
            tried = raises(Forked, lambda at=place: ask(Reader(at, [key.verifier]), policy))
            yield f"refuses a folder of {size} entries that forked: Forked", tried


def ours(tool: Tool, case: Path, folder: Path, key: VerifyingKey) -> Iterator[tuple[str, bool]]:
    """What was tried with the client of `aics-witness` at our server."""
    from foretaste.serving.witness import WitnessSettings, witness_server

    cosigner = SigningKey.new("ours.example/witness", WITNESS)
    (folder / "ours").mkdir(parents=True, exist_ok=True)
    (folder / "ours" / "witness.db").unlink(missing_ok=True)
    witness = Own.new(folder / "ours" / "witness.db", [cosigner])
    witness.trust(key)
    port = free_port()
    server = witness_server(witness, WitnessSettings(port=port))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    shutil.copyfile(case / "log" / "checkpoint", case / "old" / str(SIZE))
    try:
        wait(f"http://127.0.0.1:{port}/healthz")
        sizes = [str(size) for size in (*OLD[::3], SIZE)]
        more = (f"http://127.0.0.1:{port}", cosigner.verifier.text, str(case), *sizes)
        lines = run(*tool.command, "submit", *more).splitlines()
        yield (
            f"signs {len(sizes)} checkpoints up to {SIZE:,} entries for its client",
            len(lines) == len(sizes),
        )
    finally:
        (case / "old" / str(SIZE)).unlink()
        server.should_exit = True
        thread.join(20)


def both_kinds(
    tool: Tool, case: Path, folder: Path, log: VerifyingKey
) -> Iterator[tuple[str, bool]]:
    """Signatures of a witness of ours by both algorithms, checked by the program in Go."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "cosigned"
    keys = [SigningKey.new("ours.example/witness", kind) for kind in (WITNESS, WITNESS_ML_DSA)]
    note = Note.read((case / "log" / "checkpoint").read_bytes())
    file.write_bytes(note.having(key.sign(note.text, int(time.time())) for key in keys).content)
    named = (log.text, *(key.verifier.text for key in keys))

    def refused() -> str:
        return json.loads(run(*tool.command, "witnessed", str(file), *named))["error"]

    yield "Ed25519 and ML-DSA-44 signatures of our witness are accepted", not refused()
    good = file.read_bytes()
    for what, at in (("ML-DSA-44", len(good) - 500), ("time", good.rindex(b"witness ") + 20)):
        changed = bytearray(good)
        changed[at] = ord("B") if changed[at] == ord("A") else ord("A")
        file.write_bytes(changed)
        yield f"one byte of the {what} changed: {refused()[:60]}", bool(refused())


@contextmanager
def their_server(tool: Tool, folder: Path, key: VerifyingKey) -> Iterator[tuple[str, str]]:
    """Address and key of a witness in a process of its own."""
    folder.mkdir(parents=True)
    config, port = str(folder / "witness.json"), free_port()
    program = str(tool.bin / "aics-witness")
    listen = ("--listen", f"127.0.0.1:{port}")
    told = run(program, "init", "--config", config, "--name", "aics.example/witness", *listen)
    vkey = re.search(r"aics\.example/witness\+[0-9a-f]{8}\+\S+", told)
    run(program, "add-log", "--config", config, "--origin", key.name, "--vkey", key.text)
    with (folder / "witness.log").open("wb") as log:
        process = subprocess.Popen([program, "serve", "--config", config], stdout=log, stderr=log)
        try:
            wait(f"http://127.0.0.1:{port}/healthz")
            yield f"http://127.0.0.1:{port}", vkey.group()
        finally:
            process.terminate()
            process.wait(20)


def grow(folder: Path, key: SigningKey, more: int, what: bytes = b"entry") -> None:
    with Writer(folder, key) as writer:
        first = writer.size
        writer.append([what + b" %d" % number for number in range(first, first + more)])


def raises(kind: type[Exception], do: Callable[[], object]) -> bool:
    try:
        do()
    except kind:
        return True
    return False


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait(url: str, seconds: float = 30) -> None:
    """Until a server answers."""
    until = time.monotonic() + seconds
    while True:
        try:
            with urlopen(url, timeout=5):
                return
        except (URLError, OSError):
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
