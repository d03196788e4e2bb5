import sys
from time import perf_counter

import numpy as np
import pyarrow as pa
import pytest

from foretaste.data import Batch
from foretaste.encoders.static_text import StaticText


def embed(*texts, **settings):
    rows = Batch([str(i) for i in range(len(texts))], {"text": pa.array(texts, pa.large_string())})
    return StaticText(**settings).encode(rows, None)["embedding"]


def test_related_texts_are_closer_than_unrelated_ones():
    cat, kitten, market = embed("The cat sleeps", "A kitten is napping", "Shares fell sharply")
    assert cat @ kitten > cat @ market


def test_vectors_are_float32_of_unit_length():
    vectors = embed("one", "two words", "کیا حال ہے")
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_no_text_gives_zeros():
    assert not embed("", None).any()


def test_no_rows_give_no_vectors():
    assert embed().shape == (0, 256)


def test_only_the_beginning_of_a_long_text_is_read():
    one, two = embed("word " * 20 + "cat", "word " * 20 + "market", characters=100)
    np.testing.assert_array_equal(one, two)


def test_the_package_that_carries_the_weights_is_never_imported():
    embed("a text")
    assert "wordllama" not in sys.modules


@pytest.mark.slow
def test_ten_thousand_short_texts_take_a_second():
    texts = [
        f"Hello {i}, are you free for lunch on Friday? Call me on {i * 7}" for i in range(20000)
    ]
    start = perf_counter()
    embed(*texts)
    assert perf_counter() - start < 2
