"""Which checks and encoders a gate runs, and the columns it makes for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from foretaste import registry
from foretaste.contracts import Encoder
from foretaste.data import Batch, Mask, concat
from foretaste.errors import BadInput
from foretaste.gate.terms import Terms
from foretaste.streaming import Check

# Quick enough for one record at a time; the first whose needs are met gives a column.
ENCODERS = ("pixels", "static_text", "static_response", "language_id", "response_kind", "table")


@dataclass(frozen=True, eq=False)
class Prepared:
    """Encoders that have learned from the trusted rows, for good."""

    encoders: tuple[tuple[Encoder[Any, Any], Any], ...]

    def encode(self, batch: Batch) -> Batch:
        """The same records with the columns the checks need."""
        for encoder, model in self.encoders:
            batch = encoder.encode(batch, model)
        return batch

    def encode_each(self, batch: Batch) -> tuple[Batch, Mask]:
        """The records that can be encoded, and which those are: one bad record costs no other."""
        try:
            return self.encode(batch), np.ones(len(batch), bool)
        except Exception:  # noqa: BLE001 whatever it is, the gate has to stay shut
            parts, fine = [], np.zeros(len(batch), bool)
            for row in range(len(batch)):
                try:
                    parts.append(self.encode(batch.take([row])))
                    fine[row] = True
                except Exception:  # noqa: BLE001
                    fine[row] = False
            return concat(parts or [self.encode(batch.take([]))]), fine


def chosen(trusted: Batch, terms: Terms) -> tuple[dict[str, Check[Any]], Prepared, dict[str, str]]:
    """Checks by name, encoders that learned, and the checks left out with what they lack.

    Raises `BadInput` if no check can run, or one that was asked for cannot.
    """
    wanted = terms.checks or registry.names("checks")
    built = {n: registry.build("checks", n, **terms.settings.get(n, {})) for n in wanted}
    strange = set(terms.settings) - set(built)
    if strange:
        raise BadInput(f"settings for checks that do not run: {', '.join(sorted(strange))}")
    chain = _chain(trusted.names, terms.encoders)
    have = {*trusted.names, *(column for one in chain for column in one.gives)}
    runs = {name: one for name, one in built.items() if have.issuperset(one.needs)}
    lacking = {n: _lack(one, have) for n, one in built.items() if n not in runs}
    if not runs or (terms.checks and lacking):
        told = "; ".join(f"{name}: {lack}" for name, lack in lacking.items())
        raise BadInput(f"checks that cannot run on these trusted rows: {told}")
    return runs, _prepared(trusted, _needed(chain, runs.values())), lacking


def _chain(columns: Iterable[str], names: Iterable[str]) -> list[Encoder[Any, Any]]:
    """Encoders in the order in which they run; none makes a column that is there."""
    have, chain = set(columns), []
    for name in names or ENCODERS:
        encoder = registry.build("encoders", name)
        if have.issuperset(encoder.needs) and not have.issuperset(encoder.gives):
            chain.append(encoder)
            have.update(encoder.gives)
    return chain


def _needed(
    chain: list[Encoder[Any, Any]], checks: Iterable[Check[Any]]
) -> list[Encoder[Any, Any]]:
    """Those of which a check, or an encoder that is needed, wants a column."""
    wanted = {column for check in checks for column in check.needs}
    kept: list[Encoder[Any, Any]] = []
    for encoder in reversed(chain):
        if wanted.intersection(encoder.gives):
            kept.insert(0, encoder)
            wanted.update(encoder.needs)
    return kept


def _prepared(trusted: Batch, encoders: Iterable[Encoder[Any, Any]]) -> Prepared:
    learned: list[tuple[Encoder[Any, Any], Any]] = []
    for encoder in encoders:
        model = encoder.fit(encoder.summarize(trusted))
        trusted = encoder.encode(trusted, model)
        learned.append((encoder, model))
    return Prepared(tuple(learned))


def _lack(check: Check[Any], have: set[str]) -> str:
    return f"no column {', '.join(sorted(set(check.needs) - have))}"
