"""Why a ledger, a proof or a signature is refused: one class a reason.

LedgerRefused
├── MalformedNote        no signed note, or one with letters or lengths it may not have
├── MalformedKey         no key in the form of a signed note's keys
├── MalformedCheckpoint  a note's text that is no checkpoint
├── MalformedTile        a tile or bundle of entries of another form or length
├── MalformedProof       a proof of another form or length than its tree asks for
├── MalformedEntry       an entry too long, or none of ours
├── MalformedPolicy      no policy of logs and witnesses
├── UnknownSigner        no signature is by a key that is trusted
├── WrongSignature       a signature by a trusted key does not fit
├── WrongInclusion       the entry is not where the proof says
├── Forked               two checkpoints are not of one log that only grew
├── WrongTile            a tile does not hash to the checkpoint
├── WrongEntry           an entry does not hash to its tile
├── MissingTile          a file that the checkpoint needs is gone
├── RolledBack           the log is shorter than what was acknowledged or witnessed
├── TooFewWitnesses      fewer witnesses than the policy wants
├── WriterTaken          another process writes to this ledger
└── WitnessRefused       a witness did not sign, with what it answered
"""

from __future__ import annotations

from foretaste.errors import LedgerRefused


class MalformedNote(LedgerRefused):
    """No signed note, or one with letters or lengths it may not have."""


class MalformedKey(LedgerRefused):
    """No key in the form of a signed note's keys."""


class MalformedCheckpoint(LedgerRefused):
    """A note's text that is no checkpoint."""


class MalformedTile(LedgerRefused):
    """A tile or bundle of entries of another form or length."""


class MalformedProof(LedgerRefused):
    """A proof of another form or length than its tree asks for."""


class MalformedEntry(LedgerRefused):
    """An entry too long, or none of ours."""


class MalformedPolicy(LedgerRefused):
    """No policy of logs and witnesses."""


class UnknownSigner(LedgerRefused):
    """No signature is by a key that is trusted."""


class WrongSignature(LedgerRefused):
    """A signature by a trusted key does not fit."""


class WrongInclusion(LedgerRefused):
    """The entry is not where the proof says."""


class Forked(LedgerRefused):
    """Two checkpoints are not of one log that only grew."""


class WrongTile(LedgerRefused):
    """A tile does not hash to the checkpoint."""


class WrongEntry(LedgerRefused):
    """An entry does not hash to its tile."""


class MissingTile(LedgerRefused):
    """A file that the checkpoint needs is gone."""


class RolledBack(LedgerRefused):
    """The log is shorter than what was acknowledged or witnessed."""


class TooFewWitnesses(LedgerRefused):
    """Fewer witnesses than the policy wants."""


class WriterTaken(LedgerRefused):
    """Another process writes to this ledger."""


class WitnessRefused(LedgerRefused):
    """A witness did not sign, with what it answered."""
