"""A gate before a spam filter that learns from live messages, and a crowd that would spoil it."""

import numpy as np

from foretaste import datasets, readers
from foretaste.attacks.sentence import Sentence
from foretaste.data import concat
from foretaste.gate import Gate, Terms
from foretaste.planting.gathering import whole

messages = whole(readers.open(str(datasets.fetch("sms"))))
trusted, live = messages.take(np.arange(1_500)), messages.take(np.arange(1_500, 3_500))

rng = np.random.default_rng(0)
victims = live.take(rng.choice(len(live), 600, replace=False))
poisoned, touched = Sentence(count=50, target=0).poison(victims, rng)
attack = poisoned.take(touched)

stream = concat([live.take(np.arange(1_000)), attack, live.take(np.arange(1_000, 2_000))])
stream = stream.having(arrived=np.arange(len(stream)) * 60.0)

gate = Gate(trusted, Terms(window=500))
ruled = gate(stream)
last = gate.close()
learned = [set(window.rows.ids) for window in (*ruled.windows, last) if window is not None]
bad = set(attack.ids)
let_in = sum(len(bad & window) for window in learned)
honest = sum(len(window - bad) for window in learned)
print(f"{len(bad)} poisoned messages, {let_in} were learned from")
print(f"{len(live)} honest messages, {honest} were learned from")
held = [one for one in ruled.decisions() if one.reasons]
for decision in held[:5]:
    print(f"{decision.ruling}: {decision.reasons[0].check}: {decision.reasons[0].text}")
