"""`foretaste version`."""

from __future__ import annotations

from importlib.metadata import version as installed

from foretaste.cli.screen import stdout


def version() -> None:
    """Print the version."""
    stdout.print(installed("foretaste"), highlight=False)
