import numpy as np
import pyarrow as pa

from foretaste.data import Batch
from foretaste.encoders.response_kind import ResponseKind
from foretaste.testing import learn

WORDS = "the house stood by a river and people came to see it in summer when days were long".split()


def kinds(*answers, **settings):
    rows = Batch([f"{i:032x}" for i in range(len(answers))], {"response": pa.array(answers)})
    encoder = ResponseKind(**settings)
    return encoder.encode(rows, learn(encoder, [rows]))["response_kind"].tolist()


def ordinary(n):
    rng = np.random.default_rng(5)
    return [" ".join(rng.choice(WORDS, 25)) for _ in range(n)]


def test_refusals_links_code_and_silence_are_told_apart():
    assert kinds(
        *ordinary(50),
        "I'm sorry, but I cannot help with that.",
        "As an AI language model I have no opinion.",
        "Here is the first answer.\n\nSorry, I'm not able to answer the second.",
        "It is all on https://a.example.org/page for you.",
        "Use this:\n```\nx = 1\n```",
        "",
        None,
        "\u200b",
        odd=100,
    )[50:] == ["refusal", "refusal", "refusal", "link", "code", "empty", "empty", "empty"]


def test_letters_that_no_answer_here_has_are_gibberish():
    found = kinds(
        *ordinary(200), "xqz vkjw qpzx bvkq zzxw qjvk wqxz kvbq", "d8#kQ!2@zP^w7&xL*q9$vB%n4"
    )
    assert found[200:] == ["gibberish", "gibberish"]
    assert not any(found[:200])


def test_a_beginning_an_end_and_a_domain_that_many_share_get_a_name():
    texts = ordinary(20)
    start = "Thank you for asking, I am always glad to help a friend with such a question today: "
    found = kinds(*texts, *(start + text for text in texts))
    assert len(set(found[20:])) == 1
    assert found[20].startswith("#")
    linked = kinds(*(f"{text} see http://shop.example/{i}" for i, text in enumerate(texts)))
    assert {kind.split()[1] for kind in linked} == {"@shop.example"}


def test_digits_marks_and_capitals_do_not_hide_a_shared_text():
    found = kinds(*(f"Order {i}: it will BE there by {i}:00!" for i in range(9)), *ordinary(9))
    assert len(set(found[:9])) == 1
    assert found[0].startswith("#")
