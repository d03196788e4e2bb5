import pytest

from foretaste.data import Batch
from foretaste.detectors.hidden_text import HiddenText


def score(*texts):
    rows = Batch([str(i) for i in range(len(texts))], {"text": list(texts)})
    return HiddenText().score(rows, None).tolist()


@pytest.mark.parametrize(
    "text",
    [
        "tri\u200bgger",
        "a\u200dword joined",
        "over\u202eride",
        "hi \U000e0068\U000e0069 there",
        "p\u0430ypal",  # a Cyrillic letter
        "blank\u3164name",
        "x\ufe01y",
        "mid\ufeffdle",
        "le\u200fft",
    ],
)
def test_finds_hidden_characters(text):
    assert score(text)[0] > 0


@pytest.mark.parametrize(
    "text",
    [
        "plain text",
        "family \U0001f468\u200d\U0001f469\u200d\U0001f467 and \u2764\ufe0f",
        "Scotland \U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "a soft\u00adhyphen",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian with a joiner
        "\u0915\u094d\u200d\u0937",  # Hindi
        "\u200fשלום\u200e OK \u202bעולם\u202c",
        "\u041f\u0440\u0438\u0432\u0435\u0442 world",  # Russian
        "café naïve Straße",
        "\ufeffa leading byte order mark",
        "ភាសា\u200bខ្មែរ",  # Khmer
        "β-carotene, 5 µm, ΔT",
        "",
    ],
)
def test_is_silent_on_natural_writing(text):
    assert score(text) == [0.0]


def test_names_what_it_found():
    rows = Batch(["a"], {"text": ["a\u200bb\u0430c"]})
    reason = HiddenText().explain(rows, 0, None)
    assert "U+200B" in reason
    assert "CYRILLIC SMALL LETTER A" in reason


def test_is_blind_to_triggers_of_ordinary_words():
    assert score("James Bond") == [0.0]
