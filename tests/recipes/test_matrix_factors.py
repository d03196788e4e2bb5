import numpy as np

from foretaste.data import Batch
from foretaste.recipes.matrix_factors import MatrixFactors


def ratings(seed=0):
    """Two kinds of users and of items; each kind likes its own."""
    rng = np.random.default_rng(seed)
    user, item = np.divmod(np.flatnonzero(rng.random(80 * 50) < 0.5), 50)
    rating = 3 + 1.5 * np.where(user % 2 == item % 2, 1, -1) + rng.normal(0, 0.3, len(user))
    columns = {"user": [f"u{one}" for one in user], "item": [f"i{one}" for one in item]}
    return Batch(range(len(user)), {**columns, "rating": np.clip(rating, 1, 5)})


def test_tastes_are_learned_and_unseen_ratings_foretold():
    fresh = ratings(seed=1)
    recipe = MatrixFactors()
    assert recipe.quality(recipe.train(ratings(), 0).predict(fresh), fresh) > -0.6
    usual = np.full(len(fresh), fresh["rating"].mean())
    assert recipe.quality(usual, fresh) < -1.4


def test_the_same_seed_gives_the_same_recommender():
    one, two = (MatrixFactors().train(ratings(), 3).predict(ratings()) for _ in range(2))
    assert one.tolist() == two.tolist()


def test_strangers_get_what_is_usual():
    rows = ratings()
    stranger = Batch(["x"], {"user": ["nobody"], "item": ["nothing"], "rating": [np.nan]})
    recommender = MatrixFactors().train(rows, 0)
    assert np.isclose(recommender.predict(stranger)[0], rows["rating"].mean())
    assert np.isnan(MatrixFactors().quality(np.array([3.0]), stranger))


def test_no_rows_at_all_is_no_crash():
    rows = ratings()
    recommender = MatrixFactors().train(rows.take([]), 0)
    assert recommender.predict(rows).tolist() == [0.0] * len(rows)
