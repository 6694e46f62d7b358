"""k-means on unit vectors, and the text nearest to each center without ever repeating one."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from tyrogue import ops
from tyrogue.errors import UsageError
from tyrogue.types import Floats


class Clusters(NamedTuple):
    """A partition of n vectors into at most k cells."""

    centers: Floats
    """(k, d), not normalised (k-means on unit vectors, as published, not spherical k-means)."""
    assigned: NDArray[np.int64]
    """(n,) the cell of each vector."""


def kmeans(vectors: Floats, k: int, rng: Generator, *, n_init: int = 1, max_iter: int = 300) -> Clusters:
    """Partitions vectors (n, d) into min(k, n) cells by Lloyd's algorithm from k-means++ seeds.

    The published setting is `n_init=10, max_iter=300`, tolerance 1e-4.
    """
    if k < 1:
        raise UsageError(f"k-means was asked for {k} clusters; it takes at least 1.")
    with warnings.catch_warnings():
        # Fewer distinct vectors than clusters: some cells stay empty, which nearest_to_centers fills.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = KMeans(
            n_clusters=min(k, len(vectors)),
            n_init=n_init,
            max_iter=max_iter,
            random_state=int(rng.integers(2**31)),
        ).fit(np.ascontiguousarray(vectors, np.float32))
    return Clusters(fitted.cluster_centers_.astype(np.float32), fitted.labels_.astype(np.int64))


def nearest_to_centers(vectors: Floats, centers: Floats) -> NDArray[np.int64]:
    """Gives for each of the k centers (k, d) the position of the nearest vector, no position twice.

    When two centers share their nearest vector, the closer center keeps it and the other takes its next
    nearest unused one (the published code fills up at random, which can repeat).
    """
    distances = ops.squared_distances(centers, vectors)
    chosen = np.full(len(centers), -1, np.int64)
    used = np.zeros(len(vectors), bool)
    nearest = distances.argmin(1)
    for center in np.argsort(distances[np.arange(len(centers)), nearest], kind="stable"):
        best = int(nearest[center])
        if used[best]:
            best = int(np.where(used, np.inf, distances[center]).argmin())
        chosen[center] = best
        used[best] = True
    return chosen
