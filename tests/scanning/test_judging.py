"""Who is accused, and of what."""

import numpy as np
import pyarrow as pa

from foretaste.contracts import Kind, Scale
from foretaste.data import content_id
from foretaste.record import Verdict
from foretaste.scanning.judging import bounds, decide, to_p_values
from foretaste.scanning.learned import Learned
from foretaste.scanning.scoring import Scores


class Method:
    def __init__(self, kind, scale):
        self.kind, self.scale = kind, scale


def judged(n=1_000, trusted=None, **columns):
    ids = pa.array([content_id(str(i).encode()) for i in range(n)], pa.large_string())
    scores = Scores(np.arange(n), ids, ids, None, {k: v[0] for k, v in columns.items()})
    learned = {k: Learned(k, Method(*v[1:])) for k, v in columns.items()}
    return decide(to_p_values(scores, learned, trusted), learned, 0.01)


def test_much_natural_dirt_does_not_make_accusations_of_an_attack_cheap():
    rng = np.random.default_rng(0)
    dirt, attack = np.zeros(1_000), -np.log10(rng.random(1_000))
    dirt[:400] = 50.0
    judgement = judged(
        dirt=(dirt, Kind.HYGIENE, Scale.SURPRISE), attack=(attack, Kind.ATTACK, Scale.SURPRISE)
    )
    assert judgement.accused["dirt"][:400].all()
    assert judgement.of_kind("attack").sum() <= 1
    assert judgement.flagged.sum() >= 400


def test_a_fact_is_flagged_and_an_unknown_is_not():
    copies = np.zeros(1_000)
    copies[3], copies[4] = 1.0, np.nan
    judgement = judged(copies=(copies, Kind.HYGIENE, Scale.FACT))
    assert np.flatnonzero(judgement.flagged).tolist() == [3]
    assert judgement.verdict() is Verdict.DIRTY


def test_nothing_found_is_clean():
    quiet = judged(quiet=(np.zeros(1_000), Kind.ATTACK, Scale.SURPRISE))
    assert quiet.verdict() is Verdict.CLEAN
    assert bounds(quiet) == ()


def test_the_bound_of_a_sure_list_is_small_and_grows_with_the_list():
    sure = np.zeros(1_000)
    sure[:50] = 30.0
    judgement = judged(sure=(sure, Kind.ATTACK, Scale.SURPRISE))
    assert judgement.verdict() is Verdict.POISONED
    listed = bounds(judgement)
    assert listed[-1].flagged == 50
    assert listed[-1].clean <= 3
    assert not listed[-1].exact
    assert [one.clean for one in listed] == sorted(one.clean for one in listed)


def test_trusted_rows_make_raw_p_values_exact_ranks():
    rng = np.random.default_rng(1)
    scores, trusted = rng.standard_normal(1_000), np.zeros(1_000, bool)
    trusted[500:] = True
    judgement = judged(raw=(scores, Kind.HYGIENE, Scale.RAW), trusted=trusted)
    assert judgement.nulls == {}
    assert abs((judgement.p_values["raw"][:500] <= 0.1).mean() - 0.1) < 0.05


def test_the_bound_counts_only_rows_that_are_not_known_to_be_clean():
    sure, trusted = np.zeros(1_000), np.zeros(1_000, bool)
    sure[480:520] = 30.0
    trusted[500:] = True
    judgement = judged(sure=(sure, Kind.ATTACK, Scale.SURPRISE), trusted=trusted)
    assert bounds(judgement, trusted)[-1].flagged == 20
    assert bounds(judgement, trusted)[-1].exact
