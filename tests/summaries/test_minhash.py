"""The sketches, beside the sets they stand for."""

import numpy as np
import polars as pl
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from foretaste.summaries.minhash import BINS, WIDTH, alike, normal, resemblance, sketches


def shingles(text):
    padded = text.encode() + b"\0" * (WIDTH - 1)
    return {padded[i : i + WIDTH] for i in range(len(padded) - WIDTH + 1)}


def test_resemblance_is_the_jaccard_similarity_of_shingles_within_its_error():
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz  "))
    errors = []
    for _ in range(300):
        one = "".join(rng.choice(letters, 200))
        cut = int(rng.integers(0, 200))
        two = one[:cut] + "".join(rng.choice(letters, 200 - cut))
        a, b = shingles(one), shingles(two)
        known = sketches(pl.Series([one, two]))
        errors.append(resemblance(known[:1], known[1:])[0] - len(a & b) / len(a | b))
    assert abs(np.mean(errors)) < 0.01
    assert np.std(errors) < 0.045


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=12))
def test_a_text_has_the_same_sketch_alone_as_in_company(texts):
    column = pl.Series(texts, dtype=pl.String)
    together = sketches(column)
    assert together.shape == (len(texts), BINS)
    for at in range(len(texts)):
        np.testing.assert_array_equal(sketches(column[at : at + 1])[0], together[at])


def test_large_and_empty_texts_stand_side_by_side():
    texts = ["", "a" * 600_000, "", "b", "the end of it " * 50_000]
    known = sketches(pl.Series(texts * 3))
    np.testing.assert_array_equal(known[:5], known[5:10])
    assert not known[[0, 2]].any()


def test_slices_of_arrow_arrays_are_read_from_where_they_begin():
    column = pa.array(["first", "second one", "third"], pa.large_string())
    np.testing.assert_array_equal(
        sketches(normal(column.slice(1, 1)))[0], sketches(normal(column))[1]
    )


def test_nearly_every_pair_above_the_limit_is_found_and_none_far_below():
    rng = np.random.default_rng(1)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz  "))
    bases = ["".join(rng.choice(letters, 150)) for _ in range(400)]
    near = [base[:144] + "012345" for base in bases]
    far = [base[:75] + "".join(rng.choice(letters, 75)) for base in bases]
    pairs = {tuple(pair) for pair in alike(sketches(pl.Series(bases + near + far)), 0.8).tolist()}
    found = sum((i, i + 400) in pairs for i in range(400))
    assert found >= 390
    assert not [pair for pair in pairs if pair[1] >= 800]


def test_nothing_and_one_text_make_no_pairs():
    assert alike(sketches(pl.Series([], dtype=pl.String)), 0.8).shape == (0, 2)
    assert alike(sketches(pl.Series(["one"])), 0.8).shape == (0, 2)
