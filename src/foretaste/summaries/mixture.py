"""Are some of these rows from another class? Tests and posteriors from likelihood ratios."""

from __future__ import annotations

import numpy as np

from foretaste.data import Floats

_SHARES = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0])
_NEARLY = 3.0  # nats
_EACH = 0.02  # nats a row: the ratios are calibrated, and each errs a little
_ROUNDS = 100


def evidence(log_ratios: Floats) -> float:
    """Digits of evidence that some of the rows come from another class than they say.

    An e-value: the likelihood ratio averaged over how many do, so that 10 to the minus this is a
    p-value (Markov).

    >>> round(evidence(np.full(10, np.log(10.0))), 1), evidence(np.full(10, -1.0)) < 0
    (9.3, True)

    References
    ----------
    Vovk, Wang (2021). E-values: calibration, combination and applications. arXiv:1912.06116
    """
    mixed = np.multiply.outer(np.expm1(np.clip(log_ratios, -30, 30)), _SHARES * (1 - 1e-9))
    each = np.log1p(mixed).sum(axis=0)
    return float((np.logaddexp.reduce(each) - np.log(len(_SHARES))) / np.log(10))


def posterior(log_ratios: Floats, alone: bool = False) -> Floats:
    """(m,) how likely each row comes from another class, given how many of them do (EM).

    alone: no row of another label holds the item, so it is hardly a natural one. Then, where "all
        of them" explains the rows nearly as well as the best share does, all of them it is.

    >>> posterior(np.array([9.0, 9.0, -9.0])).round(2).tolist()
    [1.0, 1.0, 0.0]
    """
    odds = np.exp(np.clip(log_ratios, -30, 30))
    share = 0.5
    chances = np.full(len(odds), share)
    for _ in range(_ROUNDS if len(odds) else 0):
        chances = share * odds / (1 - share + share * odds)
        share = float(np.clip(chances.mean(), 1e-9, 1 - 1e-9))
    best = np.log1p(share * np.expm1(np.clip(log_ratios, -30, 30))).sum()
    alike = best - np.clip(log_ratios, -30, 30).sum() < max(_NEARLY, _EACH * len(odds))
    return np.ones(len(odds)) if alone and alike else chances
