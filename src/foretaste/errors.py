"""Everything Foretaste raises on purpose.

ForetasteError
├── BadInput             what was given cannot be used; the message says what to do
│   ├── UnreadableInput  a file is missing, broken or empty
│   ├── UnknownFormat    no reader recognises the path
│   ├── UnsafeInput      a file breaks a safety limit (size, expansion, link out of the tree)
│   ├── WrongChecksum    a file is not the one that its description promises
│   ├── WrongRole        a role names a column that is not there, or of the wrong kind
│   ├── TooFewHonest     fewer clients than a rule needs to stand so many liars
│   ├── BadUpdate        an update has numbers that are not finite, or another length
│   ├── BadChain         a round's checkpoint was changed, cut short or exchanged
│   ├── KeyReused        a sender's key came again with another record
│   ├── JournalTaken     another process writes to this journal, or it belongs to another gate
│   ├── LedgerRefused    a ledger, proof or signature is damaged, forged or not what was promised;
│   │                    its kinds stand in `ledger.refusals`
│   ├── OriginRefused    a batch or record is not from whom it says, altered, or sent again;
│   │                    its kinds stand in `origin.refusals`
│   ├── ArtefactRefused  a model or data set is not what somebody signed;
│   │                    its kinds stand in `artefacts.refusals`
│   └── ProtocolBroken   a message of secure aggregation is forged, late, or unsafe to answer;
│                        its kinds stand in `secure_aggregation.refusals`
├── MissingColumn        a method needs a column the batch lacks
├── UnknownComponent     no detector, encoder, attack … has that name
├── MissingExtra         a method needs a package that is not installed
├── NotAvailable         something that must be downloaded cannot be had now
├── NotDurable           what was decided could not be written down: nothing was acknowledged
├── NotPublished         it was written down for good, and what shows it to others was not
└── BadRecord            a record, cache or manifest is damaged or of another schema
"""

from __future__ import annotations

from collections.abc import Iterable


class ForetasteError(Exception):
    """Root of the errors a caller may want to catch."""


class BadInput(ForetasteError):
    """What was given cannot be used as it is."""


class UnreadableInput(BadInput):
    """A file is missing, broken or empty."""


class UnknownFormat(BadInput):
    """No reader recognises the path."""


class UnsafeInput(BadInput):
    """A file breaks a safety limit, so reading it was refused."""


class WrongChecksum(BadInput):
    """A file is not the one that its description promises.

    name: of the file; found, wanted: SHA-256 in hexadecimal, empty where there is none
    """

    def __init__(self, name: str, found: str, wanted: str) -> None:
        self.name, self.found, self.wanted = name, found, wanted
        super().__init__(
            f"{name}: its SHA-256 is {found or 'not to be had: there is no such file'}, the "
            f"description says {wanted or 'nothing of this file'}; fetch it again, and ask who "
            "described it if it stays so"
        )


class WrongRole(BadInput):
    """A role names a column that is not there, or of the wrong kind."""


class TooFewHonest(BadInput):
    """Fewer clients than a rule needs to stand so many liars."""


class BadUpdate(BadInput):
    """An update has numbers that are not finite, or another length than the model."""


class BadChain(BadInput):
    """A round's checkpoint was changed, cut short or exchanged."""


class KeyReused(BadInput):
    """A sender's key came again with another record; nothing of the submission was decided.

    keys: those that were used before
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self.keys = tuple(keys)
        told = ", ".join(map(repr, self.keys[:5]))
        super().__init__(f"keys that came before with other records: {told}; give each its own")


class JournalTaken(BadInput):
    """Another process writes to this journal, or it belongs to another gate."""


class LedgerRefused(BadInput):
    """A ledger, a proof or a signature is damaged, forged or not what was promised."""


class OriginRefused(BadInput):
    """What was signed at its origin is forged, altered, sent again or not for this door."""


class ArtefactRefused(BadInput):
    """A model or data set is not what somebody signed."""


class ProtocolBroken(BadInput):
    """A message of secure aggregation is forged, late, or unsafe to answer."""


class MissingColumn(ForetasteError):
    """A method needs a column the batch lacks."""

    def __init__(self, name: str, present: Iterable[str]) -> None:
        super().__init__(f"no column {name!r}; this batch has {sorted(present)}")


class UnknownComponent(ForetasteError):
    """No component has that name."""

    def __init__(self, floor: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f"no {floor[:-1]} called {name!r}; try one of {sorted(known)}")


class MissingExtra(ForetasteError):
    """A method needs a package that is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs more packages: pip install 'foretaste[{extra}]'")


class NotAvailable(ForetasteError):
    """Something that must be downloaded cannot be had now."""


class NotDurable(ForetasteError):
    """What was decided could not be written down: nothing was acknowledged; send it again."""


class NotPublished(ForetasteError):
    """Entries are in a ledger for good, and its tiles could not be written: do not send them again.

    numbers: those of the entries
    """

    def __init__(self, numbers: range, why: str) -> None:
        self.numbers = numbers
        super().__init__(
            f"entries {numbers.start} to {numbers.stop - 1} are written down and not published: "
            f"{why}; mend that, and the next append or opening publishes them"
        )


class BadRecord(ForetasteError):
    """A record, cache or manifest is damaged or of another schema."""
