"""Every detector and every encoder keeps every law."""

import pytest

from foretaste import registry, testing
from foretaste.errors import MissingExtra, NotAvailable


@pytest.mark.parametrize("check", testing.checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", registry.names("detectors"))
def test_detector(name, check, honest):
    check(registry.build("detectors", name), honest)


@pytest.mark.parametrize("check", testing.encoder_checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", registry.names("encoders"))
def test_encoder(name, check, honest):
    try:
        check(registry.build("encoders", name), honest)
    except (MissingExtra, NotAvailable) as missing:
        pytest.skip(str(missing))
