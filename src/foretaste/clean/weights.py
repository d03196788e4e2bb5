"""How much each row may count in training, for those who would rather not leave rows out."""

from __future__ import annotations

import numpy as np
import polars as pl

from foretaste.clean.scanned import Scan
from foretaste.data import Floats, Mask

WEIGHTS = "weights.csv"


def q_values(p_values: Floats) -> Floats:
    """(n,) of the rows at least as suspicious, the share expected to be clean; at most 1.

    >>> q_values(np.array([0.01, 0.9, 0.02, 0.8])).round(3).tolist()
    [0.04, 0.9, 0.04, 0.9]

    References
    ----------
    Storey (2003). The positive false discovery rate: a Bayesian interpretation and the q-value.
    doi:10.1214/aos/1074290335
    """
    order = np.argsort(p_values, kind="stable")
    expected = p_values[order] * len(order) / np.arange(1, len(order) + 1)
    shares = np.empty(len(order))
    shares[order] = np.minimum.accumulate(expected[::-1])[::-1]
    return np.minimum(shares, 1.0)


def weights_of(scan: Scan, away: Mask) -> pl.DataFrame:
    """One line a row found: index, location, weight between 0 and 1.

    away: rows that are quarantined

    The weight is the q-value of the row: near 1 for most, at most alpha for one that is accused,
    in between for one that is suspicious and not accused. Rows that a detector failed on and rows
    that cannot be read weigh nothing; rows accused only of what leads to no quarantine weigh 1.
    """
    table = pl.read_parquet(
        scan.folder / "rows.parquet", columns=["index", "location", "flagged", "p_value"]
    )
    at, flagged = table["index"].to_numpy(), table["flagged"].to_numpy()
    p_values = np.nan_to_num(table["p_value"].to_numpy(), nan=0.0)
    spared = flagged & ~away[at]
    weight = np.where(spared, 1.0, q_values(np.where(spared, 1.0, p_values)))
    weight = np.where(away[at], np.minimum(weight, scan.record.alpha), weight)
    weight[scan.held[at]] = 0.0
    read = table.select("index", "location").with_columns(weight=pl.Series(weight))
    missing = np.setdiff1d(np.arange(len(away)), at)
    unread = pl.DataFrame({"index": missing}, {"index": pl.Int64}).with_columns(
        location=pl.lit(""), weight=pl.lit(0.0)
    )
    return pl.concat([read, unread]).sort("index")
