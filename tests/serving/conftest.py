"""Rows known to be clean, and a server that keeps running for a file of tests."""

import csv

import pytest

from foretaste.serving.tokens import Scope
from tests.serving.houses import LINE, row, serving


@pytest.fixture(scope="session")
def trusted(tmp_path_factory):
    path = tmp_path_factory.mktemp("trusted") / "clean.csv"
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, LINE)
        writer.writeheader()
        writer.writerows(row(i) for i in range(400))
    return path


@pytest.fixture(scope="module")
def house(tmp_path_factory, trusted):
    """Two gates: `main` for everybody, `bank` for the tenant of that name."""
    folder = tmp_path_factory.mktemp("house")
    with serving(folder, trusted, gates=("main", "bank"), tenants=((), ("bank",))) as running:
        tenants = {"shop": "shop", "bank": "bank", "boss": ""}
        for name, tenant in tenants.items():
            running.said[name] = running.tokens.make(name, list(Scope), tenant)
        running.said["sender"] = running.tokens.make("sender", [Scope.SUBMIT], "shop")
        yield running
