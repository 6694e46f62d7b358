"""Core-set: always the text farthest from everything labeled so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from tyrogue import clustering, ops
from tyrogue.protocols import View
from tyrogue.strategies import parts
from tyrogue.types import Floats, Rows, Selection

DIAMETER = 4.0
"""Of the unit sphere, squared: no distance is larger."""


@dataclass(frozen=True)
class CoreSet:
    """Greedy k-center: adds n times the open row whose distance to the nearest labeled or chosen one is
    largest, in unit vectors (Sener and Savarese, 2018). `score` is that distance when it was chosen.
    Without labels the first one is drawn at random.
    """

    cold_start: ClassVar[bool] = True
    whole_pool: ClassVar[bool] = True
    citation: ClassVar[str] = (
        "Sener and Savarese (2018), Active Learning for Convolutional Neural Networks: A Core-Set Approach"
    )

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        rows, (vectors,) = parts.sweep(view, lambda block: ops.unit(view.embeddings(block)))
        if len(view.labeled):
            reach = clustering.nearest_distances(vectors, ops.unit(view.embeddings(view.labeled)))
        else:
            reach = np.full(len(rows), DIAMETER, np.float32)
            reach[rng.integers(len(rows))] += 1
        chosen, distance = _farthest_first(vectors, reach, min(n, len(rows)))
        return parts.ranked(rows[chosen], distance, "farthest")


def _farthest_first(vectors: Floats, reach: Floats, n: int) -> tuple[Rows, Floats]:
    """Gives n positions, and how far each was, given the squared distances `reach` to what is covered."""
    chosen, distance = np.empty(n, np.int64), np.empty(n, np.float32)
    for step in range(n):
        chosen[step] = farthest = int(reach.argmax())
        distance[step] = np.sqrt(min(reach[farthest], DIAMETER))
        reach = np.minimum(reach, np.maximum(2 - 2 * (vectors @ vectors[farthest]), 0))
        reach[chosen[: step + 1]] = -1
    return chosen, distance
