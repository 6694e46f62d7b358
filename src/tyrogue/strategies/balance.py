"""The balance that adapts itself: what r should be, from what the labels so far have shown.

Where the embedding tells classes apart, new regions teach classes while labels are few, and doubt is worth
following once they are not. Where it does not, neither the regions nor the doubt say much, and r is the fixed one
that lost least, at its worst, in the grids of docs/results.md.
"""

from __future__ import annotations

from math import exp
from typing import NamedTuple

import numpy as np

from tyrogue import ops
from tyrogue.protocols import View
from tyrogue.types import Floats, Labels

USUAL = 5
"""Where the labels have nothing to say about it. The paper's 3 does as well on average and worse at its worst."""

MOST = 10
"""The r of a pool whose classes are known to follow the embedding and whose regions are all known."""

LABELS_TO_EXPLORE = 200
"""Labels after which the share of the pool that is taken to be new has fallen to 1/e."""

NEIGHBORS = 5
"""Labeled texts that vote, at most; fewer where a class has few labels, or the others would outvote it."""


class Balance(NamedTuple):
    """An r and what spoke for it, numbers from 0 to 1."""

    ratio: int
    alignment: float
    """How well the nearest labeled texts foretell a label: 0 no better than the most frequent class, 1 always."""
    unexplored: float
    """exp(-labels / 200): how much of the pool's variety is taken to be new still."""


SIGNALS = Balance._fields[1:]
"""The facts of a round that say why its ratio is what it is."""

COLD = Balance(1, 0.0, 1.0)
"""Before there is a model there is no doubt to follow."""


def balance(view: View) -> Balance:
    """Gives r = 5 ** (1 - a) * (10 ** (1 - u)) ** a, rounded, for the next round.

    a is the alignment, u = exp(-labels / 200) what is unexplored. Deterministic given the labels, without a
    validation set, in O(labels^2).
    """
    aligned = alignment(ops.unit(view.static(view.labeled)), view.labels)
    unexplored = exp(-len(view.labels) / LABELS_TO_EXPLORE)
    ratio = USUAL ** (1 - aligned) * (MOST ** (1 - unexplored)) ** aligned
    return Balance(round(ratio), aligned, unexplored)


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
