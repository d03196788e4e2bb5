"""Known triggers out of words, as canaries show them to a model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from foretaste import attacks
from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.planting.naming import built
from foretaste.updates.canaries import Trigger


def known_triggers(clean: Batch, specs: Iterable[str], seed: int = 0) -> dict[str, Trigger]:
    """What attackers would show a model, by what each was called.

    clean: rows with labels, on which the triggers are put
    specs: attack, and its settings after a colon: "rare_word:target=spam,word=cf"

    >>> rows = Batch(list("ab"), {"text": ["hi", "yo"], "label": [0, 1]}, ["ham", "spam"])
    >>> shown = known_triggers(rows, ["rare_word:target=spam,word=mn"])
    >>> sorted(shown["rare_word:target=spam,word=mn"].shown.rows["text"].tolist()[0].split())
    ['hi', 'mn']
    """
    return {spec: _trigger(clean, spec, seed) for spec in specs}


def _trigger(clean: Batch, spec: str, seed: int) -> Trigger:
    name, _, said = spec.partition(":")
    settings = dict(_setting(one, spec) for one in said.split(",") if one)
    target = settings.pop("target", None)
    rng = np.random.default_rng(seed)
    attack: Any = built(name, clean, count=1, target=target, settings=settings, rng=rng)
    shown = attacks.probe(attack, clean, rng)
    if shown is None:
        raise BadInput(f"{name} only does damage: it has no trigger that a model could be shown")
    own = hasattr(attack, "probe")  # which rows those were is the attack's own business
    return Trigger(shown, None if own else clean.take(clean["label"] != attack.target))


def _setting(word: str, spec: str) -> tuple[str, str]:
    field, equals, value = word.partition("=")
    if not equals:
        raise BadInput(f"{spec}: {word!r} is no setting; wanted is ATTACK:SETTING=VALUE,…")
    return field.strip(), value.strip()
