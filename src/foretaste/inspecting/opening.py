"""A file becomes a model, where that can be done without running anything of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from foretaste.checkpoints.bounded import Unreadable
from foretaste.checkpoints.formats import Format, format_of
from foretaste.checkpoints.safetensors_file import header_of
from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.inspecting.apart import Apart, Died, Limits
from foretaste.keeping import MARK, kept

FRAMEWORK = 12 << 30  # bytes of address space: a framework maps much and uses little of it

PROGRAM = "TorchScript is a program, and is run only when asked to: --run-model"


@dataclass(frozen=True, eq=False)
class Opened:
    """A model, or why there is none.

    victim:  None where the file can only be looked at
    said:    the recipe of the model, or the reason
    classes: names by code
    fault:   why nothing says that it is safe, where trying it went wrong
    """

    victim: Any
    said: str
    classes: tuple[str, ...] = ()
    fault: str = ""

    def example(self) -> Batch:
        """No more than what rows for this model must be like: classes, and the size of images."""
        shape = getattr(self.victim, "shape", None)
        columns = {} if shape is None else {"pixels": np.zeros((1, *shape), np.uint8)}
        return Batch(["example"], columns, self.classes)


def opened(path: Path) -> Opened:
    """The model in a file that `foretaste.keeping.keep` wrote; it is tried in a process apart."""
    if path.is_file() and format_of(path) is Format.TORCHSCRIPT:
        return Opened(None, f"only looked at as files: {PROGRAM}")
    if not _claims(path):
        return Opened(None, "only looked at as files: no model that `foretaste` wrote")
    limits = Limits(memory=FRAMEWORK)
    with Apart(limits) as apart:
        try:
            answer = apart.ask({"open": str(path.absolute())}, path.stat().st_size)
        except Died as death:
            return Opened(None, f"not opened as a model: {death}")
    if "opened" not in answer:
        reason = answer.get("error") or answer.get("missing") or "no answer"
        return Opened(None, f"only looked at as files: {reason}")
    try:
        model = kept(path)
    except BadInput as error:
        return Opened(None, f"only looked at as files: {error}")
    return Opened(model.victim, model.name, model.classes)


def _claims(path: Path) -> bool:
    """Whether a file says that it was written by `keep`."""
    if not path.is_file() or format_of(path) is not Format.SAFETENSORS:
        return False
    try:
        return MARK in header_of(path).metadata
    except Unreadable:
        return False
