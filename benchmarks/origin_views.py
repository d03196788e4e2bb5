"""Lists of addresses whose content changes: real images from a web server that lies.

OMP_NUM_THREADS=1 python benchmarks/origin_views.py     (resumes; --report only writes the page)
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import images
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from origin_site import Site, png
from sklearn.linear_model import LogisticRegression

from foretaste import readers
from foretaste.attacks import probe
from foretaste.attacks.frontrunning import Frontrunning
from foretaste.attacks.split_view import SplitView
from foretaste.origin.fetching import Bounds
from foretaste.origin.listing import Indexing
from foretaste.origin.views import compared
from foretaste.scanning.run import Settings, scan_into

RESULTS = Path(__file__).parent / "results"
SEEDS, ROWS, TEST, RATE, TARGET = (7, 8, 9), 5_000, 1_000, 0.01, 0
STEPS = 60
HEAD = """# Addresses whose content changes

{date}, {machine}, {cores} cores (shared with other work), one process and a local web server.
`OMP_NUM_THREADS=1 python benchmarks/origin_views.py`

5,000 images of Fashion-MNIST, as PNG files behind a web server on this machine; a CSV lists their
addresses and labels. It is indexed (`origin index`: SHA-256 of what each address leads to), then
files are exchanged, then it is read (`origin check`). Poison is 1 %: 50 images get a white square
in a corner and are, or are called, class 0. Seeds {seeds}, none of them used to tune anything.

- *Split view*: the attacker owns some addresses and exchanges what they lead to after the list was
  indexed (with a trigger; or only by images of other classes). 2 % of the other files change
  honestly meanwhile: packed anew, with the same pixels; 1 % are gone; 50 rows are new in the list.
- *Frontrunning*: files are changed a moment before the list is indexed and downloaded, together.
  The digests are those of the poison. Compared with an earlier index (`--against`), the poison
  shows, unless both moments were known before and it stood at both.

*Found*: of the poison, among rows that are left out. *Left out beside*: honest rows that are left
out, each with a reason that is true (other bytes, gone, new). ASR and accuracy on 1,000 test images
are of a logistic regression on pixels, trained on what is downloaded: all of it (*none*), without
as many rows by chance as the check leaves out (*random*), without exactly the poison (*perfect*),
and without what the check leaves out (*check*). Means over seeds, from the least to the most.
"""


def looked(listed, out):
    began = time.perf_counter()
    digests = Indexing(Bounds(private=True), workers=4)(listed, out)
    return digests, time.perf_counter() - began


class Web:
    """Images, their list, and an attack on them."""

    def __init__(self, seed, folder, attack):
        self.rng, self.folder, self.attack = np.random.default_rng(seed), Path(folder), attack
        both = images.loaded("fashion_mnist", ROWS + 50)
        order = self.rng.permutation(len(both))
        both = both.take(order).having(time=np.arange(len(both), dtype=float))
        self.rows, self.more = both.take(np.arange(ROWS)), both.take(np.arange(ROWS, len(both)))
        self.poisoned, self.touched = self.rows, np.zeros(ROWS, bool)
        if attack is not None:
            self.poisoned, self.touched = attack.poison(self.rows, self.rng)
        self.honest = [png(one) for one in self.rows["pixels"]]
        self.site = Site(self.honest)
        self.label = list(self.poisoned["label"]) + list(self.more["label"])

    def listed(self, name="list.csv", more=0):
        return self.site.write(self.folder / name, range(ROWS + more), self.label)

    def poison(self):
        for i in np.flatnonzero(self.touched):
            self.site.files[int(i)] = png(self.poisoned["pixels"][i])

    def lives_on(self):
        """What honest people change: packed anew, gone, added."""
        others = self.rng.permutation(np.flatnonzero(~self.touched))
        for i in others[: ROWS // 50]:
            self.site.files[int(i)] = png(self.rows["pixels"][i], 9) + b"\n"
        for i in others[ROWS // 50 : ROWS // 50 + ROWS // 100]:
            self.site.files[int(i)] = None
        for i, one in enumerate(self.more["pixels"], ROWS):
            self.site.files[i] = png(one)


def split_view(web):
    then, first = looked(web.listed(), web.folder / "then.parquet")
    web.poison()
    web.lives_on()
    listed = web.listed(more=50)
    now, second = looked(listed, web.folder / "now.parquet")
    return compared(listed, then, now), {"seconds": [first, second], "root": then.root}


def nothing(web):
    then, first = looked(web.listed(), web.folder / "then.parquet")
    now, second = looked(web.listed(), web.folder / "now.parquet")
    return compared(web.listed(), then, now), {"seconds": [first, second], "root": then.root}


def frontrun(web, early=False, against=False):
    """The files are poisoned just before the snapshot, and stay as they are while it is taken."""
    earlier = None
    if against:
        if early:
            web.poison()
        earlier, _ = looked(web.listed(), web.folder / "earlier.parquet")
        web.lives_on()
    web.poison()
    snapshot, first = looked(web.listed(), web.folder / "then.parquet")
    if earlier is not None:
        return compared(web.listed(), earlier, snapshot), {"seconds": [first]}
    again, second = looked(web.listed(), web.folder / "now.parquet")
    return compared(web.listed(), snapshot, again), {"seconds": [first, second]}


COUNT = round(RATE * ROWS)
ARMS = {
    "nothing changes": (None, nothing),
    "split view, trigger": (SplitView(COUNT, TARGET), split_view),
    "split view, other classes": (SplitView(COUNT, TARGET, payload="flip"), split_view),
    "frontrunning, digests of the snapshot": (Frontrunning(COUNT, TARGET), frontrun),
    "frontrunning, against an earlier index": (
        Frontrunning(COUNT, TARGET), lambda web: frontrun(web, against=True)),
    "frontrunning, both moments foreseen": (
        Frontrunning(COUNT, TARGET), lambda web: frontrun(web, early=True, against=True)),
}  # fmt: skip


TRAINED = ("split view, trigger", "frontrunning, against an earlier index")


def scanned(web):
    """The detector on what was downloaded, with the digests of the index beside."""
    files = [png(one) for one in web.poisoned["pixels"]]
    said = [sha256(one).hexdigest() for one in web.honest]
    table = pa.table({"image": files, "label": web.label[:ROWS], "sha256": said})
    path = web.folder / "downloaded.parquet"
    pq.write_table(table, path)
    out = web.folder / "scan"
    done = scan_into(readers.open(str(path)), out, Settings(detectors=("digest_mismatch",)))
    accused = np.zeros(ROWS, bool)
    accused[done.scores.index[done.judgement.accused["digest_mismatch"]]] = True
    return accused


def trained(web, kept, test, seed):
    rows = web.poisoned.take(np.flatnonzero(kept))
    learner = LogisticRegression(max_iter=STEPS).fit(flat(rows), rows["label"])
    found = {"accuracy": float(learner.score(flat(test), test["label"]))}
    shown = probe(web.attack, test, np.random.default_rng(seed))
    said = learner.predict_proba(flat(shown.rows))
    return found | {"ASR": float(np.mean(shown.hit(said)))}


def flat(rows):
    return rows["pixels"].reshape(len(rows), -1) / np.float32(255)


def cell(seed, name):
    attack, arm = ARMS[name]
    with tempfile.TemporaryDirectory(prefix="origin-") as folder:
        if isinstance(attack, Frontrunning):
            attack = Frontrunning(COUNT, TARGET, window=float(ROWS) / 4)
        web = Web(seed, folder, attack)
        found, told = arm(web)
        kept = found.kept[:ROWS]
        mine = {"kinds": found.counts, "poison": int(web.touched.sum()), **told,
                "found": float((~kept)[web.touched].mean()) if attack else None,
                "beside": float((~kept)[~web.touched].mean())}  # fmt: skip
        if arm in (nothing, split_view):
            accused = scanned(web)
            mine["scan found"] = float(accused[web.touched].mean()) if attack else None
            mine["scan beside"] = int(accused[~web.touched].sum())
        if name not in TRAINED:
            web.site.server.shutdown()
            return mine
        gone = np.array([web.site.files[i] is None for i in range(ROWS)])
        chance = np.ones(ROWS, bool)
        left_out = max(COUNT, int((~kept).sum()))
        chance[np.random.default_rng(seed).choice(ROWS, left_out, replace=False)] = False
        test = images.loaded("fashion_mnist_test", TEST)
        masks = {"none": ~gone, "random": chance & ~gone, "perfect": ~web.touched & ~gone,
                 "check": kept}  # fmt: skip
        mine["model"] = {who: trained(web, mask, test, seed) for who, mask in masks.items()}
        web.site.server.shutdown()
        return mine


def spread(values, form="{:.1%}"):
    low, mean, high = (form.format(v) for v in (min(values), float(np.mean(values)), max(values)))
    return mean if low == high else f"{mean} ({low} to {high})"


def page(lines):
    ran = ", ".join(map(str, sorted({one["seed"] for one in lines})))
    out = [HEAD.format(date=f"{datetime.now(UTC):%Y-%m-%d}", machine=platform.machine(),
                       cores=os.cpu_count(), seeds=ran),
           "| | poison | found | left out beside | why rows are left out (first seed) |",
           "|---|---:|---:|---:|---|"]  # fmt: skip
    names = [name for name in ARMS if any(one["arm"] == name for one in lines)]
    by_name = {name: [one for one in lines if one["arm"] == name] for name in names}
    for name, mine in by_name.items():
        found = spread([one["found"] for one in mine]) if mine[0]["found"] is not None else ""
        beside = spread([one["beside"] for one in mine], "{:.2%}")
        why = ", ".join(f"{kind} {n}" for kind, n in mine[0]["kinds"].items()) or "none is"
        out.append(f"| {name} | {mine[0]['poison']} | {found} | {beside} | {why} |")
    out += ["\n## What a model learned\n", "| | none: ASR, accuracy | random | perfect | check |",
            "|---|---|---|---|---|"]  # fmt: skip
    for name, mine in by_name.items():
        if "model" in mine[0]:
            cells = [
                f"{np.mean([o['model'][who]['ASR'] for o in mine]):.2f}, "
                f"{np.mean([o['model'][who]['accuracy'] for o in mine]):.3f}"
                for who in ("none", "random", "perfect", "check")
            ]
            out.append(f"| {name} | {' | '.join(cells)} |")
    out += ["\n## The detector `digest_mismatch` on what was downloaded\n",
            "Beside the digests of the index; honest files are as they were listed.\n",
            "| | found | honest rows accused |", "|---|---:|---:|"]  # fmt: skip
    for name, mine in by_name.items():
        if "scan beside" in mine[0]:
            told = [one["scan found"] for one in mine]
            found = spread(told) if told[0] is not None else ""
            out.append(f"| {name} | {found} | {sum(one['scan beside'] for one in mine)} |")
    rates = [ROWS / seconds for one in lines for seconds in one["seconds"]]
    out.append(
        f"\nFetched and digested: {spread(rates, '{:,.0f}')} addresses a second, from a server on "
        "the same cores, which others used as well."
    )
    (RESULTS / "origin_views.md").write_text("\n".join(out) + "\n")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--report", action="store_true")
    asked = arguments.parse_args()
    log = Path(os.environ.get("VIEWS_LOG", RESULTS / "origin_views.jsonl"))
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    done = {(one["seed"], one["arm"]) for one in lines}
    for seed in () if asked.report else SEEDS:
        for name in ARMS:
            if (seed, name) not in done:
                lines.append({"seed": seed, "arm": name, **cell(seed, name)})
                print(json.dumps(lines[-1]), flush=True)
                with log.open("a") as out:
                    out.write(json.dumps(lines[-1]) + "\n")
    page(lines)


if __name__ == "__main__":
    main()
