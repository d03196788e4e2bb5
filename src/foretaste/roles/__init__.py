"""What each column of a data set is for, and its values in one fixed shape."""

from foretaste.roles.content import content_ids
from foretaste.roles.names import ROLES
from foretaste.roles.source import TableSource, open_rows

__all__ = ["ROLES", "TableSource", "content_ids", "open_rows"]
