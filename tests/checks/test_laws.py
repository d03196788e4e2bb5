"""Every check keeps every law."""

import numpy as np
import pyarrow as pa
import pytest

from foretaste import registry, testing


@pytest.fixture
def stream(honest, credential):
    """The honest rows as a stream: who sent them, when, and no breach but one."""
    n = len(honest)
    breach = [None] * (n - 1) + ["no field age"]
    return honest.having(
        breach=pa.array(breach, pa.large_string()),
        arrived=np.arange(n) * 10.0,
        key=[f"key {i}" for i in range(n)],
        credential=credential,
    )


@pytest.mark.parametrize("law", testing.stream_laws(), ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", registry.names("checks"))
def test_check(name, law, stream):
    check = registry.build("checks", name)
    missing = set(check.needs) - set(stream.names)
    assert not missing, f"give the honest rows a column {missing}"
    law(check, stream.take(np.arange(120)), stream.take(np.arange(120, 200)))
