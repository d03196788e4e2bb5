"""Newcomers who, one after the other, say nearly the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from foretaste.data import Array, Batch, Floats, Ints, Keys, Mask
from foretaste.newcomers import Acquaintances, agreement, user_keys
from foretaste.streaming import Aspect
from foretaste.summaries.word_vectors import text_vectors

_LEVELS = (1e-3, 1e-2)  # shares of honest users who say as nearly the same, at most
_ACCUSED = 64  # vectors remembered at the door
_SHOWN = 64  # records of a window that a reason is looked for in
_ODD = 3.0  # -log10 from which on a record is worth remembering
_AT_ONCE = 1024  # records compared at once


@dataclass(frozen=True, eq=False)
class Crowd:
    """What each user said, once: of honest users, and of the newcomers of the last windows.

    honest: (m, d) unit length, one a user
    levels: similarities from which on two records say nearly the same
    known:  users by when they came
    window: number of the open window
    who, what, when: (p,), (p, d), (p,) newcomers, what each said last, and in which window
    accused, surprise, level: (a, d), (a,), (a,) what too many of them said
    """

    honest: Array
    levels: tuple[float, ...]
    known: Acquaintances
    window: int
    who: Keys
    what: Array
    when: Ints
    accused: Array
    surprise: Floats
    level: Floats


@dataclass(frozen=True)
class CoordinatedUsers:
    """Holds what newcomers say if too many other newcomers lately said nearly the same.

    What is said is the mean word vector of the prompt beside that of the answer, so it is about
    the subject and not about the wording. For each record by a newcomer it counts the users who
    said nearly the same: among the newcomers of this window and the last ones, and among honest
    users of trusted rows, each with one record. If newcomers are as honest users are, those who
    agree are among the newcomers by chance only; the surprise is paid for two meanings of nearly,
    which trusted rows give. What is found when a window is over is known at the door from then
    on. Who has been a user for longer is not held.

    young: windows after which a newcomer is none
    span: windows that are looked at together
    crowd: newcomers remembered, at most, the latest
    honest: users of trusted rows that are compared with, at most
    least: newcomers who agree; fewer are no crowd
    characters: of each prompt that are read

    Remembers `crowd` vectors and 131,072 users.

    Blind to fewer than `least` users at a time, to users who were honest for `young` windows, to
    one user who says the same all day (`repetition` sees that). Holds newcomers who all come for
    the same honest reason, until trusted rows are renewed.

    Needs `prompt` (n,) of strings, `response_embedding` (n, d) and `user` (n,).

    >>> def chats(users, prompts):
    ...     rng = np.random.default_rng(len(users))
    ...     return Batch(map(str, range(len(users))), {"user": users, "prompt": prompts,
    ...         "response_embedding": rng.normal(size=(len(users), 4))})
    >>> check = CoordinatedUsers()
    >>> words = "cat sun car tea red run map ice law gas".split()
    >>> honest = [f"{a} {b} {c}" for a in words for b in words[:5] for c in words[:5]]
    >>> state = check.start(chats([f"u{i}" for i in range(250)], honest))
    >>> crowd = chats([f"g{i}" for i in range(9)], ["buy these shares"] * 9)
    >>> bool(check.settle(crowd, np.ones(9, bool), state).max() > 3)
    True

    References
    ----------
    Pacheco et al. (2021). Uncovering Coordinated Networks on Social Media. arXiv:2001.05658
    Schilling (1986). Multivariate Two-Sample Tests Based on Nearest Neighbors.
    doi:10.1080/01621459.1986.10478337
    """

    young: int = 10
    span: int = 10
    crowd: int = 1_000
    honest: int = 2_000
    least: int = 4
    characters: int = 300

    needs: ClassVar = ("prompt", "response_embedding", "user")
    aspect: ClassVar = Aspect.ORIGIN

    def start(self, trusted: Batch) -> Crowd:
        users = user_keys(trusted)
        _, rows = np.unique(users, return_index=True)
        rows = rows[: self.honest]  # keys are hashes: the lowest are drawn by chance
        honest = self._vectors(trusted.take(rows))
        d, none = honest.shape[1], np.zeros(0)
        return Crowd(
            honest,
            _levels(honest),
            Acquaintances.of(users),
            0,
            np.zeros(0, np.uint64),
            np.zeros((0, d), np.float32),
            np.zeros(0, np.int64),
            np.zeros((0, d), np.float32),
            none,
            none,
        )

    def judge(self, batch: Batch, state: Crowd) -> tuple[Floats, Crowd]:
        surprise = np.zeros(len(batch))
        if not len(state.accused) or not len(batch):
            return surprise, state
        new = np.flatnonzero(self._new(user_keys(batch), state))
        alike = self._vectors(batch.take(new)) @ state.accused.T >= state.level
        surprise[new] = (alike * state.surprise).max(axis=1)
        return surprise, state

    def settle(self, window: Batch, admitted: Mask, state: Crowd) -> Floats:
        surprise = np.zeros(len(window))
        users = user_keys(window)
        new = np.flatnonzero(self._new(users, state))
        odd, _, _ = self._crowded(self._vectors(window.take(new)), users[new], state)
        surprise[new] = odd
        return surprise

    def learn(self, window: Batch, admitted: Mask, state: Crowd) -> Crowd:
        users = user_keys(window)
        new = np.flatnonzero(self._new(users, state))
        vectors = self._vectors(window.take(new))
        odd, levels, (who, what, when) = self._crowded(vectors, users[new], state)
        worst = np.argsort(-odd, kind="stable")[:_ACCUSED]
        worst = worst[odd[worst] >= _ODD]
        state.known.meet(users[admitted], state.window)
        recent = when > state.window - self.span + 1
        return replace(
            state,
            window=state.window + 1,
            who=who[recent][-self.crowd :],
            what=what[recent][-self.crowd :],
            when=when[recent][-self.crowd :],
            accused=vectors[worst],
            surprise=odd[worst],
            level=levels[worst],
        )

    def explain(self, batch: Batch, row: int, state: Crowd) -> str:
        """By newcomers of the last windows and some of this one."""
        few = np.linspace(0, len(batch) - 1, min(_SHOWN, len(batch))).astype(np.int64)
        users, own = user_keys(batch), self._vectors(batch.take([row]))[0]
        here = few[self._new(users[few], state)]
        what = np.concatenate([state.what, self._vectors(batch.take(here))])
        who = np.concatenate([state.who, users[here]])
        alike = (what @ own >= min(state.levels)) & (who != users[row])
        many = len(np.unique(who[alike]))
        return f"at least {many} other newcomers lately said nearly the same"

    def _new(self, users: Keys, state: Crowd) -> Mask:
        return state.known.new(users, state.window - self.young)

    def _vectors(self, batch: Batch) -> Array:
        """(n, d) what is said: asked and answered count the same."""
        asked = text_vectors(batch.arrow("prompt"), self.characters)
        told: Array = np.asarray(batch["response_embedding"], np.float32)
        length = np.linalg.norm(told, axis=1, keepdims=True)
        told = told / np.where(length > 0, length, np.float32(1))
        return np.hstack([asked, told]) / np.float32(np.sqrt(2))

    def _crowded(
        self, vectors: Array, users: Keys, state: Crowd
    ) -> tuple[Floats, Floats, tuple[Keys, Array, Ints]]:
        """Surprise of each record, at which level, and one record of each newcomer lately."""
        at = np.full(len(users), state.window)
        who = np.concatenate([state.who, users])
        what, when = np.concatenate([state.what, vectors]), np.concatenate([state.when, at])
        _, last = np.unique(who[::-1], return_index=True)
        last = np.sort(len(who) - 1 - last)
        who, what, when = who[last], what[last], when[last]
        odd, level = np.zeros(len(users)), np.full(len(users), state.levels[0])
        for start in range(0, len(users), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            near, honest = vectors[part] @ what.T, vectors[part] @ state.honest.T
            others = who != users[part, None]
            for one in state.levels:
                many = ((near >= one) & others).sum(axis=1)
                surprise = agreement(
                    many, len(who) - 1, (honest >= one).sum(axis=1), len(state.honest)
                )
                surprise = np.where(many >= self.least, surprise - np.log10(len(state.levels)), 0)
                better = surprise > odd[part]
                odd[part][better], level[part][better] = surprise[better], one
        return odd, level, (who, what, when)


def _levels(honest: Array) -> tuple[float, ...]:
    """Similarities that such shares of the pairs of honest users reach."""
    some = honest[:: max(1, len(honest) // 500)]
    pairs = (some @ some.T)[np.triu_indices(len(some), 1)]
    if not len(pairs):
        return tuple(1.0 for _ in _LEVELS)
    return tuple(float(np.quantile(pairs, 1 - share)) for share in _LEVELS)
