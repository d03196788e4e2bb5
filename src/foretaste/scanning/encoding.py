"""Adds the columns that detectors need, level by level; what is finished is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from foretaste.cache import ColumnCache
from foretaste.contracts import Encoder
from foretaste.data import Batch, take
from foretaste.errors import ForetasteError
from foretaste.scanning.learned import Learned, fit_all, summarize_all, told
from foretaste.scanning.plan import settings
from foretaste.scanning.watch import Watch
from foretaste.store import Spool
from foretaste.summaries.nothing import Stateless


def encode_all(
    spool: Spool, encoders: Mapping[str, Encoder[Any, Any]], fingerprint: str, watch: Watch
) -> dict[str, Learned]:
    """Adds every encoder's columns to the spool; finished stages of an earlier run are kept."""
    done: dict[str, Learned] = {}
    waiting = dict(encoders)
    have = set(spool.batch(0).names)
    while waiting:
        level = {name: one for name, one in waiting.items() if have.issuperset(one.needs)}
        if not level:
            reason = "a column it needs could not be made"
            done.update({n: Learned(n, one, failure=reason) for n, one in waiting.items()})
            break
        learned = [
            Learned(name, one, stage=_stage(name, one, fingerprint, done))
            for name, one in level.items()
        ]
        _encode_level(spool, learned, watch)
        for one in learned:
            done[one.name] = one
            have.update(() if one.failure else one.method.gives)
            waiting.pop(one.name)
    return done


def ensure_models(spool: Spool, encoders: Iterable[Learned], watch: Watch) -> None:
    """Fits encoders whose columns were kept from an earlier run, where they are needed again."""
    missing = [one for one in encoders if one.summary is None and not one.failure]
    summarize_all(spool, missing, watch, "prepare")
    fit_all(missing, watch)


def _encode_level(spool: Spool, learned: list[Learned], watch: Watch) -> None:
    fresh = [one for one in learned if (spool.facts(one.stage) or {}).get("rows") != spool.rows]
    for one in learned:
        if one not in fresh:
            spool.complete(one.stage, rows=spool.rows)
    taught = [one for one in fresh if not isinstance(one.method, Stateless)]
    summarize_all(spool, taught, watch, "prepare")
    fit_all(fresh, watch)
    for one in (one for one in fresh if not one.failure):
        _encode(spool, one, watch)


def _encode(spool: Spool, one: Learned, watch: Watch) -> None:
    with watch.stage(f"encode: {one.name}", spool.rows) as tick:
        try:
            known = _cache(one, spool.batch(0))
            for part, batch in enumerate(spool):
                made = _encoded(one, batch) if known is None else _recalled(one, batch, known)
                spool.extend(one.stage, part, made, one.method.gives)
                tick(len(batch))
            spool.complete(one.stage, rows=spool.rows)
        except Exception as error:  # noqa: BLE001 (any failure is recorded, its detectors do not run)
            one.failure = told(error)


def _cache(one: Learned, batch: Batch) -> ColumnCache | None:
    """Only for encoders that say they are costly and whose answer depends on the row alone.

    Columns of other encoders count by their type: images of one data set are not of the size
    they have in another.
    """
    method: Any = one.method
    if not (getattr(method, "costly", False) and isinstance(one.method, Stateless)):
        return None
    types = [str(batch.arrow(column).type) for column in method.needs]
    said = repr((one.name, settings(method), _files_of(method), types))
    return ColumnCache.of(said, method.gives)


def _files_of(encoder: Any) -> str:
    """What stands for the files an encoder reads, where it can read any; encoding says why not."""
    try:
        return str(encoder.fingerprint()) if hasattr(encoder, "fingerprint") else ""
    except (ForetasteError, OSError):
        return ""


def _encoded(one: Learned, batch: Batch) -> Batch:
    made: Batch = one.method.encode(batch, one.model)
    return made


def _recalled(one: Learned, batch: Batch, cache: ColumnCache) -> Batch:
    known, columns = cache.find(batch)
    if known.all() and len(batch):
        return batch.having(**columns)
    fresh = _encoded(one, batch.take(~known))
    cache.keep(fresh)
    if not known.any():
        return batch.having(**{name: fresh.arrow(name) for name in one.method.gives})
    back = pa.array(np.argsort(np.concatenate([np.flatnonzero(known), np.flatnonzero(~known)])))
    both = {n: pa.concat_arrays([columns[n], fresh.arrow(n)]) for n in one.method.gives}
    return batch.having(**{name: take(column, back) for name, column in both.items()})


def _stage(name: str, encoder: Any, fingerprint: str, before: Mapping[str, Learned]) -> str:
    """A folder name that changes with the rows, the settings and whatever came before."""
    own = (settings(encoder), _files_of(encoder))
    said = repr((fingerprint, own, [one.stage for one in before.values()]))
    return f"{name}-{hashlib.sha256(said.encode()).hexdigest()[:12]}"
