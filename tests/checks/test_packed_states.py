"""What a check knows can be put on disk at any time: the gate goes on as if it never had been."""

import numpy as np
import pyarrow as pa
import pytest

from foretaste import registry
from foretaste.gate.packing import kinds_of, pack, unpack
from foretaste.streaming import Heeder, Settler, Weigher


@pytest.fixture
def stream(honest, credential):
    n = len(honest)
    return honest.having(
        breach=pa.array([None] * (n - 1) + ["no field age"], pa.large_string()),
        arrived=np.arange(n) * 10.0,
        key=[f"key {i}" for i in range(n)],
        credential=credential,
    )


def window(check, rows, state):
    """One window through a check: all it says on the way, and what it then knows."""
    said = []
    for part in (rows.take(np.arange(0, 15)), rows.take(np.arange(15, len(rows)))):
        if isinstance(check, Weigher):
            said.append(check.weigh(part, state))
        surprise, state = check.judge(part, state)
        said.append(surprise)
    admitted = np.arange(len(rows)) % 7 > 0
    if isinstance(check, Settler):
        said.append(check.settle(rows, admitted, state))
    state = check.learn(rows, admitted, state)
    if isinstance(check, Heeder):
        state = check.heed(rows.take(~admitted), np.arange((~admitted).sum()) % 2 > 0, state)
    return said, state


@pytest.mark.parametrize("name", registry.names("checks"))
def test_a_packed_state_goes_on_as_if_it_never_had_been(name, stream):
    check = registry.build("checks", name)
    trusted = stream.take(np.arange(90))
    windows = [stream.take(np.arange(at, at + 30)) for at in (90, 120, 150)]
    went = check.start(trusted)
    packed = pack(went)
    known = kinds_of(check.start, went)
    for rows in windows:
        one, went = window(check, rows, went)
        two, came = window(check, rows, unpack(packed, known))
        for a, b in zip(one, two, strict=True):
            np.testing.assert_array_equal(a, b)
        assert pack(went) == pack(came)
        packed = pack(came)
