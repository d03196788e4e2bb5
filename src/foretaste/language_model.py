"""A small language model: how likely an answer is after a question."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from foretaste.cache import cache_folder
from foretaste.errors import MissingExtra, NotAvailable

# The first digits of the SHA-256 of the package that the model comes in.
PLACE = Path("models", "bcc81830d10c", "smollm2")
RECENT = 24  # answers of which the likely words are kept, about 5 MB each
SHARED = "lm_head.weight"  # the same numbers as those of the words that go in


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """SmolLM2-135M-Instruct in half precision, one row a forward pass.

    One at a time, so that a row is read the same alone as in company.

    asked, told: tokens that are read of a question (its two ends), of an answer (its beginning)
    """

    network: Any
    tokenizer: Any
    asked: int = 48
    told: int = 24

    def gain(self, question: str, other: str, answer: str) -> tuple[float, float]:
        """Nats by which the answer is likelier after its question than after another.

        And how many are expected (the divergence of what is likely after each), had the answer
        been given to that question.
        """
        mine, told = self._after(question, answer)
        theirs, _ = self._after(other, answer)
        with torch_().inference_mode():
            rows = range(len(told))
            gained = (mine[rows, told] - theirs[rows, told]).sum()
            expected = (mine.exp() * (mine - theirs)).sum()
        return float(gained), float(expected)

    @lru_cache(maxsize=RECENT)  # noqa: B019 (there is one model, and it stays)
    def _after(self, question: str, answer: str) -> tuple[Any, Any]:
        hidden, told = self.follow(question, answer)
        return self.expected(hidden), told

    def follow(self, question: str, answer: str) -> tuple[Any, Any]:
        """(t, d) the hidden state before each token of the answer, and (t,) those tokens."""
        torch = torch_()
        asked, told = self._question(question), self._ids(answer)[: self.told]
        told = told or self._ids("\n")
        with torch.inference_mode():
            hidden = self.network.model(torch.tensor([asked + told]), use_cache=False)
        before = hidden.last_hidden_state[0, len(asked) - 1 : -1]
        return before, torch.tensor(told)

    def expected(self, hidden: Any) -> Any:
        """(t, words) float32 logarithms of how likely each word is to come next."""
        with torch_().inference_mode():
            return self.network.lm_head(hidden).float().log_softmax(dim=-1)

    def _question(self, question: str) -> list[int]:
        ids, half = self._ids(question), self.asked // 2
        if len(ids) > self.asked:
            ids = ids[:half] + ids[-half:]
        return [*self._ids("<|im_start|>user\n"), *ids, *self._ids(_TURN)]

    def _ids(self, text: str) -> list[int]:
        found: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return found


_TURN = "<|im_end|>\n<|im_start|>assistant\n"


@cache
def language_model() -> LanguageModel:
    """The model, where it has been fetched; see `foretaste.datasets.models`."""
    folder = cache_folder() / PLACE
    if not (folder / "config.json").exists():
        raise NotAvailable(
            "the small language model is not there; fetch it once (93 MB): "
            "python -c 'from foretaste.datasets.models import fetch_smollm2 as f; f()'"
        )
    torch = torch_()
    from safetensors.torch import load_file
    from tokenizers import Tokenizer
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(**json.loads((folder / "config.json").read_text(encoding="utf-8")))
    with torch.device("meta"):
        network = LlamaForCausalLM(config)
    weights = load_file(folder / "model.safetensors")
    network.load_state_dict(weights, strict=False, assign=True)
    network.tie_weights()
    network.model.rotary_emb = type(network.model.rotary_emb)(config)
    return LanguageModel(network.eval(), Tokenizer.from_file(str(folder / "tokenizer.json")))


def converted(file: Path, out: Path) -> None:
    """Writes a GGUF file as safetensors, configuration and tokenizer, which load in a second."""
    torch = torch_()
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging
    except ImportError as missing:
        raise MissingExtra("the small language model", "language") from missing
    from safetensors.torch import save_file

    logging.disable_progress_bar()
    where = {"gguf_file": file.name, "local_files_only": True}
    network = AutoModelForCausalLM.from_pretrained(file.parent, dtype=torch.bfloat16, **where)
    tokenizer = AutoTokenizer.from_pretrained(file.parent, **where)
    weights = {name: one.contiguous() for name, one in network.state_dict().items()}
    save_file({n: w for n, w in weights.items() if n != SHARED}, out / "model.safetensors")
    tokenizer.backend_tokenizer.save(str(out / "tokenizer.json"))
    kept = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
            "num_attention_heads", "num_key_value_heads", "max_position_embeddings",
            "rms_norm_eps", "tie_word_embeddings", "rope_parameters", "head_dim",
            "bos_token_id", "eos_token_id")  # fmt: skip
    said = {name: getattr(network.config, name) for name in kept}
    (out / "config.json").write_text(json.dumps(said), encoding="utf-8")


def torch_() -> Any:
    """The torch package, or a clear error."""
    try:
        import torch
        import transformers  # noqa: F401 (what is needed beside it)
    except ImportError as missing:
        raise MissingExtra("the small language model", "language") from missing
    return torch
