"""What a reader of records says of who signed them."""

import numpy as np
import pyarrow as pa
import pytest

from foretaste.origin.records import CREDENTIAL


@pytest.fixture
def credential(honest):
    """Every other record signed by one of three keys, in order; the last one badly."""
    always = {"since": -np.inf, "until": np.inf, "revoked": np.inf, "fault": None}
    n = len(honest)
    told = [
        {**always, "signer": f"key+{i % 3}", "sequence": i, "signed": i * 10.0} if i % 2 else None
        for i in range(n - 1)
    ]
    return pa.array([*told, {**always, "fault": "not signed"}], CREDENTIAL)
