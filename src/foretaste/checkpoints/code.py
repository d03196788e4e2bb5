"""Python source, looked at as text: what it imports and calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator

LONGEST = 4 << 20  # bytes of a source file
MODULES = frozenset(  # that start commands, reach the network, or build code
    """cffi codeop commands ctypes dill cloudpickle ftplib marshal paramiko pty runpy smtplib socket
    subprocess telnetlib webbrowser winreg""".split()
)
DOUBTFUL = frozenset("http joblib pickle requests urllib urllib3".split())  # models may need them
CALLS = frozenset(
    """eval exec compile __import__ breakpoint os.system os.popen os.execv os.execve os.execvp
    os.spawnl os.spawnv os.fork os.kill""".split()
)


def reached(source: bytes) -> list[str]:
    r"""What a source reaches that models do not need; raises `ValueError` where it is no Python.

    >>> reached(b"import torch, subprocess as s\neval('1')")
    ['subprocess', 'eval']
    """
    if len(source) > LONGEST:
        raise ValueError(f"{len(source):,} bytes of source, at most {LONGEST:,} are read")
    try:
        tree = ast.parse(source)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"it is no Python that can be read: {error}") from error
    return list(dict.fromkeys(name for node in ast.walk(tree) for name in _reached(node)))


def doubtful(name: str) -> bool:
    """Whether a name that was reached is one that some models need."""
    return name.partition(".")[0] in DOUBTFUL


def _reached(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and not node.level:
        module = node.module or ""
        whole = [f"{module}.{alias.name}" for alias in node.names]
        names = [module, *(one for one in whole if one in CALLS)]
        yield from (one for one in whole if one in CALLS)
    elif isinstance(node, ast.Call):
        yield from (name for name in [_dotted(node.func)] if name in CALLS)
        return
    else:
        return
    yield from (name for name in names if name.partition(".")[0] in MODULES | DOUBTFUL)


def _dotted(node: ast.AST) -> str:
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])
