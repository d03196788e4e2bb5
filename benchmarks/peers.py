"""What peers make of the same rows: defences for campaigns, `peers:cleanlab` and the like.

    pip install cleanlab adversarial-robustness-toolbox     (the dependency group `bench`)

Each is given its best case. ART reads the layer before the logits of a network trained on the
rows (its own PyTorch classifier reads the logits), cleanlab the out-of-fold predictions that
Foretaste itself uses. Settings are their defaults: ART must be told a share of poison, and takes
0.33 for the spectral defence when it is told nothing.
"""

from __future__ import annotations

import warnings

import numpy as np

from foretaste.encoders.out_of_fold import OutOfFold
from foretaste.encoders.static_text import StaticText
from foretaste.encoders.table import Table
from foretaste.recipes.small_cnn import SmallCnn
from foretaste.recipes.text_network import TextNetwork


def cleanlab(rows):
    """`find_label_issues` on out-of-fold predictions."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    seen = encoded(OutOfFold(), embedded(rows))
    label, prediction = seen["label"], seen["prediction"]
    known = np.flatnonzero(label >= 0)
    issues = find_label_issues(label[known], prediction[known], n_jobs=1)
    flagged, score = np.zeros(len(rows), bool), np.zeros(len(rows))
    flagged[known] = issues
    score[known] = 1 - get_label_quality_scores(label[known], prediction[known])
    return score, flagged


def art_spectral(rows):
    """Spectral signatures (Tran et al. 2018) as ART has them."""
    return _art("SpectralSignatureDefense", rows)


def art_clustering(rows):
    """Activation clustering (Chen et al. 2018) as ART has it."""
    return _art("ActivationDefence", rows)


def _art(name, rows):
    warnings.simplefilter("ignore")
    from art.defences.detector import poison

    features, label = hidden(rows), rows["label"]
    k = int(label.max()) + 1
    onehot = np.eye(k)[label]

    class Given:
        """Gives what it has as the activations of its only layer."""

        layer_names, nb_classes, input_shape = ("hidden",), k, features.shape[1:]

        def get_activations(self, x, layer, batch_size, framework=False):
            return np.asarray(x)

        def predict(self, x, **_):
            return onehot

    _, clean = getattr(poison, name)(Given(), features, onehot).detect_poison()
    return np.asarray(clean) == 0


def hidden(rows):
    """(n, d) the last hidden layer of a network trained on the rows."""
    if "pixels" in rows:
        return SmallCnn().train(rows, 0).features(rows["pixels"])
    return TextNetwork().train(rows, 0).features(rows.arrow("text"))


def embedded(rows):
    """The rows with the `embedding` that suits them."""
    if "pixels" in rows:
        return rows.having(embedding=hidden(rows))
    return encoded(StaticText() if "text" in rows else Table(), rows)


def encoded(encoder, rows):
    return encoder.encode(rows, encoder.fit(encoder.summarize(rows)))
