"""ONION: a word without which the text reads better (Qi et al. 2021, arXiv:2011.10369).

The suspicion of a word is the perplexity of the text less that of the text without the word; the
paper takes GPT-2 and removes words above a threshold chosen on clean rows, or above 0 where there
are none. Here the language model is SmolLM2-135M, and a row is as suspicious as its worst word.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

AT_ONCE, WORDS = 12, 60  # variants of a text in one pass; words that are looked at
START = 0  # the token between texts


@dataclass
class Read:
    """words: (w,) of the text; drops: (w,) of perplexity; logarithms: (w,) the same of its
    logarithm; whole: the logarithm of its perplexity; strangest: nats of its least likely token."""

    words: list
    drops: np.ndarray
    logarithms: np.ndarray
    whole: float
    strangest: float


def read(model, text):
    words = text.split()[:WORDS]
    variants = [" ".join(words)]
    if len(words) > 1:
        variants += [" ".join(words[:i] + words[i + 1 :]) for i in range(len(words))]
    ids = [model.tokenizer.encode(one, add_special_tokens=False).ids or [START] for one in variants]
    told = [
        each for at in range(0, len(ids), AT_ONCE) for each in nats(model, ids[at : at + AT_ONCE])
    ]
    means = np.array([one.mean() for one in told])
    without = means[1:] if len(words) > 1 else means[:1].repeat(max(len(words), 1))
    scale = np.exp(np.minimum(means[0], 50)), np.exp(np.minimum(without, 50))
    return Read(words, scale[0] - scale[1], means[0] - without, means[0], told[0].max())


def nats(model, texts):
    """Of each text, (t,) minus the logarithm of how likely each token is after those before."""
    longest = max(len(one) for one in texts)
    padded = torch.tensor([[START, *one, *[START] * (longest - len(one))] for one in texts])
    with torch.inference_mode():  # what is added at the end changes nothing before it
        hidden = model.network.model(padded[:, :-1], use_cache=False).last_hidden_state
        found = []
        for state, ids in zip(hidden, texts, strict=True):
            likely = model.expected(state[: len(ids)])
            found.append(-likely[range(len(ids)), ids].numpy())
    return found
