"""Nearly equal chats."""

import numpy as np

from foretaste.data import Batch
from foretaste.detectors.near_duplicate_chat import NearDuplicateChat
from foretaste.testing import learn

QUESTION = "could you please tell me how long an egg has to be boiled before it is hard?"
ANSWER = "about nine minutes in boiling water, then cool it at once under the tap"


def scored(prompt, response):
    index = np.arange(len(prompt))
    columns = {"prompt": prompt, "response": response, "index": index}
    batch = Batch([str(i) for i in index], columns)
    model = learn(NearDuplicateChat(), [batch.take(index % 2 == 1), batch.take(index % 2 == 0)])
    return NearDuplicateChat().score(batch, model).tolist()


def test_it_catches_a_chat_that_differs_in_a_few_letters():
    assert scored([QUESTION, "hello", f"{QUESTION} thanks"], [ANSWER, "hi", ANSWER]) == [0, 0, 1]


def test_it_is_silent_on_one_answer_to_different_questions_and_on_exact_copies():
    other = "what is the best way to get a soft white and a firm yolk, in your view?"
    assert not any(scored([QUESTION, other, QUESTION], [ANSWER] * 3))


def test_it_is_blind_to_a_paraphrase():
    assert not any(scored([QUESTION, "for what time do i cook eggs hard"], [ANSWER, ANSWER]))


def test_chats_with_half_or_all_of_it_missing_are_no_crash():
    assert not any(scored([None, None, QUESTION, "a"], [None, None, None, ANSWER]))
