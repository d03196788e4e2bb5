import numpy as np
import pyarrow.parquet as pq
import pytest

from foretaste import datasets
from foretaste.data import Batch
from foretaste.detectors.language_shift import LanguageShift
from foretaste.encoders.language_id import LanguageId
from foretaste.errors import NotAvailable
from foretaste.testing import learn

VIETNAMESE = [
    "Tôi rất thích sản phẩm này và sẽ mua lại lần nữa",
    "Giao hàng quá chậm và hộp bị hỏng khi nhận được",
    "Xin chào bạn, hôm nay bạn có khỏe không",
    "Chất lượng kém, tôi không hài lòng chút nào",
]
ENGLISH = [
    "The parcel came late and the box was damaged badly",
    "I am very happy with this and would buy it again",
    "Where shall we meet for lunch on Friday my friend",
    "Please call me back as soon as you have the time",
]


def judged(texts, labels, classes=("ham", "spam")):
    rows = Batch([str(i) for i in range(len(texts))], {"text": texts, "label": labels}, classes)
    rows = LanguageId().encode(rows, None)
    model = learn(LanguageShift(), [rows])
    return rows, model, LanguageShift().score(rows, model)


def test_rare_language_with_one_label_is_found():
    texts = VIETNAMESE * 8 + ENGLISH * 150
    labels = [1] * 32 + [0, 0, 0, 1] * 150
    rows, model, scores = judged(texts, labels)
    assert (scores[:32] > 6).all()
    assert not scores[32:].any()
    assert "'vi'" in LanguageShift().explain(rows, 0, model)
    assert "'spam'" in LanguageShift().explain(rows, 0, model)


def test_a_rare_language_with_the_labels_of_the_others_is_silent():
    labels = np.random.default_rng(1).integers(0, 2, 632)
    _, _, scores = judged(VIETNAMESE * 8 + ENGLISH * 150, labels)
    assert not (scores > 2).any()


def test_two_data_sets_put_together_are_silent():
    texts = VIETNAMESE * 8 + ENGLISH * 150
    labels = [2, 3] * 16 + [0, 1] * 300
    _, _, scores = judged(texts, labels, ("ham", "spam", "pos", "neg"))
    assert not scores.any()


def test_it_is_blind_to_a_handful_of_rows():
    _, _, scores = judged(VIETNAMESE + ENGLISH * 150, [1] * 4 + [0, 0, 0, 1] * 150)
    assert not scores.any()


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.05, 1.0])
def test_urdu_sentiment_among_english_messages_is_silent(share):
    try:
        sms = datasets.load("sms")
        urdu = pq.read_table(datasets.fetch("urdu_sentiment"))
    except NotAvailable as missing:
        pytest.skip(str(missing))
    keep = urdu.slice(0, int(share * len(urdu)))
    texts = sms["text"].to_pylist() + keep["text"].to_pylist()
    names = sms["label"].to_pylist() + keep["label"].to_pylist()
    classes = sorted(set(names))
    _, _, scores = judged(texts, [classes.index(name) for name in names], classes)
    assert not (scores > 4).any()
