"""Files safely: listed without leaving the tree, opened anywhere, unpacked within limits."""

from foretaste.files.lines import Lines, lines_of, prepared
from foretaste.files.pieces import Piece
from foretaste.files.streams import Blocks, Limits, packing, pour, sha256, unpacked_head
from foretaste.files.tree import Entry, Tree, head, inside, kind_of, share, tree

__all__ = [
    "Blocks",
    "Entry",
    "Limits",
    "Lines",
    "Piece",
    "Tree",
    "head",
    "inside",
    "kind_of",
    "lines_of",
    "packing",
    "pour",
    "prepared",
    "sha256",
    "share",
    "tree",
    "unpacked_head",
]
