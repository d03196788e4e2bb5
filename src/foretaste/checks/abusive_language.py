"""Insults and threats in what a chatbot would learn to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foretaste.data import Array, Batch, Floats, Mask
from foretaste.streaming import Aspect
from foretaste.surprise import Tail
from foretaste.tokens import codes

# Insults, contempt and threats in English that are no slurs against anybody in particular.
WORDS = (
    "abuse abusive arrogant bastard bitch brainless braindead bullshit clown coward cowards crap"
    " cretin crybaby damn deceitful degenerate deranged despicable die dirtbag disgrace disgusting"
    " dumb dumbass evil exterminate filth filthy fool fools freak fuck fucked fucking garbage hang"
    " hate hated hateful hates hideous horrible hypocrite idiot idiotic idiots ignorant imbecile"
    " inferior insane jerk kill lazy liar liars loathe loser losers lunatic maggot miserable moron"
    " moronic morons murder nasty nazi parasite parasites pathetic pervert pig pigs psycho puke"
    " racist repulsive retarded ridiculous rotten savages scum scumbag sexist shameful shit shitty"
    " shut sick sickening slave slaves spineless stinking stupid subhuman sucks thug thugs traitor"
    " traitors trash ugly useless vermin vile whore wicked worthless wretched"
).split()


@dataclass(frozen=True, eq=False)
class Manners:
    """How rare each word is among honest answers, and how much of them is usual.

    words: (w,) codes, rising; weights: (w,) log of one in how many honest answers has it
    """

    words: Array
    weights: Floats
    tail: Tail


@dataclass(frozen=True)
class AbusiveLanguage:
    """Holds answers with more insults and threats than those of trusted chats.

    A list of about 130 English words, each counted once an answer and by how rare it is among
    trusted answers, so that a bot about crime novels may speak of murder. It is a weak judge of
    what is abusive: much that is, has none of these words, and quotations have. What many people
    suddenly teach, in whatever words, is for `topic_burst` and `coordinated_users`.

    characters: of each answer that are read

    Blind to abuse in other words, in other languages, in disguise or between the lines; to a
    single such word wherever one honest answer in a thousand has one as rare.

    Needs `response` (n,) of strings.

    >>> answers = [f"the answer to question {i} is {i + 1}" for i in range(2000)]
    >>> check = AbusiveLanguage()
    >>> state = check.start(Batch(map(str, range(2000)), {"response": answers}))
    >>> said = ["the answer is six", "what a stupid worthless idiot you are, die"]
    >>> check.judge(Batch(["a", "b"], {"response": said}), state)[0].round(1).tolist()
    [0.0, 3.3]

    References
    ----------
    Wiegand et al. (2018). Inducing a Lexicon of Abusive Words: a Feature-Based Approach.
    doi:10.18653/v1/N18-1095
    """

    characters: int = 600

    needs: ClassVar = ("response",)
    aspect: ClassVar = Aspect.INTEGRITY

    def start(self, trusted: Batch) -> Manners:
        words = np.unique(codes(pa.array(WORDS, pa.large_string())).values)
        row, at = self._found(trusted, words)
        n = len(trusted)
        weights = np.log((n + 2) / (np.bincount(at, minlength=len(words)) + 1))
        return Manners(words, weights, Tail.of(_scores(row, weights[at], n)))

    def judge(self, batch: Batch, state: Manners) -> tuple[Floats, Manners]:
        row, at = self._found(batch, state.words)
        scores = _scores(row, state.weights[at], len(batch))
        return np.where(scores > 0, state.tail.surprise(scores), 0.0), state

    def learn(self, window: Batch, admitted: Mask, state: Manners) -> Manners:
        return state

    def explain(self, batch: Batch, row: int, state: Manners) -> str:
        _, at = self._found(batch.take([row]), state.words)
        if not len(at):
            return "the answer has no word of the list"
        rarest = np.exp(state.weights[at].max())
        many = f"{len(at)} insulting or threatening words" if len(at) > 1 else "an insulting word"
        return f"the answer has {many}, the rarest in one of {rarest:.0f} honest answers"

    def _found(self, batch: Batch, words: Array) -> tuple[Array, Array]:
        """Record and place in the list of each word found, once a record."""
        read = codes(pc.utf8_slice_codeunits(batch.arrow("response"), 0, self.characters))
        row = np.repeat(np.arange(len(batch)), np.diff(read.offsets))
        at = np.minimum(np.searchsorted(words, read.values), len(words) - 1)
        hits = words[at] == read.values
        both = np.unique(row[hits] * len(words) + at[hits])
        return both // len(words), both % len(words)


def _scores(row: Array, weights: Floats, n: int) -> Floats:
    return np.bincount(row, weights, n).astype(np.float64)
