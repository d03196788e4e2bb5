"""Tables as streams with senders, and the attacks on them, for the benchmarks of the gate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from foretaste import datasets
from foretaste.attacks.boiling_frog import BoilingFrog
from foretaste.attacks.feature_outlier import FeatureOutlier
from foretaste.attacks.influential_flip import InfluentialFlip
from foretaste.attacks.label_flip import LabelFlip
from foretaste.attacks.near_boundary_flip import NearBoundaryFlip
from foretaste.attacks.provenance_spoofing import ProvenanceSpoofing
from foretaste.attacks.sybil import Sybil
from foretaste.attacks.trust_grooming import TrustGrooming
from foretaste.attacks.value_trigger import ValueTrigger
from foretaste.data import Batch, content_id

SENDERS = 50
TRUSTED = 0.2  # share of a stream, its first rows
START = 1_700_000_000.0  # seconds since 1970


@dataclass(frozen=True)
class Stream:
    """A stream, parted.

    trusted: its first rows; rows: what comes then; test: every tenth of those, kept apart
    target: the class an attacker wants records to be called
    """

    name: str
    trusted: Batch
    rows: Batch
    test: Batch
    target: int


def table(frame, labels, times, sender_seed):
    """Rows in the order given, from senders of very unequal size who all send the same kind."""
    classes = sorted(set(labels))
    codes = {one: code for code, one in enumerate(classes)}
    struct = frame.with_columns(pl.selectors.numeric().cast(pl.Float64)).to_struct("features")
    rng = np.random.default_rng([sender_seed, 50])
    shares = 1 / np.arange(1, SENDERS + 1)
    who = rng.choice(SENDERS, len(labels), p=shares / shares.sum())
    texts = (
        frame.select(pl.concat_str(pl.all().cast(pl.String), separator="|", ignore_nulls=True))
        .to_series()
        .to_list()
    )
    ids = [
        content_id(text.encode(), label.encode()) for text, label in zip(texts, labels, strict=True)
    ]
    columns = {
        "index": np.arange(len(ids)),
        "features": struct.to_arrow(),
        "label": np.array([codes[one] for one in labels]),
        "source": [f"sender-{one + 1}" for one in who],
        "time": np.asarray(times, float),
        "arrived": START + np.asarray(times, float),
    }
    return Batch(ids, columns, classes=tuple(classes))


def network(parts=("nsl_kdd",)):
    """Flows in the order of their file, ten a second."""
    frames = [pl.from_arrow(datasets.load(part)) for part in parts]
    frame = pl.concat(frames)
    labels = ["normal" if one == "normal" else "attack" for one in frame["label"].to_list()]
    frame = frame.drop("label", "difficulty", "split", strict=False)
    return table(frame, labels, np.arange(len(labels)) / 10, 1)


def payments():
    """Card payments in time order; the time itself is no feature."""
    frame = pl.from_arrow(datasets.load("credit_card"))
    labels = ["fraud" if one else "honest" for one in frame["Class"].to_list()]
    return table(frame.drop("Time", "Class"), labels, frame["Time"].to_numpy(), 2)


def stream(name, turned=False):
    """One of `nsl_kdd`, `nsl_kdd_shift` (its test part after its training part), `credit_card`.

    turned: from the last row to the first, so that other rows are trusted
    Every tenth record after the trusted ones is kept apart to measure models on.
    """
    if name == "nsl_kdd_shift":
        rows, first = network(("nsl_kdd", "nsl_kdd_test")), 25_192
    else:
        rows = network() if name == "nsl_kdd" else payments()
        first = round(TRUSTED * len(rows))
    if turned:
        times = rows["time"]
        rows = rows.take(np.arange(len(rows))[::-1]).having(time=times, arrived=START + times)
    target = rows.classes.index("fraud" if name == "credit_card" else "normal")
    later = np.arange(first, len(rows))
    apart = later % 10 == 0
    return Stream(
        name, rows.take(np.arange(first)), rows.take(later[~apart]), rows.take(later[apart]), target
    )


def attacks(one, rows, count, rng):
    """Name -> attack on some rows of a stream, `count` of which are poisoned."""
    target = one.target
    groomed = _betrayed(rows, target)
    return {
        "label_flip": LabelFlip(count),
        "label_flip to target": LabelFlip(count, target=target),
        "near_boundary_flip": NearBoundaryFlip(count),
        "near_boundary_flip, far": NearBoundaryFlip(count, first="far"),
        "influential_flip": InfluentialFlip(count),
        "value_trigger": ValueTrigger.drawn(rows, count, target, rng),
        "feature_outlier": FeatureOutlier(count, target),
        "feature_outlier, within": FeatureOutlier(count, target, within=True),
        "trust_grooming": TrustGrooming(min(count, groomed), target),
        "trust_grooming, trigger": TrustGrooming(min(count, groomed), target, payload="trigger"),
        "sybil": Sybil(count, target),
        "sybil, trigger": Sybil(count, target, payload="trigger"),
        "provenance_spoofing": ProvenanceSpoofing(count, target),
        "provenance_spoofing, flip": ProvenanceSpoofing(count, target, payload="flip"),
        "boiling_frog, all along": BoilingFrog(count, stretch=1.0),
        "boiling_frog, last 5 %": BoilingFrog(count, stretch=0.05),
        "boiling_frog, burst": BoilingFrog(count, stretch=0),
        "boiling_frog, 1 % all along": BoilingFrog(count // 5, stretch=1.0),
    }


def published():
    """Name -> the slow drift as its own text gives it, for 20,000 card payments."""
    return {
        "boiling_frog, 675 in a burst": BoilingFrog(675, stretch=0),
        "boiling_frog, 1,050 in the last 5 %": BoilingFrog(1_050, stretch=0.05),
        "boiling_frog, 2,500 in the last 20 %": BoilingFrog(2_500, stretch=0.2),
    }


def _betrayed(rows, target):
    """How many rows the best-placed sender could poison in his last part."""
    fit = rows["label"] != target
    names = rows["source"].astype(str)
    late = np.zeros(len(rows), bool)
    for name in np.unique(names):
        mine = np.flatnonzero(names == name)
        late[mine[int(0.7 * len(mine)) + 1 :]] = True
    return int(np.unique(names[fit & late], return_counts=True)[1].max())


def in_time(batch, touched):
    """By arrival: rows that an attack added stand where their `time` says."""
    order = np.argsort(batch["time"], kind="stable")
    moved = batch.take(order)
    return moved.having(arrived=START + moved["time"]), touched[order]
