"""A transparency log in the open format C2SP tlog-tiles, and the statements that stand in it."""
