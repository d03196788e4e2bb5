"""Checks of live records, one method a file."""
