"""Influence, against the truth: leaving rows out, and another implementation."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from foretaste.data import Batch
from foretaste.recipes.linear_table import LinearTable
from foretaste.recipes.linear_text import LinearText
from foretaste.summaries.influence import Pulls, gas, influence, settled, tracin


def table(n, seed=0, k=3):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, k, n)
    features = rng.standard_normal((n, 4)) + 1.2 * np.eye(k, 4)[label]
    return Batch([f"{seed}-{i}" for i in range(n)], {"features": features, "label": label})


def loss(victim, query):
    chances = victim.predict(query)
    return -np.log(chances[np.arange(len(query)), query["label"]])


def pulls(victim, rows):
    return Pulls.of(victim.hidden(rows), victim.predict(rows), rows["label"])


def influences(recipe, rows, queries):
    victim = recipe.train(rows, seed=0)
    have, ask = pulls(victim, rows), pulls(victim, queries)
    moves = settled(ask, have, victim.predict(rows), recipe.penalty(len(rows)))
    return influence(moves, have)


def left_out(recipe, rows, queries):
    """(q, n) by how much the loss of each query truly rises when a row is left out."""
    whole = loss(recipe.train(rows, seed=0), queries)
    every = np.arange(len(rows))
    without = [loss(recipe.train(rows.take(every != i), seed=0), queries) - whole for i in every]
    return np.array(without).T


def test_influence_ranks_rows_as_leaving_each_of_them_out_does():
    recipe, rows, queries = LinearTable(ridge=1.0), table(40), table(6, seed=1)
    truth, guess = left_out(recipe, rows, queries), influences(recipe, rows, queries)
    ranks = [spearmanr(*pair).statistic for pair in zip(truth, guess, strict=True)]
    assert min(ranks) > 0.9
    assert np.corrcoef(truth.ravel(), guess.ravel())[0, 1] > 0.9


def test_influence_on_sparse_words_ranks_rows_as_leaving_them_out_does():
    words = "good fine warm bright dull cold grey bleak".split()
    rng = np.random.default_rng(0)
    label = np.arange(24) % 2
    text = [
        " ".join(rng.choice(words[4 * c : 4 * c + 5] if c < 1 else words[3:], 4)) for c in label
    ]
    rows = Batch(range(24), {"text": text, "label": label})
    # the weights of words are few and the optimum is reached; how common a word is stays as it was
    recipe = LinearText(longest=1, buckets=256, ridge=0.01, steps=200)
    victim = recipe.train(rows, seed=0)
    ask = rows.take(np.arange(6))
    truth = []
    for i in range(len(rows)):
        less = rows.take(np.arange(len(rows)) != i)
        blank = victim._replace(weights=np.zeros_like(victim.weights))
        again = recipe._descended(blank, less, recipe.steps)
        truth.append(loss(again, ask) - loss(victim, ask))
    guess = influences(recipe, rows, ask)
    ranks = [spearmanr(*pair).statistic for pair in zip(np.array(truth).T, guess, strict=True)]
    assert min(ranks) > 0.9


def test_the_scores_of_tracin_are_those_of_captum():
    torch = pytest.importorskip("torch")
    captum = pytest.importorskip("captum.influence")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3))
    x, y = torch.randn(20, 5), torch.randint(0, 3, (20,))
    ask, say = torch.randn(6, 5), torch.randint(0, 3, (6,))
    oracle = captum.TracInCPFast(
        net, net[2], torch.utils.data.TensorDataset(x, y), ["the only one"],
        checkpoints_load_func=lambda model, path: 1.0,
        loss_fn=torch.nn.CrossEntropyLoss(reduction="sum"), batch_size=20,
    )  # fmt: skip
    without_intercept = oracle.influence((ask, say)).detach().numpy()

    def mine(inputs, codes):
        with torch.no_grad():
            hidden = net[:2](inputs)
            return Pulls.of(hidden.numpy(), net[2](hidden).softmax(1).numpy(), codes.numpy())

    queries, rows = mine(ask, say), mine(x, y)
    intercept = queries.error @ rows.error.T  # captum's fast version leaves it out
    np.testing.assert_allclose(
        tracin(queries, rows) - intercept, without_intercept, rtol=1e-4, atol=1e-6
    )


def test_rows_learned_by_heart_count_for_gas_and_hardly_for_tracin():
    trigger, other = np.array([[9.0, 0.0]]), np.array([[0.0, 1.0]])
    rows = Pulls(np.vstack([trigger, other]), np.array([[-1e-3, 1e-3], [-0.5, 0.5]]))
    query = Pulls(trigger, np.array([[-1e-3, 1e-3]]))
    assert tracin(query, rows).argmax() == 1
    assert gas(query, rows, rows.hidden.mean(axis=0)).argmax() == 0


def test_a_row_without_a_label_pushes_nobody():
    rows = Pulls.of(np.ones((2, 3)), np.full((2, 2), 0.5), np.array([0, -1]))
    query = Pulls.of(np.ones((1, 3)), np.array([[0.9, 0.1]]), np.array([0]))
    assert tracin(query, rows)[0, 1] == 0
    assert gas(query, rows, np.zeros(3))[0, 1] == 0


def test_gas_of_sparse_rows_is_gas_of_the_same_rows_written_out():
    from scipy.sparse import csr_array

    rng = np.random.default_rng(0)
    hidden = rng.random((12, 6)) * (rng.random((12, 6)) < 0.4)
    error, centre = rng.standard_normal((12, 3)), hidden.mean(axis=0)
    dense, sparse = Pulls(hidden, error), Pulls(csr_array(hidden), error)
    np.testing.assert_allclose(gas(sparse, sparse, centre), gas(dense, dense, centre), atol=1e-12)
    away = hidden - centre
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    error = error / np.linalg.norm(error, axis=1, keepdims=True)
    np.testing.assert_allclose(gas(dense, dense, centre), (away @ away.T) * (error @ error.T))
