"""What is done to the rows before training, or to the model after it.

The controls, a scan, a repair, a mender, or your own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from foretaste import registry
from foretaste.campaign.outcome import PERFECT, RANDOM, UNDEFENDED
from foretaste.campaign.spec import DefenceSpec
from foretaste.data import Batch, Floats, Mask
from foretaste.errors import BadInput
from foretaste.scanning.reading import InMemory
from foretaste.scanning.run import Settings, scan_into
from foretaste.trained import Mender

SCAN = ("what", "alpha", "detectors", "thorough")


@dataclass(frozen=True)
class Defended:
    """The rows to train on, and what was said of each row before.

    flagged:   (n,) of the rows given; suspicion: (n,) higher is more suspicious, or None
    changed:   how many rows were repaired instead of dropped
    found_by:  detector -> rows accused, as a mask
    mender:    what mends the model trained on the rows; None where they are all there is to it
    """

    rows: Batch
    flagged: Mask
    suspicion: Floats | None = None
    changed: int = 0
    found_by: Mapping[str, Mask] = field(default_factory=dict)
    mender: Mender | None = None


def control(name: str, rows: Batch, touched: Mask, seed: int) -> Defended:
    """Undefended, or as many rows dropped as were poisoned: at random, or exactly those."""
    flagged = np.zeros(len(rows), bool)
    if name == RANDOM:
        drawn = np.random.default_rng([seed, 17]).choice(
            len(rows), int(touched.sum()), replace=False
        )
        flagged[drawn] = True
    elif name == PERFECT:
        flagged = touched.copy()
    elif name != UNDEFENDED:
        raise BadInput(f"no control is called {name!r}")
    return Defended(rows.take(~flagged), flagged)


def defended(spec: DefenceSpec, rows: Batch, scans: Scans) -> Defended:
    """What the defence makes of the rows; it is not told what is poisoned, nor how much."""
    if spec.name == "scan":
        return scans.dropped(spec.settings)
    if ":" in spec.name:
        return _own(spec, rows)
    return _repaired(spec, rows)


def check(spec: DefenceSpec, fine_tune: float) -> None:
    """Raises `BadInput` for a defence that cannot be, before hours of work."""
    if spec.name == "scan":
        _scan_settings(spec.settings, 0)
    elif ":" in spec.name:
        _function(spec.name)
    elif hasattr(_repair(spec), "mend") and not fine_tune:
        raise BadInput(f"{spec.name} mends with clean rows: keep some apart as target.fine_tune")


@dataclass(frozen=True)
class Scans:
    """What scans said of one set of rows; scans that differ only in what is dropped are one."""

    rows: Batch
    seed: int
    done: dict[Settings, _Said] = field(default_factory=dict)

    def dropped(self, said: Mapping[str, Any]) -> Defended:
        """The rows without those that the scan accuses."""
        how, what = _scan_settings(said, self.seed)
        if how not in self.done:
            self.done[how] = _scanned(self.rows, how)
        found = self.done[how]
        flagged = found.flagged if what == "all" else found.attack
        p_value = found.p_value if what == "all" else found.attack_p
        suspicion = -np.log10(np.clip(np.nan_to_num(p_value, nan=1.0), 1e-300, 1.0))
        by = {
            name: mask
            for name, mask in found.accused.items()
            if what == "all" or found.kinds[name] == "attack"
        }
        # what is accused by a fact is beyond doubt, whatever the p-values of others say
        return Defended(
            self.rows.take(~flagged), flagged, suspicion + 1_000.0 * flagged, found_by=by
        )


@dataclass(frozen=True)
class _Said:
    flagged: Mask
    attack: Mask
    p_value: Floats
    attack_p: Floats
    accused: Mapping[str, Mask]
    kinds: Mapping[str, str]


def _scanned(rows: Batch, how: Settings) -> _Said:
    with TemporaryDirectory(prefix="foretaste-") as folder:
        done = scan_into(InMemory(rows), Path(folder), how)
        told, back = done.judgement, np.argsort(done.scores.index, kind="stable")
    return _Said(
        told.flagged[back],
        told.of_kind("attack")[back],
        told.p_value[back],
        told.attack_p[back],
        {name: mask[back] for name, mask in told.accused.items() if mask.any()},
        told.kinds,
    )


def _scan_settings(said: Mapping[str, Any], seed: int) -> tuple[Settings, str]:
    unknown = sorted(set(said) - set(SCAN))
    if unknown:
        raise BadInput(f"defence scan has no setting {unknown[0]!r}; it has {list(SCAN)}")
    what = said.get("what", "attack")
    if what not in ("attack", "all"):
        raise BadInput(f"defence scan: what is {what!r}; wanted is 'attack' or 'all'")
    names = said.get("detectors")
    for name in names or ():
        registry.component("detectors", name)
    chosen = None if names is None else tuple(names)
    alpha, thorough = float(said.get("alpha", 0.01)), bool(said.get("thorough", False))
    return Settings(alpha=alpha, detectors=chosen, thorough=thorough, seed=seed), what


def _repair(spec: DefenceSpec) -> Any:
    kind = registry.component("repairs", spec.name)
    fields = {one.name for one in dataclasses.fields(kind)}
    unknown = sorted(set(spec.settings) - fields)
    if unknown:
        raise BadInput(f"repair {spec.name} has no setting {unknown[0]!r}; it has {sorted(fields)}")
    return kind(**spec.settings)


def _repaired(spec: DefenceSpec, rows: Batch) -> Defended:
    repair = _repair(spec)
    if hasattr(repair, "mend"):
        return Defended(rows, np.zeros(len(rows), bool), mender=repair)
    lacking = [name for name in repair.needs if name not in rows]
    if lacking:
        raise BadInput(f"repair {spec.name} needs {', '.join(lacking)}; not in these rows")
    done = repair.repair(rows)
    return Defended(done.batch, done.changed, changed=int(done.changed.sum()))


def _own(spec: DefenceSpec, rows: Batch) -> Defended:
    """`module:function(rows: Batch, **settings)` -> (n,) rows to drop, or scores and rows."""
    answer = _function(spec.name)(rows, **spec.settings)
    suspicion, flagged = answer if isinstance(answer, tuple) else (None, answer)
    flagged = np.asarray(flagged)
    if flagged.shape != (len(rows),) or flagged.dtype != bool:
        raise BadInput(
            f"defence {spec.name} gave {flagged.dtype} {flagged.shape}; wanted is a mask of "
            f"{len(rows)} rows, or scores and a mask"
        )
    return Defended(rows.take(~flagged), flagged, suspicion)


def _function(path: str) -> Any:
    module, _, name = path.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise BadInput(f"defence {path}: {error}") from error
