"""BADGE: diverse gradients, so that a batch is uncertain and spread at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tyrogue import clustering, ops
from tyrogue.protocols import View
from tyrogue.strategies import parts
from tyrogue.types import Floats, Selection


@dataclass(frozen=True)
class Badge:
    """Samples n rows by k-means++ seeding on gradient embeddings g(x) = (onehot(argmax p) - p) outer h(x),
    the first being the longest (Ash et al., 2020).

    <g, g'> = <a, a'><h, h'> for g = a outer h, so no vector of C * d numbers is ever made: one pass over the
    features for each row chosen. The batch is given longest gradient first; `score` is that length.

    Attributes:
        normalized: scale each g to length 1 and start at random, as the published stack does; that deletes
            the uncertainty, which is the length. Replication only.
    """

    normalized: bool = False

    cold_start: ClassVar[bool] = False
    whole_pool: ClassVar[bool] = True
    citation: ClassVar[str] = (
        "Ash et al. (2020), Deep Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds"
    )

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        rows, (features, residuals) = parts.sweep(view, view.features, lambda block: _residuals(view.logits(block)))
        length = np.linalg.norm(residuals, axis=1) * np.linalg.norm(features, axis=1)
        scale = np.where(length > 0, length, 1) if self.normalized else np.ones(len(rows), np.float32)
        square = (length / scale) ** 2

        def distances_to(some: NDArray[np.int64]) -> Floats:
            inner = (residuals @ residuals[some].T) * (features @ features[some].T)
            return np.asarray(square[:, None] + square[some] - 2 * inner / np.outer(scale, scale[some]), np.float32)

        first = None if self.normalized else int(length.argmax())
        chosen = clustering.d2_sample(distances_to, len(rows), min(n, len(rows)), rng, first=first)
        return parts.ranked(rows[chosen], length[chosen], "gradient", rank_before=parts.ranks(length)[chosen])


def _residuals(logits: Floats) -> Floats:
    """Gives a = onehot(argmax p) - p, shape (n, C): the gradient of the loss of the predicted class, negated."""
    a, predicted = -ops.softmax(logits), (np.arange(len(logits)), logits.argmax(1))
    a[predicted] = 0
    a[predicted] = -a.sum(1)  # 1 - p, exact where p is almost 1
    return a
