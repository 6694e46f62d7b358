"""ProbCover: the balls of one radius that hold most of what no label is near to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.random import Generator

from tyrogue import clustering, coverage, ops
from tyrogue.errors import UsageError
from tyrogue.protocols import View
from tyrogue.strategies import parts
from tyrogue.types import Floats, Selection

LEAST_RADIUS, LARGEST_RADIUS = 0.01, 2.0
"""Below, rounding decides who is near; above, one ball holds the unit sphere."""


@dataclass(frozen=True)
class ProbCover:
    """Takes n times the open row whose ball of radius delta, in unit vectors of the frozen encoder, holds most
    open rows that no labeled or chosen one covers (Yehuda et al., 2022). `score` is the share of the pool that
    each covers anew; when nothing is left to cover, the rest is drawn at random.

    Above 10,000 open rows a sample of 4,096 is what is to be covered.

    Attributes:
        delta: radius, between 0 and 2; `auto` takes the largest at which a share of `purity` of the balls
            holds one class only, classes guessed by k-means.
        purity: that share.
    """

    delta: float | Literal["auto"] = "auto"
    purity: float = 0.95

    cold_start: ClassVar[bool] = True
    whole_pool: ClassVar[bool] = True
    citation: ClassVar[str] = "Yehuda et al. (2022), Active Learning Through a Covering Lens"

    def __post_init__(self) -> None:
        if (self.delta != "auto" and not 0 < self.delta <= LARGEST_RADIUS) or not 0 < self.purity <= 1:
            raise UsageError(f"delta of {self} must be above 0 and at most 2, or auto; purity above 0 and at most 1.")

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        rows, (vectors,) = parts.sweep(view, lambda block: ops.unit(view.static(block)))
        targets = vectors[parts.anchors(len(rows), rng)]
        delta = pure_radius(targets, view.n_classes, self.purity, rng) if self.delta == "auto" else self.delta
        near = coverage.ball(delta)
        covered = coverage.covered_by(targets, ops.unit(view.static(view.labeled)), near)
        cover = coverage.greedy(vectors, targets, min(n, len(rows)), near, covered=covered)
        return parts.covering(rows, cover, n, rng)


def pure_radius(vectors: Floats, n_classes: int, purity: float, rng: Generator) -> float:
    """Gives the largest radius at which a share of `purity` of the balls around the vectors is pure.

    A ball is pure up to the distance to the nearest vector of another k-means class, so the radius is a
    quantile of these distances: no search is needed.
    """
    guess = clustering.kmeans(vectors, n_classes, rng).assigned
    stranger = np.full(len(vectors), LARGEST_RADIUS, np.float32)
    for cell in np.unique(guess):
        inside, outside = guess == cell, guess != cell
        if outside.any():
            stranger[inside] = np.sqrt(clustering.nearest_distances(vectors[inside], vectors[outside]))
    impure = int(np.floor((1 - purity) * len(vectors) + 1e-9))
    return float(np.clip(np.sort(stranger)[impure], LEAST_RADIUS, LARGEST_RADIUS))
