"""Labels that a Croissant description takes from the paths of files, by a pattern."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from foretaste.errors import UnreadableInput
from foretaste.files.croissant_parts import Field

_GROUP = re.compile(r"\((?!\?)")


def check_labels(label: Field, lead: str, files: tuple[str, ...], split: int) -> None:
    """That the pattern of a label says of every file what its folder says.

    lead:  what comes before the files' paths where the description speaks of them
    split: 1 if the first folder is train, test …, and the second the class; else 0

    Patterns are hostile: they run in time linear in the path (RE2). Raises `UnreadableInput`.
    """
    full = label.property == "fullpath"
    names = [lead + name if full else name.rpartition("/")[2] for name in files]
    pattern = _GROUP.sub("(?P<said>", label.regex, count=1)
    try:
        found = pc.extract_regex(pa.array(names, pa.string()), pattern).to_pylist()
    except (pa.ArrowException, ValueError) as error:
        raise UnreadableInput(f"{label.id}: {label.regex[:80]!r} is no pattern: {error}") from error
    for name, match in zip(files, found, strict=True):
        folders = name.split("/")[split:-1]
        told = match["said"] if match else None
        if told != (folders[0] if folders else None):
            raise UnreadableInput(
                f"{label.id}: by its pattern {name} is {told!r}, by its folder "
                f"{folders[0] if folders else None!r}; say --role label=folder, or label= for none"
            )
