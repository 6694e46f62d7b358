"""The same acquisition function in small-text and scikit-activeml, on the same features and logits.

Both are handed a classifier that already knows its answers, as our view is, so that only the acquisition is timed.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tyrogue import ops
from tyrogue.types import Floats, Labels, Rows

Query = Callable[[int], NDArray[np.int64]]
"""n -> rows."""


class Known:
    """Answers with the given features and probabilities, in the words of both libraries."""

    def __init__(self, features: Floats, logits: Floats) -> None:
        self.features, self.proba, self.classes_ = features, ops.softmax(logits), np.arange(logits.shape[1])

    # small-text
    def embed(self, dataset: Rows, return_proba: bool = False, pbar: Any = None) -> Any:
        return (self.features[dataset], self.proba[dataset]) if return_proba else self.features[dataset]

    def predict_proba(self, dataset: Rows) -> Floats:
        return self.proba[dataset]


def small_text(name: str, features: Floats, logits: Floats, labeled: Rows, labels: Labels) -> Query | None:
    """Gives small-text's strategy of our name, None when it has none."""
    library = import_module("small_text")
    torch_part = import_module("small_text.integrations.pytorch.query_strategies.strategies")
    made: dict[str, Callable[[], Any]] = {
        "random": library.RandomSampling,
        "entropy": library.PredictionEntropy,
        "least_confidence": library.LeastConfidence,
        "margin": library.BreakingTies,
        "ftbertkm": library.EmbeddingKMeans,
        "cal": lambda: library.ContrastiveActiveLearning(pbar=None),
        "coreset": library.GreedyCoreset,
        "badge": lambda: torch_part.BADGE(logits.shape[1]),
    }
    if name not in made:
        return None
    strategy, known, rows = made[name](), Known(features, logits), np.arange(len(features))
    unlabeled = np.setdiff1d(rows, labeled)
    return lambda n: np.asarray(strategy.query(known, rows, unlabeled, labeled, labels, n=n))


def scikit_activeml(name: str, features: Floats, logits: Floats, labeled: Rows, labels: Labels) -> Query | None:
    """Gives scikit-activeml's strategy of our name, None when it has none."""
    pool = import_module("skactiveml.pool")
    clf = _sk_classifier(features, logits)
    made: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
        "random": (lambda: pool.RandomSampling(random_state=0), {}),
        "entropy": (lambda: pool.UncertaintySampling("entropy", random_state=0), {"clf": clf, "fit_clf": False}),
        "least_confidence": (
            lambda: pool.UncertaintySampling("least_confident", random_state=0),
            {"clf": clf, "fit_clf": False},
        ),
        "margin": (
            lambda: pool.UncertaintySampling("margin_sampling", random_state=0),
            {"clf": clf, "fit_clf": False},
        ),
        "badge": (lambda: pool.Badge(random_state=0), {"clf": clf, "fit_clf": False}),
        "cal": (lambda: pool.ContrastiveAL(random_state=0), {"clf": clf, "fit_clf": False}),
        "coreset": (lambda: pool.CoreSet(random_state=0), {}),
        "typiclust": (lambda: pool.TypiClust(random_state=0, k=20), {}),
        "probcover": (lambda: pool.ProbCover(random_state=0, n_classes=logits.shape[1]), {}),
        "maxherding": (lambda: pool.MaxHerding(random_state=0), {}),
    }
    if name not in made:
        return None
    make, more = made[name]
    y = np.full(len(features), np.nan)
    y[labeled] = labels
    return lambda n: np.asarray(make().query(X=features, y=y, batch_size=n, **more))


def _sk_classifier(features: Floats, logits: Floats) -> Any:
    """Gives a classifier whose answer to the given features is known; scikit-activeml asks by feature values."""
    base: Any = import_module("skactiveml.base").SkactivemlClassifier

    class Answers(base):  # type: ignore[misc]
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
            return self

        def predict_proba(self, X: Any) -> Any:
            return ops.softmax(np.asarray(X, np.float32) @ Answers.weights)

    # the logits are linear in the features, so that any subset can be asked
    Answers.weights = np.linalg.lstsq(features[:4096], logits[:4096], rcond=None)[0].astype(np.float32)
    answers = Answers(classes=list(range(logits.shape[1])))
    answers.classes_ = np.arange(logits.shape[1])
    answers._cost_matrix = 1 - np.eye(logits.shape[1])
    return answers


PEERS: dict[str, Callable[[str, Floats, Floats, Rows, Labels], Query | None]] = {
    "small-text": small_text,
    "scikit-activeml": scikit_activeml,
}

IMPORTS = {"small-text": "small_text", "scikit-activeml": "skactiveml"}
