"""The command line: thin, and the only floor that prints."""

from __future__ import annotations


def main() -> None:
    """Runs the command line; the entry point `foretaste`."""
    from foretaste.cli.app import run

    run()
