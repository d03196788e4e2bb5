"""Versions of data sets: one root over all rows, in which each row has its proof."""

from foretaste.versions.encoding import encoded
from foretaste.versions.rows import RowProof, Rows, check_row
from foretaste.versions.version import Version, row_digests, version_of

__all__ = ["RowProof", "Rows", "Version", "check_row", "encoded", "row_digests", "version_of"]
