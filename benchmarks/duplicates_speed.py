"""Near duplicates of 100,000 short texts and a kNN self-join of 50,000 x 384, beside their peers.

    OMP_NUM_THREADS=2 python benchmarks/duplicates_speed.py [--texts 100000] [--points 50000]

Writes benchmarks/results/duplicates_speed.md. Peers that are not installed are left out and named.
Times are seconds of the wall clock and of all processors together; the second says what the work
costs when other work shares the machine. Each is the best of RUNS (three), or one run over 20 s.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_matrix

from foretaste import datasets
from foretaste.data import Batch
from foretaste.detectors.near_duplicate import NearDuplicate
from foretaste.summaries import minhash
from foretaste.summaries.neighbours import neighbours, self_join

HERE = Path(__file__).parent
WIDTH, PERMUTATIONS, ALIKE = 5, 128, 0.8
RUNS = int(os.environ.get("RUNS", "3"))


def timed(work):
    """What the work gave, its wall seconds and its processor seconds: the best of RUNS."""
    best = (np.inf, np.inf)
    for _ in range(RUNS):
        wall, busy = time.perf_counter(), time.process_time()
        result = work()
        took = time.perf_counter() - wall, time.process_time() - busy
        best = min(best, took, key=lambda pair: pair[1])
        if took[0] > 20:
            break
    return result, *best


def short_texts(n, seed=0):
    """Sentences of film reviews, 3 % of them nearly copied: a word changed, added or left out."""
    rng = np.random.default_rng(seed)
    reviews = datasets.load("imdb")["text"].to_pylist()
    sentences = [s.strip() for text in reviews[: n // 3] for s in re.split(r"[.!?]+", text)]
    sentences = [s for s in dict.fromkeys(sentences) if 30 <= len(s) <= 200][: n - n * 3 // 100]
    copies = []
    for at in rng.choice(len(sentences), n - len(sentences), replace=False):
        words = sentences[at].split()
        where = int(rng.integers(len(words)))
        words[where : where + 1] = [["indeed"], [], [words[where], "very"]][int(rng.integers(3))]
        copies.append(" ".join(words))
    return [(sentences + copies)[i] for i in rng.permutation(n)]


def shingles(text):
    padded = text.encode() + b"\0" * (WIDTH - 1)
    return {padded[i : i + WIDTH] for i in range(len(padded) - WIDTH + 1)}


def true_pairs(texts, at_least):
    """Every pair of at least that Jaccard similarity, by multiplying all with all."""
    words, columns, starts = {}, [], [0]
    for text in texts:
        columns.extend(words.setdefault(s, len(words)) for s in shingles(text))
        starts.append(len(columns))
    have = csr_matrix((np.ones(len(columns), np.float32), columns, starts))
    sizes, pairs = np.diff(starts), {}
    for low in range(0, len(texts), 1000):
        both = (have[low : low + 1000] @ have.T).tocoo()
        alike = both.data / (sizes[low + both.row] + sizes[both.col] - both.data)
        kept = (alike >= at_least) & (low + both.row < both.col)
        pairs.update(
            zip(zip(low + both.row[kept], both.col[kept], strict=True), alike[kept], strict=True)
        )
    return pairs


def ours(texts):
    batch = Batch(pa.array([""] * len(texts)), {"text": pa.array(texts, pa.large_string()),
                                                "index": np.arange(len(texts))})  # fmt: skip
    detector = NearDuplicate()
    parts = [
        batch.take(np.arange(s, min(s + 8192, len(texts)))) for s in range(0, len(texts), 8192)
    ]

    def work():
        summary = detector.summarize(parts[0])
        for part in parts[1:]:
            summary = summary.merge(detector.summarize(part))
        model = detector.fit(summary)
        return np.concatenate([detector.score(part, model) for part in parts]) > 0

    return work


def rensa_flags(texts, tokens):
    from rensa import RMinHash, RMinHashLSH

    def work():
        matrix = RMinHash.digest_matrix_from_token_sets(
            [tokens(t) for t in texts], PERMUTATIONS, 42
        )
        index = RMinHashLSH(ALIKE, PERMUTATIONS, 16)
        return np.array(index.insert_matrix_and_query_duplicate_flags(matrix))

    return work


def datasketch_flags(texts):
    from datasketch import MinHash, MinHashLSH

    def work():
        index = MinHashLSH(threshold=ALIKE, num_perm=PERMUTATIONS)
        flags = np.zeros(len(texts), bool)
        sketches = MinHash.generator((shingles(t) for t in texts), num_perm=PERMUTATIONS)
        for at, sketch in enumerate(sketches):
            flags[at] = bool(index.query(sketch))
            index.insert(at, sketch)
        return flags

    return work


def floor_of_texts(texts):
    """Reading every letter once and making one 64-bit hash of it, and nothing else."""
    content = np.frombuffer("".join(texts).encode(), np.uint8)
    return lambda: (content.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)).max()


def quality(texts, n=10_000):
    """Pairs found among the first n texts, beside brute force."""
    some = list(dict.fromkeys(texts[:n]))
    normal = minhash.normal(pa.array(some, pa.large_string()))
    found = set(map(tuple, minhash.alike(minhash.sketches(normal), ALIKE).tolist()))
    true = true_pairs(normal.to_list(), 0.5)
    lines = []
    for low in (0.8, 0.85, 0.9):
        wanted = {pair for pair, alike in true.items() if alike >= low}
        lines.append(f"| {low} | {len(wanted)} | {len(wanted & found)} |")
    wrong = [true.get(pair, 0.0) for pair in found if true.get(pair, 0.0) < ALIKE]
    far = sum(alike < 0.7 for alike in wrong)
    lines.append(
        f"\nOf {len(found)} pairs found, {len(wrong)} are below {ALIKE} and {far} below 0.7."
    )
    return lines


def faiss_join(points, k):
    import faiss

    faiss.omp_set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))

    def work():
        index = faiss.IndexFlatL2(points.shape[1])
        index.add(points)
        return index.search(points, k + 1)

    return work


def sklearn_join(points, k):
    from sklearn.neighbors import NearestNeighbors

    def work():
        model = NearestNeighbors(n_neighbors=k, metric="euclidean", algorithm="brute").fit(points)
        return model.kneighbors()

    return work


def main():
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--texts", type=int, default=100_000)
    asked.add_argument("--points", type=int, default=50_000)
    size = asked.parse_args()
    lines = heading()
    for table in (lambda: text_table(size.texts), lambda: join_table(size.points)):
        lines += table()
        (HERE / "results" / "duplicates_speed.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def heading():
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return [
        "# Near duplicates and nearest neighbours: speed and quality",
        "",
        f"{datetime.now(UTC).date().isoformat()}, {machine}, load average {os.getloadavg()[0]:.1f} "
        "before the run (above 0: others shared the machine, so trust the processor seconds).",
        "",
        f"`OMP_NUM_THREADS=2 RUNS={RUNS} python {' '.join(sys.argv)}`",
        "",
    ]


def text_table(n):
    texts = short_texts(n)
    letters = sum(map(len, texts))
    lines = [f"## {n:,} short texts, {letters / 1e6:.1f} million letters", ""]
    lines += [
        "| | wall s | processor s | texts a processor second | rows flagged |",
        "|---|---|---|---|---|",
    ]
    grams = lambda text: [text[i : i + WIDTH] for i in range(max(len(text) - WIDTH + 1, 1))]  # noqa: E731
    contenders = {
        "floor: one hash of each letter": (floor_of_texts, ()),
        "foretaste near_duplicate, whole (summarize, fit, score)": (ours, ()),
        "rensa 0.5, runs of 5 letters, not verified": (rensa_flags, (grams,)),
        "rensa 0.5, words, not verified": (rensa_flags, (str.split,)),
        "datasketch 2.0, runs of 5 letters, not verified": (datasketch_flags, ()),
    }
    for name, (make, more) in contenders.items():
        try:
            flags, wall, busy = timed(make(texts, *more))
        except ImportError as missing:
            lines.append(f"| {name} | not installed: {missing.name} | | | |")
            continue
        flagged = f"{int(flags.sum()):,}" if isinstance(flags, np.ndarray) else ""
        lines.append(f"| {name} | {wall:.2f} | {busy:.2f} | {n / busy:,.0f} | {flagged} |")
    lines += [
        "",
        "Against brute force on the first 10,000 texts (exact Jaccard of runs of 5 letters):",
    ]
    lines += ["", "| at least | true pairs | found as a pair |", "|---|---|---|", *quality(texts)]
    return [*lines, ""]


def join_table(n, d=384, k=10):
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((100, d), np.float32)
    points = rng.standard_normal((n, d), np.float32) + centres[rng.integers(0, 100, n)]
    some = np.ascontiguousarray(points[:4096])
    _, _, busy = timed(lambda: some @ some.T)
    rate = 2 * 4096**2 * d / busy
    lines = [f"## {k} nearest neighbours of each of {n:,} x {d} among the others", ""]
    lines += [
        f"Floor: n²d multiplications and additions, each product serving both of its points, at "
        f"{rate / 1e9:.0f} GFLOP a processor second (measured): {n * n * d / rate:.1f} s.",
        "",
        "| | wall s | processor s |",
        "|---|---|---|",
    ]
    contenders = {
        "foretaste self_join": lambda points, k: lambda: self_join(points, k, "euclidean"),
        "foretaste neighbours (queries against points)":
            lambda points, k: lambda: neighbours(points, points, k + 1, "euclidean"),
        "faiss 1.15 IndexFlatL2": faiss_join,
        "scikit-learn brute (what cleanlab calls)": sklearn_join,
    }  # fmt: skip
    results = {}
    for name, make in contenders.items():
        try:
            results[name], wall, busy = timed(make(points, k))
        except ImportError as missing:
            lines.append(f"| {name} | not installed: {missing.name} | |")
            continue
        lines.append(f"| {name} | {wall:.1f} | {busy:.1f} |")
    exact = results["scikit-learn brute (what cleanlab calls)"][1]
    mine = results["foretaste self_join"].indices
    same = np.mean([len(set(a) & set(b)) for a, b in zip(exact, mine, strict=True)]) / k
    return [*lines, "", f"Neighbours in common with scikit-learn: {same:.4%}.", ""]


if __name__ == "__main__":
    main()
