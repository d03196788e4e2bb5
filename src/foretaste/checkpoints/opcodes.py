"""A pickle acted out without doing anything: every name it would import, and what it would build.

The opcodes are followed on a stack of stand-ins. Nothing is imported, nothing is called.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import Any, cast

from foretaste.checkpoints.standins import (
    Followed,
    Long,
    Made,
    Name,
    Pairs,
    Persistent,
    Stuck,
    Within,
    objects,
    skip_numbers,
    wraps_array,
)

MOST_STEPS = 5_000_000  # opcodes of one pickle
KEPT = 1 << 12  # bytes or characters of a constant that are kept
DEEPEST = 8  # arrays of objects within arrays of objects


def follow(stream: Within, among: bool = True, deep: int = 0) -> Followed:
    """Follows one pickle from where the stream is to its STOP; never raises for what it holds.

    among: whether joblib's arrays stand between the opcodes; `pickle` would read them as opcodes
    deep:  arrays of objects around this one
    """
    machine = _Machine(stream, among, deep)
    try:
        for opcode, value, at in pickletools.genops(cast(Any, stream)):
            machine.step(opcode.name, value, at or 0)
    except Stuck as error:
        machine.found.trouble = str(error)
    except (ValueError, IndexError, TypeError, KeyError, AttributeError, RecursionError) as error:
        where = f"after opcode {machine.found.steps:,} at byte {stream.tell():,}"
        machine.found.trouble = f"{where}: {type(error).__name__}: {error}"[:300]
    return machine.found


class _Machine:
    """The stack of an unpickler, with stand-ins on it."""

    def __init__(self, stream: Within, among: bool, deep: int) -> None:
        self.found = Followed()
        self._stream, self._among, self._deep = stream, among, deep
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def step(self, name: str, value: Any, at: int) -> None:
        self.found.steps += 1
        if self.found.steps > MOST_STEPS:
            raise Stuck(f"more than {MOST_STEPS:,} opcodes")
        act = _ACTS.get(name)
        if act is not None:
            act(self, value, at)
        elif name not in _SILENT:
            self._stack.append(_short(value))

    def _taken(self) -> list[Any]:
        """What stands above the last mark."""
        taken, self._stack = self._stack, self._below.pop()
        return taken

    def _named(self, module: Any, name: Any, at: int) -> Any:
        if not isinstance(module, str) or not isinstance(name, str):
            self.found.computed.append(at)
            return Made("a computed name", (module, name))
        self.found.names.append(Name(module, name, at))
        return self.found.names[-1]

    def mark(self, _: Any, __: int) -> None:
        self._below.append(self._stack)
        self._stack = []

    def pop(self, _: Any, __: int) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._taken()

    def pop_mark(self, _: Any, __: int) -> None:
        self._taken()

    def dup(self, _: Any, __: int) -> None:
        self._stack.append(self._stack[-1])

    def stop(self, _: Any, at: int) -> None:
        self.found.root, self.found.end = self._stack.pop(), at + 1

    def put(self, value: Any, _: int) -> None:
        self._memo[int(value)] = self._stack[-1]

    def memoize(self, _: Any, __: int) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def get(self, value: Any, _: int) -> None:
        self._stack.append(self._memo[int(value)])

    def tuple_(self, _: Any, __: int) -> None:
        taken = tuple(self._taken())
        self._stack.append(taken)

    def list_(self, _: Any, __: int) -> None:
        taken = self._taken()
        self._stack.append(taken)

    def dict_(self, _: Any, __: int) -> None:
        taken = self._taken()
        self._stack.append(Pairs(_paired(taken)))

    def append(self, _: Any, __: int) -> None:
        value = self._stack.pop()
        _parts(self._stack[-1]).append(value)

    def appends(self, _: Any, __: int) -> None:
        taken = self._taken()
        _parts(self._stack[-1]).extend(taken)

    def setitem(self, _: Any, __: int) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._stack[-1].pairs.append((key, value))

    def setitems(self, _: Any, __: int) -> None:
        taken = self._taken()
        self._stack[-1].pairs.extend(_paired(taken))

    def global_(self, value: str, at: int) -> None:
        module, _, name = value.partition(" ")
        self._stack.append(self._named(module, name, at))

    def stack_global(self, _: Any, at: int) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._stack.append(self._named(module, name, at))

    def inst(self, value: str, at: int) -> None:
        module, _, name = value.partition(" ")
        taken = self._taken()
        self._stack.append(Made(self._named(module, name, at), tuple(taken)))

    def obj(self, _: Any, __: int) -> None:
        taken = self._taken()
        self._stack.append(Made(taken[0], tuple(taken[1:])))

    def call(self, _: Any, __: int) -> None:
        given, maker = self._stack.pop(), self._stack.pop()
        self._stack.append(Made(maker, given))

    def call_with_names(self, _: Any, __: int) -> None:
        named, given, maker = self._stack.pop(), self._stack.pop(), self._stack.pop()
        self._stack.append(Made(maker, (given, named)))

    def build(self, _: Any, __: int) -> None:
        state = self._stack.pop()
        if isinstance(self._stack[-1], Made):
            self._stack[-1].state = state
            if self._among and wraps_array(self._stack[-1]):
                self._array(self._stack[-1])

    def _array(self, made: Made) -> None:
        """What joblib writes after the description of an array: its numbers, or its objects."""
        if not objects(made):
            skip_numbers(made, self._stream)
            return
        if self._deep == DEEPEST:
            raise Stuck(f"arrays of objects {DEEPEST} deep")
        inner = follow(self._stream, self._among, self._deep + 1)
        self.found.take(inner)

    def extension(self, value: int, at: int) -> None:
        self.found.extensions.append(at)
        self._stack.append(Made("an extension", (value,)))

    def persistent(self, value: Any, _: int) -> None:
        self._stack.append(Persistent(value))

    def persistent_taken(self, _: Any, __: int) -> None:
        self._stack.append(Persistent(self._stack.pop()))


def _short(value: Any) -> Any:
    if isinstance(value, (str, bytes, bytearray)) and len(value) > KEPT:
        return Long(len(value))
    return value


def _parts(holder: Any) -> Any:
    return holder if isinstance(holder, list) else holder.parts


def _paired(flat: list[Any]) -> list[tuple[Any, Any]]:
    if len(flat) % 2:
        raise Stuck("a mapping with a key and no value")
    return list(zip(flat[::2], flat[1::2], strict=True))


_SILENT = frozenset({"PROTO", "FRAME", "READONLY_BUFFER"})
_ACTS: dict[str, Callable[[_Machine, Any, int], None]] = {
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": _Machine.pop_mark,
    "DUP": _Machine.dup,
    "STOP": _Machine.stop,
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.put),
    "MEMOIZE": _Machine.memoize,
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
    **dict.fromkeys(("TUPLE", "FROZENSET"), _Machine.tuple_),
    "EMPTY_TUPLE": lambda m, _, __: m._stack.append(()),
    "TUPLE1": lambda m, _, __: m._stack.append((m._stack.pop(),)),
    "TUPLE2": lambda m, _, __: m._stack.append(_last(m._stack, 2)),
    "TUPLE3": lambda m, _, __: m._stack.append(_last(m._stack, 3)),
    "LIST": _Machine.list_,
    "EMPTY_LIST": lambda m, _, __: m._stack.append([]),
    "EMPTY_SET": lambda m, _, __: m._stack.append([]),
    "DICT": _Machine.dict_,
    "EMPTY_DICT": lambda m, _, __: m._stack.append(Pairs()),
    "APPEND": _Machine.append,
    **dict.fromkeys(("APPENDS", "ADDITEMS"), _Machine.appends),
    "SETITEM": _Machine.setitem,
    "SETITEMS": _Machine.setitems,
    "GLOBAL": _Machine.global_,
    "STACK_GLOBAL": _Machine.stack_global,
    "INST": _Machine.inst,
    "OBJ": _Machine.obj,
    **dict.fromkeys(("REDUCE", "NEWOBJ"), _Machine.call),
    "NEWOBJ_EX": _Machine.call_with_names,
    "BUILD": _Machine.build,
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _Machine.extension),
    "PERSID": _Machine.persistent,
    "BINPERSID": _Machine.persistent_taken,
}


def _last(stack: list[Any], count: int) -> tuple[Any, ...]:
    taken = tuple(stack[-count:])
    if len(taken) < count:
        raise Stuck("a tuple of more than there is")
    del stack[-count:]
    return taken
