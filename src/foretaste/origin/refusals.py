"""Why what somebody signed is refused at the door: one class a reason.

OriginRefused
├── MalformedRegistry    no list of providers, or one that is not signed by its owner
├── UnlistedProvider     a key that the ledger does not know
├── MalformedCredential  no signature in the form that is asked for
├── UnknownProvider      signed by nobody who is registered
├── AlteredContent       the signature is good, the content is another
├── WrongSource          signed by a provider who may not speak for this source
├── KeyNotYetValid, KeyExpired, KeyRevoked
├── Stale                signed too long ago, or in the future
├── Replayed             the same batch came before
├── OutOfOrder           a later batch came before
└── Equivocated          one number on two batches: a key in two hands, or a sender that forgot

A signature by a registered key that does not fit is a `ledger.refusals.WrongSignature`.
"""

from __future__ import annotations

from foretaste.errors import OriginRefused


class MalformedRegistry(OriginRefused):
    """No list of providers, or one that is not signed by its owner."""


class UnlistedProvider(OriginRefused):
    """A key that the ledger does not know."""


class MalformedCredential(OriginRefused):
    """No signature in the form that is asked for."""


class UnknownProvider(OriginRefused):
    """Signed by nobody who is registered."""


class AlteredContent(OriginRefused):
    """The signature is good, the content is another."""


class WrongSource(OriginRefused):
    """Signed by a provider who may not speak for this source."""


class KeyNotYetValid(OriginRefused):
    """The key's time has not begun."""


class KeyExpired(OriginRefused):
    """The key's time is over."""


class KeyRevoked(OriginRefused):
    """The key was revoked."""


class Stale(OriginRefused):
    """Signed too long ago, or in the future."""


class Replayed(OriginRefused):
    """The same batch came before."""


class OutOfOrder(OriginRefused):
    """A later batch came before."""


class Equivocated(OriginRefused):
    """One number on two batches."""
