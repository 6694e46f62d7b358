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


def cells(vectors: Floats, centers: Floats) -> parts.Cells:
    """Gives the representative of each cell of these centers (k, d), and how many vectors it stands for."""
    cell = ops.squared_distances(vectors, centers).argmin(1)
    nearest = clustering.nearest_to_centers(vectors, centers)
    return parts.Cells(nearest, np.bincount(cell, minlength=len(centers)).astype(np.int64))


@dataclass(frozen=True)
class Faiss(Tyrogue):
    """Tyrogue with faiss."""

    def _cells(self, view: View, vectors: Floats, k: int, rng: Generator) -> parts.Cells:
        return cells(vectors, faiss(vectors, k, int(rng.integers(2**31))))


@dataclass(frozen=True)
class Fast(Tyrogue):
    """Tyrogue with fastkmeans."""

    def _cells(self, view: View, vectors: Floats, k: int, rng: Generator) -> parts.Cells:
        return cells(vectors, fastkmeans(vectors, k, int(rng.integers(2**31))))
