"""Something that many newcomers suddenly speak of, and hardly anybody did before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import numpy as np
import polars as pl
import pyarrow.compute as pc

from foretaste.data import Array, Batch, Floats, Ints, Keys, Mask
from foretaste.newcomers import Acquaintances, agreement, user_keys
from foretaste.streaming import Aspect
from foretaste.tokens import codes, mix, ngrams, spell

_SALTS = {"prompt": np.uint64(0), "response": np.uint64(0x5851F42D4C957F2D)}  # other words
_LENGTH = 2  # words of the longest phrase
_ACCUSED = 64  # phrases remembered at the door
_SHOWN = 64  # records of a window that a reason is looked for in
_ODD = 4.0  # -log10 from which on a phrase is looked at
_BITS = 20  # of a cell, where phrases are counted together
_USUAL = 0.1  # share of honest users from which on nobody makes a burst of a phrase
_PRICE = 2.0  # looks: at this window, at the last ones


class Said(NamedTuple):
    """Phrases of some records, as often as they are there."""

    row: Ints  # (p,)
    phrase: Keys  # (p,)
    many: Ints  # (n,) of each record


@dataclass(frozen=True, eq=False)
class Talk:
    """What honest users said, what newcomers said lately, and what they are accused of.

    usual: (cells,) whether a phrase is what everybody says
    phrases, users: (m,) other phrases of trusted rows, rising, and how many users said each
    trusted: users in all
    known:   users by when they came
    window:  number of the open window
    line, who, what: (p,) record, user and phrase of what newcomers said lately
    accused, surprise: (a,) phrases, rising, that too many of them said, and how surprising that is
    """

    usual: Mask
    phrases: Keys
    users: Ints
    trusted: int
    known: Acquaintances
    window: int
    line: Ints
    who: Keys
    what: Keys
    accused: Keys
    surprise: Floats

    @property
    def lately(self) -> pl.DataFrame:
        """What newcomers said in the last windows."""
        return pl.DataFrame({"line": self.line, "who": self.who, "what": self.what})


@dataclass(frozen=True)
class TopicBurst:
    """Holds what newcomers say of a subject that suddenly many of them speak of.

    Words and pairs of words, of prompts and of answers apart, are counted by how many users say
    them. If newcomers are as the users of trusted rows are, each of all who say something is a
    newcomer with the same chance; so no model of topics is needed. A record is as surprising as
    the most surprising thing it says, paid for all it says and for looking at this window and at
    the last ones. What is found when a window is over is known at the door from then on, as long
    as newcomers go on with it. Who has been a user for longer is not held.

    young: windows after which a newcomer is none
    span: windows that are looked at together
    least: newcomers, fewer are no burst
    characters: of each prompt and each answer that are read

    Remembers what newcomers said in the last `span` windows and 131,072 users, beside what the
    trusted rows say.

    Blind to fewer than `least` users at a time, to users who were honest for `young` windows, to
    subjects that honest users spoke of as much. Holds newcomers who all speak of a piece of news,
    until a person says that it is one and trusted rows are renewed.

    Needs `prompt` and `response` (n,) of strings, and `user` (n,).

    >>> def chats(users, words):
    ...     said = [f"what is {word}" for word in words]
    ...     return Batch(map(str, range(len(users))), {"user": users, "prompt": said,
    ...         "response": ["so so"] * len(users)})
    >>> check = TopicBurst()
    >>> honest = chats([f"u{i}" for i in range(300)], [f"w{i % 90}" for i in range(300)])
    >>> state = check.start(honest)
    >>> crowd = chats([f"g{i}" for i in range(12)], ["w7"] + ["pelicans"] * 11)
    >>> check.settle(crowd, np.ones(12, bool), state).round()[:3].tolist()
    [0.0, 15.0, 15.0]

    References
    ----------
    Kleinberg (2002). Bursty and Hierarchical Structure in Streams. doi:10.1145/775047.775061
    Wolf, Miller, Grodzinsky (2017). Why We Should Have Seen That Coming.
    doi:10.1145/3144592.3144598
    """

    young: int = 10
    span: int = 10
    least: int = 4
    characters: int = 300

    needs: ClassVar = ("prompt", "response", "user")
    aspect: ClassVar = Aspect.ORIGIN

    def start(self, trusted: Batch) -> Talk:
        said, users = self._said(trusted, np.zeros(1 << _BITS, bool)), user_keys(trusted)
        pairs = pl.DataFrame({"what": said.phrase, "who": users[said.row]}).unique()
        counted = pairs.group_by("what").len().sort("what")
        phrases, many = counted["what"].to_numpy(), counted["len"].to_numpy().astype(np.int64)
        crowd = len(np.unique(users))
        usual = np.zeros(1 << _BITS, bool)
        usual[_cells(phrases[many > max(_USUAL * crowd, self.least)])] = True
        rare = ~usual[_cells(phrases)]
        none = np.zeros(0, np.uint64)
        return Talk(
            usual,
            phrases[rare],
            many[rare],
            crowd,
            Acquaintances.of(users),
            0,
            np.zeros(0, np.int64),
            none,
            none,
            none,
            np.zeros(0),
        )

    def judge(self, batch: Batch, state: Talk) -> tuple[Floats, Talk]:
        if not len(state.accused) or not len(batch):
            return np.zeros(len(batch)), state
        new = self._new(user_keys(batch), state)
        return self._worst(
            self._said(batch, state.usual), new, state.accused, state.surprise
        ), state

    def settle(self, window: Batch, admitted: Mask, state: Talk) -> Floats:
        said, users = self._said(window, state.usual), user_keys(window)
        new = self._new(users, state)
        phrases, surprise = self._bursts(self._newcomers(said, users, new, state), state)
        return self._worst(said, new, phrases, surprise)

    def learn(self, window: Batch, admitted: Mask, state: Talk) -> Talk:
        users = user_keys(window)
        here = self._newcomers(
            self._said(window, state.usual), users, self._new(users, state), state
        )
        accused, surprise = self._bursts(here, state)
        oldest = (state.window - self.span + 2) << 32
        lately = pl.concat([state.lately.filter(pl.col("line") >= oldest), here])
        state.known.meet(users[admitted], state.window)
        return replace(
            state,
            window=state.window + 1,
            line=lately["line"].to_numpy(),
            who=lately["who"].to_numpy(),
            what=lately["what"].to_numpy(),
            accused=accused,
            surprise=surprise,
        )

    def explain(self, batch: Batch, row: int, state: Talk) -> str:
        """By what is known at the door, or else by some records of the same window."""
        own = self._said(batch.take([row]), state.usual).phrase
        odd = _looked_up(own, state.accused, state.surprise)
        if not odd.any():
            few = np.linspace(0, len(batch) - 1, min(_SHOWN, len(batch))).astype(np.int64)
            said, users = self._said(batch.take(few), state.usual), user_keys(batch.take(few))
            here = self._newcomers(said, users, self._new(users, state), state)
            pairs = pl.concat([state.lately, here]).filter(pl.col("what").is_in(own.tolist()))
            odd = _looked_up(own, *self._odds(pairs, max(pairs["who"].n_unique(), 1), state, 2))
        if not odd.any():
            return "newcomers agree on what it says more than honest users do"
        worst = self._spelt(batch.take([row]), own[odd.argmax()])
        return f"newcomers suddenly speak of {worst}"

    def _new(self, users: Keys, state: Talk) -> Mask:
        return state.known.new(users, state.window - self.young)

    def _said(self, batch: Batch, usual: Mask) -> Said:
        """Rare phrases of prompts and of answers."""
        rows, items = [], []
        for name, salt in _SALTS.items():
            text = pc.utf8_slice_codeunits(batch.arrow(name), 0, self.characters)
            found = ngrams(codes(text), _LENGTH)
            phrase = mix(found.values ^ salt)
            row = np.repeat(np.arange(len(batch)), np.diff(found.offsets))
            rare = ~usual[_cells(phrase)]
            rows.append(row[rare])
            items.append(phrase[rare])
        row, phrase = np.concatenate(rows), np.concatenate(items)
        return Said(row, phrase, np.bincount(row, minlength=len(batch)))

    def _newcomers(self, said: Said, users: Keys, new: Mask, state: Talk) -> pl.DataFrame:
        """Who of the newcomers said what in which record, in this window."""
        own = new[said.row]
        line = said.row[own] + (state.window << 32)
        return pl.DataFrame({"line": line, "who": users[said.row[own]], "what": said.phrase[own]})

    def _bursts(self, here: pl.DataFrame, state: Talk) -> tuple[Keys, Floats]:
        """Phrases that too many newcomers say, rising, and the surprise of each.

        The most surprising one first; what it accounts for accuses no other.
        """
        found: dict[int, float] = {}
        for pairs in (here, pl.concat([state.lately, here])):
            crowd = pairs["who"].n_unique()
            pairs = _common(pairs, self.least)
            while len(found) < _ACCUSED and len(pairs):
                phrase, odd = self._strongest(pairs, crowd, state)
                if odd < _ODD:
                    break
                found[phrase] = max(odd, found.get(phrase, 0.0))
                told = pairs.filter(pl.col("what") == phrase).select("line")
                pairs = pairs.join(told, on="line", how="anti")
        phrases = np.array(sorted(found), np.uint64)
        return phrases, np.array([found[one] for one in phrases.tolist()])

    def _strongest(self, pairs: pl.DataFrame, crowd: int, state: Talk) -> tuple[int, float]:
        phrase, odd = self._odds(pairs, crowd, state, self.least)
        return (int(phrase[odd.argmax()]), float(odd.max())) if len(phrase) else (0, 0.0)

    def _odds(
        self, pairs: pl.DataFrame, crowd: int, state: Talk, least: int
    ) -> tuple[Keys, Floats]:
        """Phrases that enough newcomers say, rising, and how surprising that is of each."""
        counted = pairs.group_by("what").agg(pl.col("who").n_unique())
        counted = counted.filter(pl.col("who") >= least).sort("what")
        phrase, many = counted["what"].to_numpy(), counted["who"].to_numpy().astype(np.int64)
        if not len(phrase):
            return phrase, np.zeros(0)
        honest = _looked_up(phrase, state.phrases, state.users)
        return phrase, agreement(many, crowd, honest, state.trusted) - np.log10(_PRICE)

    def _worst(self, said: Said, new: Mask, phrases: Keys, surprise: Floats) -> Floats:
        """(n,) the most surprising thing that each newcomer says, paid for all he says."""
        odd = _looked_up(said.phrase, phrases, surprise)
        worst = np.zeros(len(new))
        np.maximum.at(worst, said.row, odd)
        paid = worst - np.log10(np.maximum(said.many, 1))
        return np.where(new, np.maximum(paid, 0.0), 0.0)

    def _spelt(self, one: Batch, phrase: np.uint64) -> str:
        for name, salt in _SALTS.items():
            text = pc.utf8_slice_codeunits(one.arrow(name), 0, self.characters)[0].as_py()
            for item, words in spell(text or "", _LENGTH):
                if mix(np.array([item], np.uint64) ^ salt)[0] == phrase:
                    return f"{words!r} in the {name}"
        return "what it says"


def _cells(phrases: Keys) -> Ints:
    return (phrases >> np.uint64(64 - _BITS)).astype(np.int64)


def _looked_up(asked: Keys, keys: Keys, values: Array) -> Array:
    """(n,) the value of each key, 0 where it is unknown; keys rise."""
    if not len(keys):
        return np.zeros(len(asked), values.dtype)
    at = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where(keys[at] == asked, values[at], 0)


def _common(pairs: pl.DataFrame, least: int) -> pl.DataFrame:
    """Without most phrases that too few lines have to be said by enough users."""
    cells = _cells(pairs["what"].to_numpy())
    return pairs.filter(np.bincount(cells, minlength=1)[cells] >= least)
