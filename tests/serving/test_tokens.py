"""Tokens: told once, kept as digests, and a near miss opens nothing."""

import json
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretaste.errors import BadInput
from foretaste.serving.rates import Rates
from foretaste.serving.tokens import Scope, Tokens


def test_the_file_cannot_give_a_token_back_and_is_nobody_elses_to_read(tmp_path):
    tokens = Tokens(tmp_path / "tokens.json")
    said = tokens.make("shop", [Scope.SUBMIT], "acme")
    text = tokens.path.read_text()
    assert said not in text
    assert said.removeprefix("ft_") not in text
    assert stat.S_IMODE(tokens.path.stat().st_mode) == 0o600
    found = Tokens(tokens.path).who(said)
    assert (found.name, found.tenant, found.scopes) == ("shop", "acme", (Scope.SUBMIT,))


def test_two_tokens_never_have_one_name(tmp_path):
    tokens = Tokens(tmp_path / "tokens.json")
    assert tokens.make("a", [Scope.READ]) != tokens.make("b", [Scope.READ])
    with pytest.raises(BadInput, match="already"):
        tokens.make("a", [Scope.READ])
    with pytest.raises(BadInput, match="no token"):
        tokens.drop("c")
    with pytest.raises(BadInput, match="no such token"):
        tokens.make("no spaces", [Scope.READ])


def test_a_file_that_is_no_file_of_tokens_lets_nobody_in(tmp_path):
    path = tmp_path / "tokens.json"
    for text in ("", "[]", '{"tokens": [{"name": "a"}]}', json.dumps({"tokens": 5})):
        path.write_text(text)
        with pytest.raises(BadInput, match="tokens"):
            Tokens(path).who("ft_x")


@given(st.text())
def test_a_guess_is_nobody(tmp_path_factory, guess):
    tokens = Tokens(tmp_path_factory.mktemp("t") / "tokens.json")
    said = tokens.make("a", [Scope.READ])
    assert tokens.who(guess) is None
    assert tokens.who(said[:-1]) is None


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 400)), max_size=60))
def test_no_sender_gets_more_than_its_rate_and_one_full_bucket(steps):
    now, sent = 0.0, 0
    rates = Rates(10.0, seconds=2.0, clock=lambda: now)
    for later, records in steps:
        now += later
        if rates.wait("a", records) == 0.0:
            sent += records
            largest = max(records, 20)
            assert sent <= 10.0 * now + 20 + largest


@given(st.integers(1, 400))
def test_whoever_waits_as_long_as_told_gets_in(records):
    now = 0.0
    rates = Rates(10.0, seconds=2.0, clock=lambda: now)
    assert rates.wait("a", 20) == 0.0
    told = rates.wait("a", records)
    assert told > 0
    now += told + 1e-9
    assert rates.wait("a", records) == 0.0
