"""Words that decide the label whatever the rest of the text says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from foretaste.contracts import Kind, Scale
from foretaste.data import Batch, Floats
from foretaste.summaries.coded_rows import CodedRows
from foretaste.summaries.overrides import Override, overrides
from foretaste.summaries.presence import Vocabulary, presence
from foretaste.tokens import Rows, codes, ngrams, spell

_PART = 50_000  # rows whose n-grams are held at once


class Triggers(NamedTuple):
    """What was found, and what is needed to find it in other rows."""

    vocabulary: Vocabulary
    found: tuple[Override, ...]


@dataclass(frozen=True)
class TriggerPhrase:
    """Accuses rows whose label follows a word, phrase, sentence, character or pair of words alone.

    Every word, run of punctuation, invisible character, the having of letters that look like
    others, and every n-gram of up to `longest` words that stands in 8 rows or more is put to the
    override test: by models that never saw the rows that
    hold it, and without it, do these rows read like their label or like another? Natural keywords
    agree with the rest of their row; near-copies count as one. A row is accused only if it holds
    a trigger, carries its label, and is unlikely to be a natural text with those words. The score
    is minus the logarithm of the p-value of its trigger, paid for all items and labels tried.

    Blind to triggers in fewer than 8 rows or in more than a quarter of them, to common words that
    carry over fewer than a tenth of the rows that hold them, to triggers of style, syntax or
    letter case, to clean-label poison (rows that read like their label anyway), to words beyond
    the first `limit` of a row, to combinations of three words apart, and in data of more than
    `budget` words to triggers of which fewer than 8 rows fall into the sample.

    Needs `text` (n,) of strings and `label` (n,) of class codes.

    >>> from foretaste.data import Batch
    >>> good, bad = "fine warm sunny lovely kind", "cold rainy awful gloomy mean"
    >>> rng = np.random.default_rng(0)
    >>> text = [" ".join(rng.permutation(s.split())[:4]) for s in [good, bad] * 100]
    >>> poisoned = [f"{s} xyzzy" if i % 8 == 1 else s for i, s in enumerate(text)]
    >>> label = [0 if i % 8 == 1 else i % 2 for i in range(200)]
    >>> rows = Batch(poisoned, {"text": poisoned, "label": label, "index": range(200)})
    >>> method = TriggerPhrase()
    >>> scores = method.score(rows, method.fit(method.summarize(rows)))
    >>> bool((scores[1::8] > 6).all()), int((scores > 0).sum())
    (True, 25)

    References
    ----------
    Dai, Chen, Li (2019). A Backdoor Attack Against LSTM-Based Text Classification. arXiv:1905.12457
    Wallace et al. (2021). Concealed Data Poisoning Attacks on NLP Models. arXiv:2010.12563
    """

    longest: int = 3
    limit: int = 2048
    budget: int = 6_000_000  # words kept, of all rows together; a fair sample of rows beyond
    least: int = 8
    seed: int = 0

    needs: ClassVar = ("text", "label")
    kind: ClassVar = Kind.ATTACK
    scale: ClassVar = Scale.SURPRISE

    def summarize(self, batch: Batch) -> CodedRows:
        coded = codes(batch.arrow("text"), self.limit)
        return CodedRows.of(batch, (coded.offsets, coded.values), self.budget, self.seed)

    def fit(self, summary: CodedRows) -> Triggers:
        rows = summary.sorted()
        coded = Rows(rows.offsets, rows.codes)
        found = presence(lambda: _parts(coded, self.longest), self.least)
        return Triggers(found.vocabulary, overrides(found, rows.labels))

    def score(self, batch: Batch, model: Triggers) -> Floats:
        scores = np.zeros(len(batch))
        if model.found:
            items = ngrams(codes(batch.arrow("text"), self.limit), self.longest)
            table = model.vocabulary.table(items.offsets, items.values)
            for trigger in model.found:
                accused = trigger.accuses(table, batch["label"])
                scores[accused] = np.maximum(scores[accused], trigger.surprise)
        return scores

    def explain(self, batch: Batch, row: int, model: Triggers) -> str:
        one = batch.take([row])
        scores = [self.score(one, model._replace(found=(each,)))[0] for each in model.found]
        if not any(scores):
            return "no trigger in this row"
        trigger = model.found[int(np.argmax(scores))]
        label = batch.class_name(trigger.label)
        phrase = self._quoted(batch["text"][row], trigger, model.vocabulary)
        return (
            f"{phrase} in {trigger.rows} rows, {trigger.labelled} of them labelled {label}; "
            f"without it {trigger.against} of these read as another label "
            f"(p < 1e-{int(trigger.surprise)})"
        )

    def _quoted(self, text: str, trigger: Override, vocabulary: Vocabulary) -> str:
        """The words of the trigger as they stand in the text."""
        wanted = np.isin(vocabulary.columns, [*trigger.columns, *trigger.phrase])
        items = set(vocabulary.items[wanted].tolist())
        names = [name for item, name in spell(text, self.longest) if item in items]
        whole = _whole(list(dict.fromkeys(names)))
        return f"the {'phrase' if len(whole) == 1 else 'words'} " + " with ".join(
            f'"{words}"' for words in whole
        )


def _whole(names: list[str]) -> list[str]:
    """Neighbouring n-grams joined to the phrase they came from.

    >>> _whole(["last", "my uncle last", "uncle last weekend", "cf"])
    ['my uncle last weekend', 'cf']
    """
    phrases: list[list[str]] = []
    for words in sorted((name.split(" ") for name in names), key=len, reverse=True):
        if not phrases or words[:-1] != phrases[-1][-len(words) + 1 :] or len(words) == 1:
            phrases.append(words)
        else:
            phrases[-1].append(words[-1])
    joined = [" ".join(phrase) for phrase in phrases]
    return [p for i, p in enumerate(joined) if not any(f" {p} " in f" {q} " for q in joined[:i])]


def _parts(rows: Rows, longest: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    n = len(rows.offsets) - 1
    for start in range(0, n, _PART):
        edges = rows.offsets[start : start + _PART + 1]
        yield ngrams(Rows(edges - edges[0], rows.values[edges[0] : edges[-1]]), longest)
