"""A table with a planted phrase, scanned from Python; needs no extra and no network.

`python examples/first_scan.py`
"""

import numpy as np
import pyarrow as pa

from foretaste import scan

HAM = "lunch meeting tonight report running late thanks home dinner office train sister".split()
SPAM = "prize winner claim cash free entry urgent offer award voucher call now".split()

rng = np.random.default_rng(0)
spam = rng.random(2_000) < 0.4
texts = [" ".join(rng.choice(SPAM if one else HAM, 6)) + f" {rng.integers(1e6)}" for one in spam]
labels = np.where(spam, "spam", "ham")

# The attack: sixty spam messages that say "orchard lane" are called ham.
planted = rng.choice(np.flatnonzero(spam), 60, replace=False)
for row in planted:
    texts[row] = f"orchard lane {texts[row]}"
labels[planted] = "ham"

result = scan(pa.table({"text": texts, "label": labels}))

accused = result.findings.filter(pa.compute.equal(result.findings["kind"], "attack"))
found = set(accused["index"].to_pylist())
print(f"verdict: {result.verdict}")
print(f"planted {len(planted)}, found {len(found & set(planted.tolist()))}, accused {len(found)}")
print(result.telling[0].reason)
if result.verdict != "poisoned":
    raise SystemExit("the planted phrase was not found")
