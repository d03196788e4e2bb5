"""Real chats as a live stream: who says what to a chatbot, in an order of time.

The chats and who wrote them are real (sharegpt: one user a conversation); when they were written
is not known, so conversations begin at random times and a turn follows the last after minutes.
"""

from __future__ import annotations

import itertools
import json

import numpy as np
import pyarrow as pa

from foretaste import datasets
from foretaste.data import Batch, content_id

ASKING, ANSWERING = {"human", "user"}, {"gpt", "chatgpt", "bing", "bard"}
HOURS = 24 * 30  # over which the conversations begin
LONGEST = 2000  # characters of a prompt or an answer


def conversations():
    """User and exchanges of each conversation, in the order of the file."""
    with datasets.fetch("sharegpt").open(encoding="utf-8") as lines:
        for line in lines:
            said = json.loads(line)
            turns = [(t["from"], t["value"].strip()[:LONGEST]) for t in said["conversations"]]
            yield (
                said["id"].rsplit("_", 1)[0],
                [
                    (one[1], two[1])
                    for one, two in itertools.pairwise(turns)
                    if one[0] in ASKING and two[0] in ANSWERING and one[1] and two[1]
                ],
            )


def stream(records, seed):
    """The first `records` chats after conversations were given times by chance."""
    rng = np.random.default_rng(seed)
    rows = []
    for user, exchanges in conversations():
        begun = rng.uniform(0, HOURS * 3600)
        waits = np.cumsum(rng.exponential(180, len(exchanges)))
        rows += [(begun + wait, user, *pair) for wait, pair in zip(waits, exchanges, strict=True)]
    rows = sorted(rows)[:records]
    time, user, prompt, response = (list(column) for column in zip(*rows, strict=True))
    texts = pa.large_string()
    return Batch(
        [content_id(u.encode(), p.encode(), r.encode()) for _, u, p, r in rows],
        {
            "prompt": pa.array(prompt, texts),
            "response": pa.array(response, texts),
            "user": pa.array(user, texts),
            "source": pa.array(user, texts),
            "time": np.array(time),
            "arrived": np.array(time),
        },
    )
