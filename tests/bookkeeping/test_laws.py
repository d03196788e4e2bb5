"""Laws of what is told to a ledger."""

import pytest
import typer.main

from foretaste.cli.app import app

ONLY_READ = {
    "diff", "detectors", "demo", "redteam", "attacks", "inspectors", "trace", "monitor",
    "aggregators", "version", "verify", "lineage", "sign",
    "gate contract", "gate checks", "gate held", "gate replay", "gate updates", "gate drift",
    "origin keygen", "origin sign", "origin check",
    "ledger init", "ledger witness new", "ledger witness trust", "ledger witness serve",
    "ledger witness evidence",
}  # fmt: skip


def commands(group, before=""):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


ALL = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", sorted(set(ALL) - ONLY_READ))
def test_every_command_that_changes_data_or_models_can_tell_a_ledger(name):
    assert "ledger" in {parameter.name for parameter in ALL[name].params}


def test_the_commands_that_only_read_are_all_there():
    assert ONLY_READ - set(ALL) <= {"lineage", "origin keygen", "origin sign", "origin check"}
