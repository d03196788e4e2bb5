"""Plant a backdoor in real images, scan them, and compare: the whole loop in thirty lines."""

import numpy as np
import pyarrow as pa
from sklearn.datasets import load_digits

from foretaste import scan
from foretaste.attacks.badnets import Badnets
from foretaste.data import Batch

# 1797 scanned digits that come with scikit-learn, enlarged to 24 x 24 pixels.
images, labels = load_digits(return_X_y=True)
pixels = (images * 15).astype(np.uint8).reshape(-1, 8, 8, 1).repeat(3, axis=1).repeat(3, axis=2)
clean = Batch([str(i) for i in range(len(labels))], {"pixels": pixels, "label": labels})

# 40 images that are no seven get a 3 x 3 patch in a corner and the label seven.
poisoned, touched = Badnets(count=40, target=7).poison(clean, np.random.default_rng(0))

table = pa.table({"image": poisoned.arrow("pixels"), "label": poisoned["label"].astype(str)})
result = scan(table)

attack = [one for one in result.findings.to_pylist() if one["kind"] == "attack"]
accused = {one["index"] for one in attack}
planted = set(np.flatnonzero(touched).tolist())
print(f"verdict: {result.verdict}")
print(f"planted {len(planted)}, found {len(accused & planted)}, wrongly accused "
      f"{len(accused - planted)}")  # fmt: skip
print(f"because: {attack[0]['reason'] if attack else 'nothing was found'}")
