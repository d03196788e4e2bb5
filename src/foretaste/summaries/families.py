"""Contents that are alike without being the same, and who has them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from foretaste.data import Batch, Floats, Ints, Keys, Mask
from foretaste.summaries import content
from foretaste.summaries.groups import connected

NAMED = 4  # members of a family that a reason may name


class Families(NamedTuple):
    """Families of two or more different contents, linked by pairs that are alike."""

    keys: Keys  # (m,) the contents that have relatives, ascending
    family: Ints  # (m,) number of the family of each
    first: Mask  # (m,) whether it is the earliest of its family
    contents: Ints  # (families,) how many different contents
    rows: Ints  # (families,) how many rows have one of them
    names: tuple[tuple[str, ...], ...]  # (families,) where the first few contents stand

    def score(self, keys: Keys) -> Floats:
        """(n,) how many other contents are alike; 0 for the earliest of a family."""
        at, known = content.found(self.keys, keys)
        scores = np.zeros(len(keys))
        scores[known] = self.contents[self.family[at[known]]] - 1
        scores[known] *= ~self.first[at[known]]
        return scores

    def explain(self, one: Batch, key: Keys, what: str) -> str:
        """Which other rows are nearly the same as the only row of a batch."""
        at, known = content.found(self.keys, key)
        if not known[0]:
            return f"no other row has nearly the same {what}"
        family = self.family[at[0]]
        own = content.own_name(one)
        others = [name for name in self.names[family] if name != own][: NAMED - 1]
        first = "the first of its kind; " if self.first[at[0]] else ""
        alike = content.listed(others, int(self.contents[family]) - 1)
        return f"{first}nearly the same {what} as {alike}"


def distinct(rows: pl.DataFrame) -> pl.DataFrame:
    """Each content once, where it first stands, with the number of its `rows`; no empty ones."""
    if rows.is_empty():
        return rows
    counted = rows.with_columns(pl.len().over("key").cast(pl.Int64).alias("rows"))
    return counted.filter(pl.col("key") != 0).unique("key", keep="first", maintain_order=True)


def families(contents: pl.DataFrame, pairs: Ints, *, lonely: bool = False) -> Families:
    """From different contents (columns key, rows, index, location) and pairs (m, 2) alike.

    lonely: whether a content that several rows have is a family by itself
    """
    related = np.unique(pairs)
    if lonely and len(contents):
        related = np.union1d(related, np.flatnonzero((contents["rows"] > 1).to_numpy()))
    number = connected(len(related), np.searchsorted(related, pairs))
    if not len(related):
        none = np.empty(0, np.int64)
        return Families(none.astype(np.uint64), none, none.astype(bool), none, none, ())
    members = contents[related].with_columns(family=number, order=pl.int_range(len(related)))
    members = members.with_columns(
        first=pl.col("order") == pl.col("order").min().over("family")
    ).drop("order")
    each = members.group_by("family").agg(
        pl.len().cast(pl.Int64).alias("contents"),
        pl.col("rows").sum(),
        pl.col("location", "index").head(NAMED),
    )
    each, members = each.sort("family"), members.sort("key")
    return Families(
        members["key"].to_numpy(),
        members["family"].to_numpy(),
        members["first"].to_numpy(),
        each["contents"].to_numpy(),
        each["rows"].to_numpy(),
        content.places(each["location"], each["index"]),
    )
