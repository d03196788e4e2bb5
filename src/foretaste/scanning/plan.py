"""Which encoders and detectors a scan runs, and why the others do not."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from foretaste import registry
from foretaste.contracts import Detector, Encoder

# Tried in this order; the first whose needs are met gives a column, so images speak before
# text and text before numbers. Others run only when they are asked for.
ENCODERS = (
    "pixels",
    "image_network",
    "static_text",
    "static_response",
    "language_id",
    "response_kind",
    "table",
    "out_of_fold",
)
# Detectors that run where a scan may take its time, or where they are asked for.
SLOW = ("unasked_answer",)
ALWAYS = ("index", "location")


@dataclass(frozen=True)
class Plan:
    """What runs, in order.

    encoders:  name -> encoder
    detectors: name -> detector
    skipped:   detector name -> what it lacks
    """

    encoders: Mapping[str, Encoder[Any, Any]]
    detectors: Mapping[str, Detector[Any, Any]]
    skipped: Mapping[str, str]

    def described(self) -> dict[str, Any]:
        """For the record: names and settings."""
        return {
            "encoders": {name: settings(one) for name, one in self.encoders.items()},
            "detectors": {name: settings(one) for name, one in self.detectors.items()},
            "skipped": dict(self.skipped),
        }


def make_plan(
    columns: Iterable[str],
    *,
    detectors: Iterable[str] | None = None,
    encoders: Iterable[Encoder[Any, Any]] = (),
    thorough: bool = False,
    seed: int = 0,
) -> Plan:
    """What can run on rows with these columns.

    detectors: names; None means every one there is, but for slow ones
    encoders:  the user's own choice; they come before the built-in ones
    thorough:  costly encoders and slow detectors too
    """
    given = [column for column in columns if column not in ALWAYS]
    usual = [name for name in registry.names("detectors") if thorough or name not in SLOW]
    wanted = usual if detectors is None else list(detectors)
    built = {name: registry.build("detectors", name) for name in wanted}
    own = {registry_name(one): one for one in encoders}
    chain = _chain(given, own, seed)
    have = {*given, *(column for one in chain.values() for column in one.gives)}
    runs = {name: one for name, one in built.items() if have.issuperset(one.needs)}
    lacking = {name: _lack(one, have) for name, one in built.items() if name not in runs}
    return Plan(_needed(chain, runs), runs, lacking)


def registry_name(method: object) -> str:
    """The name a method goes by: that of its file.

    >>> registry_name(registry.build("detectors", "spectral"))
    'spectral'
    """
    return type(method).__module__.rpartition(".")[2]


def settings(method: Any) -> dict[str, Any]:
    """Its constructor's fields, as written down."""
    if not dataclasses.is_dataclass(method):
        return {}
    return {f.name: _plain(getattr(method, f.name)) for f in dataclasses.fields(method)}


def _chain(
    given: Iterable[str],
    own: Mapping[str, Encoder[Any, Any]],
    seed: int,
) -> dict[str, Encoder[Any, Any]]:
    have = set(given)
    chosen: dict[str, Encoder[Any, Any]] = {}
    candidates = dict(own)
    for name in (n for n in ENCODERS if n in registry.names("encoders") and n not in own):
        candidates[name] = _seeded(registry.component("encoders", name), seed)
    while fitting := _first_that_fits(candidates, have):
        chosen[fitting] = candidates.pop(fitting)
        have.update(chosen[fitting].gives)
    return chosen


def _first_that_fits(candidates: Mapping[str, Encoder[Any, Any]], have: set[str]) -> str | None:
    fits = (
        name
        for name, one in candidates.items()
        if have.issuperset(one.needs) and not have.intersection(one.gives)
    )
    return next(fits, None)


def _seeded(encoder: Any, seed: int) -> Encoder[Any, Any]:
    fields = {f.name for f in dataclasses.fields(encoder)}
    made: Encoder[Any, Any] = encoder(seed=seed) if "seed" in fields else encoder()
    return made


def _needed(
    chain: Mapping[str, Encoder[Any, Any]], runs: Mapping[str, Detector[Any, Any]]
) -> dict[str, Encoder[Any, Any]]:
    wanted = {column for detector in runs.values() for column in detector.needs}
    kept = []
    for name, encoder in reversed(list(chain.items())):
        if wanted.intersection(encoder.gives):
            kept.append(name)
            wanted.update(encoder.needs)
    return {name: chain[name] for name in chain if name in kept}


def _lack(detector: Detector[Any, Any], have: set[str]) -> str:
    missing = [column for column in detector.needs if column not in have]
    return f"needs {', '.join(missing)}"


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else str(value)
