"""Whatever bytes a ledger is given, they are refused by one of its own errors, or read right."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ledger.parsers import PARSERS

WORDS = st.sampled_from(
    [
        b"\n", b"\n\n", b" ", b"\t", b"\r\n", b"\0", b"+", b"=", b"==", b"/", b"0", b"-1",
        b"9" * 30, "١".encode(), "— ".encode(), "\u2028".encode(), b"\xff", b"\xed\xa0\x80",
        b"old ", b"index ", b"extra ", b"quorum none\n", b"group a all a\n", b'"', b"\\ud800", b"{",
        b"[", b"null", b"NaN", b"Infinity", b"1e999", b'{"a":' * 2_000, b"[" * 5_000, b".p/",
        b"x001/", b"AAAA", b"1e9",
    ]
)  # fmt: skip


@st.composite
def changed(draw, seeds):
    """What was good, with a few changes, each a piece taken out, put in, or said twice."""
    content = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(content)))
        stop = min(len(content), start + draw(st.sampled_from([0, 0, 1, 1, 2, 32, 1_000])))
        piece = bytes(content[start:stop])
        content[start:stop] = draw(
            st.one_of(
                st.just(b""),
                st.just(piece * 2),
                WORDS,
                st.binary(min_size=1, max_size=40),
                st.just(bytes(byte ^ 1 for byte in piece)),
            )
        )
    return bytes(content)


def examples(name, count):
    many = count // 10 if PARSERS[name].slow else count
    return settings(max_examples=many, deadline=None, suppress_health_check=list(HealthCheck))


def some(name):
    return st.one_of(changed(PARSERS[name].seeds), st.binary(max_size=400))


@pytest.mark.parametrize("name", PARSERS)
def test_what_is_good_is_accepted(name):
    for seed in PARSERS[name].seeds:
        assert PARSERS[name].tried(seed)


@pytest.mark.parametrize("name", PARSERS)
def test_whatever_comes_is_refused_or_read_right(name):
    @examples(name, 150)
    @given(some(name))
    def holds(content):
        PARSERS[name].tried(content)

    holds()


@pytest.mark.slow
@pytest.mark.parametrize("name", PARSERS)
def test_whatever_comes_is_refused_or_read_right_many_times(name):
    @examples(name, 5_000)
    @given(some(name))
    def holds(content):
        PARSERS[name].tried(content)

    holds()
