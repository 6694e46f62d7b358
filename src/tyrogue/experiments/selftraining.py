"""One pass of self-training: a model teaches a second one on texts about which it and their neighbours agree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.special import softmax

from tyrogue.errors import UsageError
from tyrogue.pool import Inputs
from tyrogue.protocols import Classifier
from tyrogue.types import FitReport, Floats, Inference, Labels, Rows

NEIGHBOURS = 15
LOOKED_AT = 2000
"""Unlabeled texts that the teacher predicts."""
CONFIDENT = 0.8


def agreed(probabilities: Floats, vectors: Floats, labeled: Floats, labels: Labels) -> tuple[Rows, Labels]:
    """Gives positions of unlabeled texts, and the class of each, where teacher and neighbours agree.

    The teacher must be at least 80% certain, and more than half of the 15 nearest labeled texts must be of that class.
    The rule is HAST's (Schröder and Heyer, 2024), with a higher bar for the teacher.

    Args:
        probabilities: (m, C) of the teacher.
        vectors, labeled: (m, d) and (n, d) frozen embeddings of unlabeled and labeled texts, of length 1.
        labels: (n,).
    """
    predicted = probabilities.argmax(1)
    k = min(NEIGHBOURS, len(labels))
    nearest = np.argpartition(-(vectors @ labeled.T), k - 1, axis=1)[:, :k]
    share = (labels[nearest] == predicted[:, None]).mean(1)
    positions = np.flatnonzero((share > 0.5) & (probabilities.max(1) >= CONFIDENT))
    return positions, predicted[positions]


def balanced(classes: Labels, most: int, seed: int) -> Rows:
    """Gives positions of at most `most` of them, sorted; no class has more than its even share of that."""
    present, rng = np.unique(classes), np.random.default_rng(seed)
    share = most // max(len(present), 1)
    drawn = [rng.permutation(np.flatnonzero(classes == c))[:share] for c in present]
    return np.sort(np.concatenate([np.empty(0, np.int64), *drawn])).astype(np.int64)


class SelfTrained:
    """A classifier that is fitted twice: on the labels, and on them and as many pseudo-labels again.

    Args:
        make: gives a fresh model.
        pool: the texts that may be looked at, with their embeddings; rows are its positions.
    """

    def __init__(self, make: Callable[[], Classifier], pool: Inputs) -> None:
        self._make, self._pool, self.model = make, pool, make()

    @property
    def n_classes(self) -> int:
        return self.model.n_classes

    @property
    def fitted(self) -> bool:
        return self.model.fitted

    @property
    def version(self) -> str:
        return self.model.version

    def fit(self, inputs: Inputs, labels: Labels, *, seed: int, start: Classifier | None = None) -> FitReport:
        """Learns twice; UsageError when the inputs are not rows of the pool."""
        if inputs.rows is None:
            raise UsageError("Self-training needs inputs that are rows of its pool.")
        teacher = self._make()
        first = teacher.fit(inputs, labels, seed=seed, start=start)
        open_rows = np.setdiff1d(np.arange(len(self._pool), dtype=np.int64), inputs.rows)
        drawn = np.random.default_rng(seed).choice(open_rows, min(LOOKED_AT, len(open_rows)), replace=False)
        unlabeled = self._pool.take(np.sort(drawn))
        assert unlabeled.rows is not None
        probabilities = np.asarray(softmax(teacher.infer(unlabeled).logits, axis=1), np.float32)
        positions, classes = agreed(probabilities, unlabeled.embeddings, inputs.embeddings, labels)
        kept = balanced(classes, len(labels), seed)
        rows = np.concatenate([inputs.rows, unlabeled.rows[positions[kept]]])
        student = self._make()
        second = student.fit(self._pool.take(rows), np.concatenate([labels, classes[kept]]), seed=seed)
        self.model = student
        details = {**second.details, "pseudo_labels": len(kept)}
        return FitReport(first.seconds + second.seconds, steps=second.steps, loss=second.loss, details=details)

    def infer(self, inputs: Inputs) -> Inference:
        return self.model.infer(inputs)

    def features(self, inputs: Inputs) -> Floats:
        return self.model.features(inputs)

    def head(self, features: Floats) -> Floats:
        return self.model.head(features)

    def sample(self, inputs: Inputs, k: int, *, seed: int) -> Floats:
        return self.model.sample(inputs, k, seed=seed)

    def save(self, path: Path) -> None:
        self.model.save(path)
