"""DAL: the texts that a classifier can best tell from the labeled ones."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tyrogue.errors import UsageError
from tyrogue.protocols import View
from tyrogue.strategies import parts
from tyrogue.types import Floats, Selection


@dataclass(frozen=True)
class Dal:
    """Discriminative active learning (Gissin and Shalev-Shwartz, 2019): trains a classifier labeled against
    unlabeled on the embeddings and takes the rows it is surest are unlabeled, in sub-batches, what was
    chosen counting as labeled. `score` is that probability.

    The classifier is a logistic regression with balanced classes. Without labels the first sub-batch is drawn
    at random.

    Attributes:
        sub_batches: in how many steps the batch is chosen.
        contrast: how many unlabeled rows are drawn for each labeled one to train on.
    """

    sub_batches: int = 10
    contrast: int = 10

    cold_start: ClassVar[bool] = True
    whole_pool: ClassVar[bool] = True
    citation: ClassVar[str] = "Gissin and Shalev-Shwartz (2019), Discriminative Active Learning"

    def __post_init__(self) -> None:
        if self.sub_batches < 1 or self.contrast < 1:
            raise UsageError(f"sub_batches and contrast of {self} must be at least 1.")

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        rows, (vectors,) = parts.sweep(view, view.embeddings)
        labeled = view.embeddings(view.labeled)
        chosen, score = np.empty(0, np.int64), np.empty(0, np.float32)
        for size in _split(min(n, len(rows)), self.sub_batches):
            known = np.concatenate([labeled, vectors[chosen]]) if len(labeled) else vectors[chosen]
            free = np.setdiff1d(np.arange(len(rows)), chosen)
            strange = self._strangeness(known, vectors, free, rng)
            best = np.argsort(-strange, kind="stable")[:size]
            chosen, score = np.append(chosen, free[best]), np.append(score, strange[best])
        return parts.ranked(rows[chosen], score, "unlike labeled")

    def _strangeness(self, known: Floats, vectors: Floats, free: NDArray[np.int64], rng: Generator) -> Floats:
        """Gives the probability, shape (len(free),), that each free row is not one of the known."""
        if not len(known):
            return np.asarray(rng.random(len(free)), np.float32)
        drawn = rng.choice(free, min(self.contrast * len(known), len(free)), replace=False)
        weight, bias = _logistic(
            np.concatenate([known, vectors[drawn]]), np.arange(len(known) + len(drawn)) >= len(known)
        )
        logit = vectors @ weight + bias
        return np.asarray(1 / (1 + np.exp(-np.clip(logit[free], -50, 50))), np.float32)


def _logistic(vectors: Floats, positive: NDArray[np.bool_]) -> tuple[Floats, float]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # an early stop ranks as well
        model = LogisticRegression(class_weight="balanced", max_iter=200).fit(vectors, positive)
    return model.coef_[0].astype(np.float32), float(model.intercept_[0])


def _split(n: int, into: int) -> list[int]:
    return [len(part) for part in np.array_split(np.arange(n), min(into, n))]
