"""Texts as streams with senders, and the attacks on them, for the benchmark of the gate."""

from __future__ import annotations

import email.utils
import re
from dataclasses import dataclass

import numpy as np

from foretaste import datasets, registry
from foretaste.attacks.annotator_flip import AnnotatorFlip
from foretaste.attacks.label_flip import LabelFlip
from foretaste.attacks.provenance_spoofing import ProvenanceSpoofing
from foretaste.attacks.sybil import Sybil
from foretaste.attacks.trust_grooming import TrustGrooming
from foretaste.contracts import Poisoned
from foretaste.data import Batch, concat, content_id

HAM, SPAM = 0, 1
SENDERS, TRUSTED, KEPT, LETTERS = 50, 0.25, 6, 2_000
_HOP = re.compile(r"^Received:.*?;\s*([^\n]*?\d{4} \d\d:\d\d:\d\d[^\n]*)", re.M | re.S | re.I)
_DATE = re.compile(r"^Date:\s*(.+)$", re.M | re.I)
_FROM = re.compile(r"^From:\s*(.+)$", re.M | re.I)
_SUBJECT = re.compile(r"^Subject:\s*(.*)$", re.M | re.I)


@dataclass(frozen=True)
class Stream:
    """trusted: the first quarter; rows: what comes then; test: every sixth row, kept apart"""

    name: str
    trusted: Batch
    rows: Batch
    test: Batch


@dataclass(frozen=True)
class Flood:
    """Puts `count` copies of one spam text in the stream, as ham: as they are, or reworded."""

    count: int
    reworded: bool = False

    def poison(self, batch, rng):
        longest = max(np.flatnonzero(batch["label"] == SPAM), key=lambda i: len(batch["text"][i]))
        words = str(batch["text"][longest])[:LETTERS].split()
        texts = []
        for _ in range(self.count):
            copy = list(words)
            if self.reworded:
                for at in rng.integers(0, len(copy), max(1, len(copy) // 20)):
                    copy[at] = f"{copy[at]}{rng.integers(100)}"
            texts.append(" ".join(copy))
        when = rng.choice(np.asarray(batch["time"]), self.count)
        return _woven(batch, batched(texts, [HAM] * self.count, ["flooder"] * self.count, when))


def _woven(batch, more):
    """Both streams as one, by time."""
    touched = np.r_[np.zeros(len(batch), bool), np.ones(len(more), bool)]
    both = concat([batch, more])
    order = np.argsort(both["time"], kind="stable")
    return Poisoned(both.take(order), touched[order])


def batched(texts, labels, sources, when):
    when = np.asarray(when, float)
    return Batch(
        [content_id(text.encode("utf-8", "surrogatepass")) for text in texts],
        {"text": texts, "label": np.asarray(labels, np.int64), "source": list(sources),
         "time": when, "arrived": when},
        ("ham", "spam"),
    )  # fmt: skip


def stream(name, seed):
    whole = _emails() if name == "spam_assassin" else _messages(seed)
    apart = np.arange(len(whole)) % KEPT == KEPT - 1
    test, rest = whole.take(apart), whole.take(~apart)
    cut = int(TRUSTED * len(rest))
    trusted, rows = rest.take(np.arange(cut)), rest.take(np.arange(cut, len(rest)))
    return Stream(name, trusted, rows, test)


def _messages(seed):
    """SMS in an order by chance, from fifty senders of very unequal size, over thirty days."""
    rows, rng = datasets.load("sms").to_pylist(), np.random.default_rng(seed)
    order, share = rng.permutation(len(rows)), 1 / np.arange(1, SENDERS + 1)
    who = rng.choice(SENDERS, len(rows), p=share / share.sum())
    when = np.sort(rng.uniform(0, 30 * 86_400, len(rows))) + 1.7e9
    labels = [int(rows[i]["label"] == "spam") for i in order]
    return batched([rows[i]["text"] for i in order], labels, [f"sender {one}" for one in who], when)


def _emails():
    """E-mails in the order in which they were received: subject and the body's beginning."""
    rows = []
    for one in datasets.load("spam_assassin").to_pylist():
        stamp = _HOP.search(one["text"]) or _DATE.search(one["text"])
        sender = _FROM.search(one["text"])
        when = email.utils.parsedate_tz(stamp[1].strip()) if stamp else None
        if when:
            who = email.utils.parseaddr(sender[1])[1].lower() if sender else "unknown"
            rows.append((email.utils.mktime_tz(when), who, one["label"], _content(one["text"])))
    rows.sort(key=lambda row: row[0])
    when, who, labels, texts = zip(*rows, strict=True)
    return batched(list(texts), [int(one == "spam") for one in labels], who, when)


def _content(text):
    head, _, body = text.partition("\n\n")
    subject = _SUBJECT.search(head)
    return f"{subject[1] if subject else ''}\n{body}"[:LETTERS]


def attacks(one, rate):
    """Name -> attack; `rate` of the stream is poisoned, less where nobody sends so much."""
    count = round(rate * len(one.rows))
    names, sent = np.unique(one.rows["source"].astype(str), return_counts=True)
    busiest = str(names[sent.argmax()])
    last = int(0.3 * sent.max() * 0.8)  # of what the busiest sends, the late part, most of it ham
    backdoors = ("rare_word", "sentence", "word_pair", "zero_width", "homoglyph")
    built = {"label_flip, any": LabelFlip(count), "label_flip, spam as ham": LabelFlip(count, 1, 0)}
    built |= {n: registry.build("attacks", n, count=count, target=HAM) for n in backdoors}
    return built | {
        "annotator_flip": AnnotatorFlip(min(count, int(sent.max() * 0.8)), annotator=busiest),
        "trust_grooming, ham as spam": TrustGrooming(min(count, last), SPAM, busiest),
        "sybil, flips": Sybil(count, HAM),
        "sybil, trigger": Sybil(count, HAM, payload="trigger"),
        "provenance_spoofing": _spoofing(one, count),
        "flood of copies": Flood(count),
        "flood of near-copies": Flood(count, reworded=True),
    }


def _spoofing(one, count):
    """Of the name under which most spam came; it has no more."""
    spam = one.rows["source"][one.rows["label"] == SPAM].astype(str)
    names, sent = np.unique(spam, return_counts=True)
    return ProvenanceSpoofing(min(count, int(sent.max())), HAM, str(names[sent.argmax()]))
