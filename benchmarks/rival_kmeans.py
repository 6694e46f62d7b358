"""Tyrogue with the k-means of another library, to see whether the texts it chooses are better ones.

    PYTHONPATH=benchmarks tyrogue bench experiments/kmeans.toml --data DATASETS --out experiments/results/kmeans \\
        --set 'strategies=[{name="rival_kmeans:Faiss",label="faiss"},{name="rival_kmeans:Fast",label="fastkmeans"}]'
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from kmeans import faiss, fastkmeans
from numpy.random import Generator

from tyrogue import clustering, ops
from tyrogue.protocols import View
from tyrogue.strategies import Tyrogue, parts
from tyrogue.types import Floats


class Rival(Tyrogue):
    """Clusters with `centers`."""

    def centers(self, vectors: Floats, k: int, seed: int) -> Floats:
        """Gives (k, d)."""
        raise NotImplementedError

    def _cells(self, view: View, vectors: Floats, k: int, rng: Generator) -> parts.Cells:
        found = self.centers(vectors, k, int(rng.integers(2**31)))
        cell = ops.squared_distances(vectors, found).argmin(1)
        nearest = clustering.nearest_to_centers(vectors, found)
        return parts.Cells(nearest, np.bincount(cell, minlength=len(found)).astype(np.int64))


@dataclass(frozen=True)
class Faiss(Rival):
    """Tyrogue with faiss."""

    def centers(self, vectors: Floats, k: int, seed: int) -> Floats:
        return faiss(vectors, k, seed)


@dataclass(frozen=True)
class Fast(Rival):
    """Tyrogue with fastkmeans."""

    def centers(self, vectors: Floats, k: int, seed: int) -> Floats:
        return fastkmeans(vectors, k, seed)
