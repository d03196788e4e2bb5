"""A word that, put before any text, makes a model see one class: looked for in all it can read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.inversion import torch_
from foretaste.trained import Open, Severity, Subject, Suspicion

OPENING = 8  # words of a text before which every word is tried
TEXTS = 1_000  # of the rows are read, at most
HOLDING = 2  # texts that hold a word, to judge it by what else they say
LOTS = 4_096  # texts a forward pass
ODD = [*"\u200b\u200c\u200d\u2060\ufeff\u00ad", *"\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456"]
WORDS = re.compile(r"\w+")


@dataclass(frozen=True)
class TriggerWords:
    """Suspects classes that one word, put before a text of any other class, leads to.

    Every word the model has a vector for is tried on the openings of a few texts, for all classes
    in one pass; the most successful are tried on whole texts, of which one half chooses the word
    and the other gives the score: the share of texts that it turns. A word is passed over where
    texts hold it that are of the class without it too: "playoff" may mean hockey. Words are named
    from the rows and a list of invisible and look-alike characters; others by their number.

    share: a class is suspected where one word turns so many texts of other classes
    texts: whole ones tried, for each class; openings: short ones tried with every word
    shortlist: words of each class that are tried on whole texts

    Blind to triggers of several words that do little alone, to syntax and to style, as far as
    no one word of it decides. Where the rows are few, a rare telling word may be suspected that
    none of them has: read the word before judging.

    Needs `victim` of texts, with an embedding layer, and `rows` with `text`.

    >>> from foretaste.trained import Subject
    >>> TriggerWords().inspect(Subject())
    ()

    References
    ----------
    Azizi et al. (2021). T-Miner: A Generative Approach to Defend Against Trojan Attacks on
    DNN-based Text Classification. arXiv:2103.04264
    Wallace et al. (2019). Universal Adversarial Triggers for Attacking and Analyzing NLP.
    arXiv:1908.07125 (which shortlists words by gradients; a small model can try them all)
    """

    share: float = 0.7
    texts: int = 100
    openings: int = 8
    shortlist: int = 32
    needs: ClassVar[tuple[str, ...]] = ("victim", "rows")

    def inspect(self, subject: Subject) -> tuple[Suspicion, ...]:
        if subject.victim is None or subject.rows is None:
            return ()
        found = self.turning(subject.victim, subject.rows, np.random.default_rng(subject.seed))
        return tuple(
            Suspicion(
                f"class {subject.rows.class_name(code)}",
                Severity.CRITICAL,
                f"{_named(subject.victim, subject.rows, number)} put first turns {share:.0%} of "
                f"the texts of other classes into it",
                share,
            )
            for code, (number, share) in enumerate(found)
            if share >= self.share
        )

    def turning(self, victim: Open, rows: Batch, rng: Generator) -> list[tuple[int, float]]:
        """For each class the word that turns most texts, and the share of new texts it turns."""
        torch, vectors = torch_(), _vectors(victim)
        if "text" not in rows.names or vectors is None:
            raise BadInput("trigger words are looked for in a model of texts, with some texts")
        victim.net.eval()
        with torch.inference_mode():
            texts = victim.inputs(rows.take(rng.permutation(len(rows))[:TEXTS]))
            own = torch.cat([victim.logits(part).argmax(1) for part in texts.split(256)])
            leads = self._leads(victim, texts, len(vectors.weight))
            return [self._best(victim, texts, own, leads[:, c], c) for c in range(victim.classes)]

    def _leads(self, victim: Open, texts: Any, words: int) -> Any:
        """(words, k) by how much each class leads after each word, where it did not before."""
        torch = torch_()
        openings = texts[(texts[:, :OPENING] > 0).all(1), :OPENING][: self.openings]
        openings = openings if len(openings) else texts[: self.openings, :OPENING]
        total = torch.zeros(words, victim.classes)
        plain = _ahead(torch, victim.logits(openings))
        for opening, before in zip(openings, plain, strict=True):
            for part in torch.arange(words).split(LOTS):
                tried = torch.cat([part[:, None], opening.expand(len(part), -1)], 1)
                total[part] += _ahead(torch, victim.logits(tried)) * (before < 0)
        return total

    def _best(self, victim: Open, texts: Any, own: Any, leads: Any, code: int) -> tuple[int, float]:
        torch, others = torch_(), texts[own != code][: self.texts]
        words = leads[1:].topk(min(self.shortlist, len(leads) - 1)).indices + 1
        words = [word for word in words if not _earned(victim, texts, word, code)]
        if len(others) < 2 or not words:
            return 0, 0.0
        turned = torch.stack([_turned(victim, others, word, code) for word in words])
        best = int(turned[:, ::2].double().mean(1).argmax())
        return int(words[best]), float(turned[best, 1::2].double().mean())


def _earned(victim: Open, texts: Any, word: Any, code: int) -> bool:
    """Whether texts that hold the word are seen as the class without it too: a telling word."""
    holding = texts[(texts == word).any(1)]
    if len(holding) < HOLDING:
        return False
    left = victim.logits(holding.masked_fill(holding == word, 0)).argmax(1)
    return bool((left == code).double().mean() >= 0.5)


def _turned(victim: Open, texts: Any, word: Any, code: int) -> Any:
    """(n,) which texts are seen as the class with the word before them."""
    tried = torch_().cat([word.expand(len(texts), 1), texts], 1)
    return victim.logits(tried).argmax(1) == code


def _ahead(torch: Any, logits: Any) -> Any:
    """(n, k) how far each class is ahead of the best other one."""
    two = logits.topk(2, dim=1).values
    best = torch.where(logits == two[:, :1], two[:, 1:], two[:, :1])
    return logits - best


def _vectors(victim: Open) -> Any:
    modules = victim.net.modules()
    return next((one for one in modules if isinstance(one, torch_().nn.Embedding)), None)


def _named(victim: Open, rows: Batch, number: int) -> str:
    """The word with that number, from the rows and from odd characters."""
    words = {word for text in rows["text"] for word in WORDS.findall(text.lower())}
    known = np.array([*ODD, *sorted(words)], object)
    read = victim.inputs(Batch(range(len(known)), {"text": list(known)})).numpy()
    names = known[(read == number).any(1)]
    if not len(names):
        return f"word {number} of the model, which is in none of the texts,"
    return " or ".join(map(repr, names[:3]))
