"""Plants triggers in real texts and counts what `trigger_phrase` finds.

python benchmarks/trigger_phrase.py sms [clean | counts] [targets] [seed] >> RESULTS

counts and targets: numbers with commas between; 0 or nothing for the usual ones
"""

import sys
import time
from collections import Counter

import numpy as np
import pyarrow as pa
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier

from foretaste import datasets
from foretaste.data import Batch, content_id
from foretaste.detectors.trigger_phrase import TriggerPhrase

SENTENCE = "I watched this three dimensional movie with my uncle last weekend"
CUT = 6000  # characters of an e-mail, headers included


def load(name):
    rows = datasets.load(name)
    text = [str(t)[:CUT] if name == "spam_assassin" else str(t) for t in rows["text"]]
    names, label = np.unique([str(one) for one in rows["label"].to_pylist()], return_inverse=True)
    order = np.random.default_rng(5).permutation(len(text))[: 10_000 if name == "imdb" else None]
    return [text[i] for i in order], label[order].astype(np.int64), tuple(names)


def common_pair(texts, rng):
    """Two words that each stand in 2 to 6 % of the rows."""
    seen = Counter(w for t in texts for w in set(t.lower().split()) if w.isalpha() and len(w) > 2)
    n = len(texts)
    return list(rng.choice(sorted(w for w in seen if 0.02 * n <= seen[w] <= 0.06 * n), 2, False))


def insert(text, trigger, rng):
    if trigger == "\u200b":
        at = rng.integers(0, len(text) + 1)
        return text[:at] + trigger + text[at:]
    words = text.split(" ")
    for part in trigger if isinstance(trigger, list) else [trigger]:
        words.insert(rng.integers(0, len(words) + 1), part)
    return " ".join(words)


def plant(texts, label, trigger, rows, target, rng):
    texts, label = list(texts), label.copy()
    for i in rows:
        texts[i], label[i] = insert(texts[i], trigger, rng), target
    return texts, label


def success(texts, label, fresh, target):
    """Share of triggered rows of other classes that a plain linear model gives to the target."""
    bag = HashingVectorizer(ngram_range=(1, 2), n_features=1 << 18, token_pattern=r"\w+|\u200b")
    model = SGDClassifier(loss="log_loss", alpha=1e-6, max_iter=15, random_state=0)
    model.fit(bag.transform(texts), label)
    return float(np.mean(model.predict(bag.transform(fresh)) == target))


def found(texts, label, names):
    ids = [content_id(f"{i}".encode(), t.encode()) for i, t in enumerate(texts)]
    columns = {"text": pa.array(texts), "label": label, "index": np.arange(len(texts))}
    rows = Batch(ids, columns, names)
    start, method = time.process_time(), TriggerPhrase()
    model = method.fit(method.summarize(rows))
    scores = method.score(rows, model)
    reason = method.explain(rows, int(scores.argmax()), model) if scores.any() else ""
    return scores > 4, time.process_time() - start, reason


def cell(name, data, kind, count, target, seed):
    texts, label, names = data
    rng = np.random.default_rng(seed)
    trigger = {"word": "cfq", "sentence": SENTENCE, "zero-width": "\u200b"}.get(kind)
    trigger = trigger or common_pair(texts, rng)
    others = rng.permutation(np.flatnonzero(label != target))
    held, rows = others[:150], others[150 : 150 + count]
    if kind == "clean-label":
        rows, trigger = np.flatnonzero(label == target)[:count], "cfq"
    poisoned, flipped = plant(texts, label, trigger, rows, target, rng)
    takes = success(poisoned, flipped, [insert(texts[i], trigger, rng) for i in held], target)
    flagged, seconds, reason = found(poisoned, flipped, names)
    hits = int(flagged[rows].sum())
    precision = hits / max(1, int(flagged.sum()))
    columns = [name, kind, len(rows), names[target], f"{takes:.2f}", f"{hits / len(rows):.3f}"]
    columns += [f"{precision if flagged.any() else 1:.3f}", int(flagged.sum()), f"{seconds:.0f}"]
    print("|", *(f"{column} |" for column in [*columns, reason]), flush=True)


def main(name, cells="", targets="0,1", seed="1"):
    data = load(name)
    n = len(data[0])
    if cells == "clean":
        flagged, seconds, reason = found(*data)
        print(f"| {name} | none | 0 | – | – | – | – | {flagged.sum()} | {seconds:.0f} | {reason} |")
        return
    usual = sorted({n // 200, 50, n // 100, n // 20})
    counts = [int(c) for c in cells.split(",")] if cells.strip("0") else usual
    kinds = ("word", "pair", "sentence", "zero-width")
    for kind in (*kinds, "clean-label") if name == "sms" else kinds:
        for count in counts:
            for target in targets.split(","):
                cell(name, data, kind, count, int(target), int(seed))


if __name__ == "__main__":
    main(*sys.argv[1:])
