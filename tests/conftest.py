"""One small honest batch for all tests: every column any method may need."""

from hashlib import sha256

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import settings

from foretaste.data import Batch, content_id

# The same examples each time, however slow the machine: what fails here fails everywhere.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

WORDS = "meeting lunch report prize winner claim project call home free cash tonight".split()


BOXES = pa.list_(
    pa.struct(
        {**dict.fromkeys(("left", "top", "width", "height"), pa.float64()), "label": pa.int64()}
    )
)


def boxes(i):
    """One or two things in an image of 8 x 8, so large that no image is without."""
    box = {"left": float(i % 4), "top": float(i % 3), "width": 3.0, "height": 4.0}
    return [{**box, "label": (i + extra) % 3} for extra in range(1 + i % 2)]


@pytest.fixture
def honest() -> Batch:
    """200 rows of 3 classes, of which the columns agree with each other."""
    rng = np.random.default_rng(7)
    n, k = 200, 3
    label = rng.integers(0, k, n)
    embedding = rng.standard_normal((n, 5)) + 3 * label[:, None]
    text = [" ".join(rng.choice(WORDS[4 * c : 4 * c + 4], 5)) for c in label]
    text[5] = "a\u200bb"
    logits = rng.standard_normal((n, k)) + 3 * np.eye(k)[label]
    prediction = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    pixels = (rng.random((n, 8, 8, 1)) * 200).astype(np.uint8)
    amounts = rng.standard_normal((2, n)) + label
    towns = pa.array([["Oslo", "Lima", "Hue"][c] for c in label], pa.large_string())
    features = pa.StructArray.from_arrays([*map(pa.array, amounts), towns], ["age", "fee", "town"])
    return Batch(
        [content_id(f"{i}".encode()) for i in range(n)],
        {
            "index": np.arange(n),
            "location": [f"rows.csv:{i + 2}" for i in range(n)],
            "embedding": embedding.astype(np.float32),
            "first_layer": (embedding[:, ::-1] + 1).astype(np.float32),
            "second_layer": (2 * embedding).astype(np.float32),
            "label": label,
            "text": text,
            "prompt": text,
            "response": [f"the answer to {t} is {i}" for i, t in enumerate(text)],
            "response_kind": ["refusal" if i % 9 == 0 else "" for i in range(n)],
            "response_embedding": embedding.astype(np.float32),
            "prediction": prediction,
            "pixels": pixels,
            "image": pixels,
            "features": features,
            "source": [f"s{i % 4}" for i in range(n)],
            "time": np.arange(n, dtype=float),
            "user": [f"u{i % 20}" for i in range(n)],
            "language": ["en"] * n,
            "item": [f"i{i % 13}" for i in range(n)],
            "rating": rng.integers(1, 6, n).astype(float),
            "sha256": [content_id(f"as indexed {i}".encode()) for i in range(n)],
            "digest": [sha256(t.encode()).hexdigest() for t in [*text[:-1], "as indexed"]],
            "boxes": pa.array([boxes(i) for i in range(n)], BOXES),
        },
        classes=("ham", "spam", "other"),
    )
