"""The balance that adapts itself: what r should be, from what the labels so far have shown.

New regions are worth visiting as long as the embedding tells classes apart (a new region then teaches a class)
and few labels are there (regions are still new). Doubt is worth following in the same measure as that wears off.
"""

from __future__ import annotations

from math import exp
from typing import NamedTuple

import numpy as np

from tyrogue import ops
from tyrogue.protocols import View
from tyrogue.types import Floats, Labels

MOST = 10
"""The r of a round in which variety has nothing more to teach."""

LABELS_TO_EXPLORE = 200
"""Labels after which the worth of new regions has fallen to 1/e."""

NEIGHBORS = 5
"""Labeled texts that vote, at most; fewer where a class has few labels, or the others would outvote it."""


class Balance(NamedTuple):
    """An r and what spoke for it, all of it numbers from 0 to 1."""

    ratio: int
    alignment: float
    """How well the nearest labeled texts foretell a label: 0 as well as the most frequent class, 1 always."""
    unexplored: float
    """exp(-labels / 200): how much of the pool's variety is taken to be new still."""
    variety: float
    """Their product: what variety can still teach. r = MOST ** (1 - variety)."""


SIGNALS = Balance._fields[1:]
"""The facts of a round that say why its ratio is what it is."""

COLD = Balance(1, 0.0, 1.0, 1.0)
"""Before there is a model there is no doubt to follow."""


def balance(view: View) -> Balance:
    """Gives r = 10 ** (1 - alignment * exp(-labels / 200)), rounded, for the next round.

    Deterministic given the labels, without a validation set, in O(labels^2).
    """
    aligned = alignment(ops.unit(view.static(view.labeled)), view.labels)
    unexplored = exp(-len(view.labels) / LABELS_TO_EXPLORE)
    variety = aligned * unexplored
    return Balance(round(MOST ** (1 - variety)), aligned, unexplored, variety)


def alignment(vectors: Floats, labels: Labels) -> float:
    """Gives max(0, (a - m) / (1 - m)): a is the leave-one-out accuracy of the vote of the k nearest neighbors among
    these unit vectors (n, d), m the share of the most frequent class. 0 where one class is all there is.

    k is half of a class's mean number of labels, from 1 to 5; the nearest one breaks ties.
    """
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        return 0.0
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    k = min(max(len(labels) // (2 * len(classes)), 1), NEIGHBORS)
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    votes = np.eye(len(classes))[codes[nearest]].sum(1)
    votes[np.arange(len(labels)), codes[nearest[:, 0]]] += 0.5
    accuracy, majority = (votes.argmax(1) == codes).mean(), np.bincount(codes).max() / len(codes)
    return float(max(0.0, (accuracy - majority) / (1 - majority)))
