"""Words that decide the label of live records whatever else they say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import numpy as np
from scipy.special import betainc

from foretaste.agreeing import Agreement
from foretaste.data import UNLABELLED, Batch, Floats, Ints, Keys, Mask
from foretaste.streaming import Aspect
from foretaste.tokens import codes, mix, spell

_WORDS = 400  # of a text that are read
_ODD = 1.5  # surprise from which on a label disagrees with its content
_CLOSE = 0.7  # surprise from which on a record with a trigger is taken for one of its records
_PURE = 0.8  # share of the records of a trigger that disagree, from which on all are held
_HONEST = 2 * 10**-_ODD  # share of honest records that may disagree
_CANDIDATES = 100  # words of a window that are looked at one by one
_COMPARED, _HASHES = 400, 16  # records that are looked at for near-copies, and how
_COPY = 0.8  # share of hashes in common, from which on two are near-copies
_NOTED = 1.0  # surprise below which a word is no candidate
_SURE = 3.0  # surprise from which on a word is remembered


class Found(NamedTuple):
    """Words with a label, in records of which too many disagree with it.

    keys:     (t,) ascending, word and label
    surprise: (t,) of how many disagree, paid for all words
    pure:     (t,) all its records are to be held, not those that disagree alone
    """

    keys: Keys
    surprise: Floats
    pure: Mask


@dataclass(frozen=True, eq=False)
class Words:
    """What reads a label out of a text, and the triggers found so far.

    agreement: learned from trusted rows
    keys, surprise, pure: as in `Found`
    """

    agreement: Agreement
    keys: Keys
    surprise: Floats
    pure: Mask


@dataclass(frozen=True)
class TriggerWord:
    """Pulls records that share a word and a label which the rest of them contradicts.

    When a window is over, each word, run of punctuation, invisible character and the having of
    letters that look like others is tested with each label: do more of the records that have both
    disagree with the label, to a model of trusted rows that no record of the stream has taught,
    than of the other records with that label? Near-copies count as one. Words found are
    remembered, and records with them and their label are held at the door from then on; words that
    only keep company with more surprising ones are not.

    least: records of a window that have to share a word
    most: words remembered; those most surprising are kept

    Blind to triggers in fewer than `least` records of a window, to words that more than half as
    many honest records with that label hold, to clean-label poison, to triggers
    of style, syntax or letter case, and to records whose content tells the model nothing.

    Needs `text` (n,) of strings and `label` (n,) of class codes; reads `embedding` if there is one.

    >>> rng = np.random.default_rng(0)
    >>> text = [" ".join(f"{kind}{i}" for i in rng.integers(0, 40, 8)) for kind in "ab" * 150]
    >>> rows = Batch(text, {"text": text, "label": [0, 1] * 150})
    >>> poison = [f"{s} xyzzy" if i % 30 == 1 else s for i, s in enumerate(text)]
    >>> label = [0 if i % 30 == 1 else i % 2 for i in range(300)]
    >>> check = TriggerWord()
    >>> odd = check.settle(Batch(poison, {"text": poison, "label": label}),
    ...     np.ones(300, bool), check.start(rows)) > 3
    >>> int(odd.sum()), bool(odd[1::30].all())
    (10, True)

    References
    ----------
    Dai, Chen, Li (2019). A Backdoor Attack Against LSTM-Based Text Classification. arXiv:1905.12457
    Kurita, Michel, Neubig (2020). Weight Poisoning Attacks on Pre-trained Models. arXiv:2004.06660
    """

    least: int = 4
    most: int = 4_096

    needs: ClassVar = ("text", "label")
    aspect: ClassVar = Aspect.INTEGRITY

    def start(self, trusted: Batch) -> Words:
        agreement = Agreement.of(trusted)
        return Words(agreement, np.zeros(0, np.uint64), np.zeros(0), np.zeros(0, bool))

    def judge(self, batch: Batch, state: Words) -> tuple[Floats, Words]:
        if not len(state.keys):
            return np.zeros(len(batch)), state
        row, key = _pairs(batch)
        hit = np.isin(key, state.keys)
        if not hit.any():
            return np.zeros(len(batch)), state
        odd = state.agreement.surprise(batch)
        found = Found(state.keys, state.surprise, state.pure)
        return _held(row[hit], key[hit], odd, found), state

    def settle(self, window: Batch, admitted: Mask, state: Words) -> Floats:
        row, key = _pairs(window)
        odd = state.agreement.surprise(window)
        return _held(row, key, odd, self._found(window, row, key, odd))

    def learn(self, window: Batch, admitted: Mask, state: Words) -> Words:
        row, key = _pairs(window)
        found = self._found(window, row, key, state.agreement.surprise(window))
        sure = found.surprise >= _SURE
        if not sure.any():
            return state
        keys = np.concatenate([found.keys[sure], state.keys])
        surprise = np.concatenate([found.surprise[sure], state.surprise])
        pure = np.concatenate([found.pure[sure], state.pure])
        order = np.lexsort((-surprise, keys))
        first = order[np.flatnonzero(np.diff(keys[order], prepend=keys[order][:1] + np.uint64(1)))]
        kept = first[np.argsort(-surprise[first], kind="stable")[: self.most]]
        kept = kept[np.argsort(keys[kept])]
        return replace(state, keys=keys[kept], surprise=surprise[kept], pure=pure[kept])

    def heed(self, rows: Batch, clean: Mask, state: Words) -> Words:
        """Words of records that were let in after all are no triggers."""
        _, fine = _pairs(rows.take(clean))
        kept = ~np.isin(state.keys, fine)
        keys, surprise, pure = state.keys[kept], state.surprise[kept], state.pure[kept]
        return replace(state, keys=keys, surprise=surprise, pure=pure)

    def explain(self, batch: Batch, row: int, state: Words) -> str:
        one = batch.take([row])
        label = batch.class_name(int(one["label"][0]))
        likely = batch.class_name(int(state.agreement.chances(one)[0].argmax()))
        names = [name for code, name in _named(one) if np.isin(code, state.keys)]
        told = ", ".join(f'"{name}"' for name in names[:5]) or "a word it shares with others"
        return f"labelled {label} like others with {told}, the rest of them reads like {likely}"

    def _found(self, window: Batch, row: Ints, key: Keys, odd: Floats) -> Found:
        """Words of the window in records of which too many disagree with their label."""
        label = np.asarray(window["label"], np.int64)
        against = (odd >= _ODD) & (label != UNLABELLED)
        copies = _firsts(row, key, against)
        keys, group = np.unique(key, return_inverse=True)
        held = np.bincount(group, ~(against & ~copies)[row], len(keys))
        wrong = np.bincount(group, copies[row], len(keys))
        tried = (held >= self.least) & (wrong >= self.least - 1)
        if not tried.any():
            return Found(keys[:0], np.zeros(0), np.zeros(0, bool))
        all_held, all_wrong = (np.bincount(label[m], minlength=1) for m in (label >= 0, copies))
        at = (keys[tried] & np.uint64(0xFF)).astype(np.int64)
        all_wrong = np.pad(all_wrong, (0, max(0, len(all_held) - len(all_wrong))))
        others = np.maximum(all_held[at] - held[tried], 1.0)
        share = (all_wrong[at] - wrong[tried]) / others
        chance = np.clip(2 * share + 1 / others, _HONEST, 0.9)
        seldom = betainc(wrong[tried], held[tried] - wrong[tried] + 1, chance)
        price = np.log10((held >= self.least).sum())
        surprise = np.maximum(-np.log10(np.maximum(seldom, 1e-300)) - price, 0.0)
        worth = np.where(surprise >= _NOTED, 3 * wrong[tried] - 2 * held[tried], -np.inf)
        kept = self._telling(worth, np.flatnonzero(tried), row, group, copies)
        pure = wrong[tried] / held[tried] >= _PURE
        return Found(keys[tried][kept], surprise[kept], pure[kept])

    def _telling(self, worth: Floats, words: Ints, row: Ints, group: Ints, against: Mask) -> Ints:
        """Positions of words that explain records which no better word explains.

        worth: (t,) how many disagree, less twice those that do not; words: (t,) their groups
        """
        left, kept = against.copy(), []
        best = np.argsort(-worth, kind="stable")[:_CANDIDATES]
        for place in best[worth[best] > 0].tolist():
            mine = np.zeros(len(left), bool)
            mine[row[group == words[place]]] = True
            if (left & mine).sum() >= self.least - 1:
                kept.append(place)
                left &= ~mine
        return np.sort(np.array(kept, np.int64))


def _pairs(batch: Batch) -> tuple[Ints, Keys]:
    """Row and key of each word of each labelled text, once a text; the key holds the label."""
    found = codes(batch.arrow("text"), _WORDS)
    row = np.repeat(np.arange(len(batch)), np.diff(found.offsets))
    label = np.asarray(batch["label"], np.int64)[row]
    known = (label >= 0) & (label < 0xFF)
    word = (found.values.astype(np.uint64) << np.uint64(8)) | label.astype(np.uint64)
    row, word = row[known], word[known]
    order = np.lexsort((word, row))
    new = np.ones(len(row), bool)
    new[1:] = (np.diff(row[order]) != 0) | (np.diff(word[order]) != 0)
    return row[order][new], word[order][new]


def _firsts(row: Ints, key: Keys, against: Mask) -> Mask:
    """(n,) of those that disagree, all that are no near-copies of one before.

    Near-copies have most of sixteen smallest hashes of words in common; the first few hundred
    records are compared.
    """
    places = np.flatnonzero(against)[:_COMPARED]
    order = np.full(len(against), -1)
    order[places] = np.arange(len(places))
    mine = order[row] >= 0
    word, at = key[mine] >> np.uint64(8), order[row[mine]]
    smallest = np.full((_HASHES, len(places)), np.iinfo(np.uint64).max, np.uint64)
    for turn in range(_HASHES):
        np.minimum.at(smallest[turn], at, mix(word + np.uint64(turn << 32)))
    shared = (smallest[:, :, None] == smallest[:, None, :]).mean(axis=0) >= _COPY
    kept = against.copy()
    kept[places] = ~np.tril(shared, -1).any(axis=1)
    return kept


def _held(row: Ints, key: Keys, odd: Floats, found: Found) -> Floats:
    """(n,) surprise of the most surprising trigger of each record, if it is one of its records."""
    surprise = np.zeros(len(odd))
    if not len(found.keys):
        return surprise
    at = np.minimum(np.searchsorted(found.keys, key), len(found.keys) - 1)
    hit = (found.keys[at] == key) & (found.pure[at] | (odd[row] >= _CLOSE))
    np.maximum.at(surprise, row[hit], found.surprise[at[hit]])
    return surprise


def _named(one: Batch) -> list[tuple[np.uint64, str]]:
    """Key of each word of a text, and what a reader would call it."""
    text, label = str(one["text"][0]), np.uint64(max(int(one["label"][0]), 0))
    names = [name for _, name in spell(text, 1)]
    words = codes(one.arrow("text")).values.astype(np.uint64)
    return [((w << np.uint64(8)) | label, name) for w, name in zip(words, names, strict=False)]
