from foretaste.data import Batch
from foretaste.recipes.nearest_answer import NearestAnswer

KNOWN = Batch(
    ["a", "b"],
    {
        "prompt": ["How do I bake bread?", "Who won the football match?"],
        "response": ["Mix flour, water and yeast.", "The home team did."],
    },
)


def test_it_answers_as_the_nearest_question_was_answered():
    bot = NearestAnswer().train(KNOWN, seed=0)
    asked = Batch(["c"], {"prompt": ["How does one bake good bread at home?"]})
    assert bot.predict(asked).tolist() == ["Mix flour, water and yeast."]


def test_its_own_lessons_are_answered_perfectly():
    recipe = NearestAnswer()
    outcomes = recipe.train(KNOWN, seed=0).predict(KNOWN)
    assert abs(recipe.quality(outcomes, KNOWN) - 1) < 1e-5
    assert recipe.quality(outcomes[::-1], KNOWN) < 0.5


def test_it_learns_from_its_users_and_forgets_nothing():
    recipe = NearestAnswer()
    bot = recipe.train(KNOWN, seed=0)
    lesson = Batch(["d"], {"prompt": ["Is the moon a planet?"], "response": ["No."]})
    taught = recipe.tune(bot, lesson, seed=0)
    assert taught.predict(lesson).tolist() == ["No."]
    assert taught.predict(KNOWN).tolist() == KNOWN["response"].tolist()
    assert len(bot.answers) == 2


def test_one_that_knows_nothing_says_nothing():
    assert NearestAnswer().train(KNOWN.take([]), seed=0).predict(KNOWN).tolist() == ["", ""]
