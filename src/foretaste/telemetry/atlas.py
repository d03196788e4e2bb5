"""Techniques of MITRE ATLAS that what a gate stops points to.

References
----------
MITRE ATLAS, content 2026.09. https://github.com/mitre-atlas/atlas-data
"""

from __future__ import annotations

from collections.abc import Iterable

from foretaste import registry
from foretaste.errors import UnknownComponent
from foretaste.streaming import Aspect

VERSION = "2026.09"
POISONING, EROSION, DATASET = "AML.T0020", "AML.T0031", "AML.T0059"
TITLES = {
    POISONING: "Training Data Poisoning",
    EROSION: "Erode AI Model Integrity",
    DATASET: "Erode Dataset Integrity",
}
_BY_ASPECT = {
    Aspect.FORM: (DATASET,),
    Aspect.INTEGRITY: (POISONING,),
    Aspect.ORIGIN: (POISONING,),
    Aspect.DUPLICATION: (POISONING, DATASET),
}


def techniques(checks: Iterable[str]) -> tuple[str, ...]:
    """Ids, by what the checks look at; what is no check points to poisoning.

    >>> techniques(["contract", "joint_outlier"])
    ('AML.T0059', 'AML.T0020')
    """
    return tuple(dict.fromkeys(one for name in checks for one in _of(name)))


def _of(check: str) -> tuple[str, ...]:
    try:
        return _BY_ASPECT[registry.component("checks", check).aspect]
    except UnknownComponent:
        return (POISONING,)
