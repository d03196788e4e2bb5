"""Models and data sets as their makers signed them, in the OpenSSF model-signing format."""

from foretaste.artefacts.keys import Private, Public
from foretaste.artefacts.refusals import ContentDiffers, Difference, How
from foretaste.artefacts.verifying import Held, beside, required, sign, verify
from foretaste.errors import ArtefactRefused

__all__ = [
    "ArtefactRefused",
    "ContentDiffers",
    "Difference",
    "Held",
    "How",
    "Private",
    "Public",
    "beside",
    "required",
    "sign",
    "verify",
]
