"""Cluster-Margin: the torn texts, a few from every cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tyrogue import clustering, ops
from tyrogue.errors import UsageError
from tyrogue.protocols import View
from tyrogue.strategies import parts
from tyrogue.types import Floats, Rows, Selection


@dataclass(frozen=True)
class ClusterMargin:
    """Takes the ratio * n rows of smallest margin, groups them by cluster and draws one at a time, smallest
    cluster first, round and round, until there are n (Citovsky et al., 2021). `score` is 1 - margin.

    The clusters are those of average-linkage agglomeration over the open pool (Euclidean on unit vectors).
    Above 10,000 open rows they are k-means cells found on a sample of 10,000.

    Attributes:
        ratio: how many times n rows of small margin are grouped (the paper's k_m / k_t).
        cluster_size: mean number of rows in a cluster.
    """

    ratio: int = 10
    cluster_size: int = 10

    cold_start: ClassVar[bool] = False
    whole_pool: ClassVar[bool] = True
    citation: ClassVar[str] = "Citovsky et al. (2021), Batch Active Learning at Scale"

    def __post_init__(self) -> None:
        if self.ratio < 1 or self.cluster_size < 1:
            raise UsageError(f"ratio and cluster_size of {self} must be at least 1.")

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        rows, (doubt,) = parts.sweep(view, lambda block: 1 - ops.margin(view.logits(block)))
        torn = ops.top(doubt, self.ratio * n)
        cluster = self._clusters(view, rows, torn, rng)
        chosen = _round_robin(cluster, min(n, len(rows)), rng)
        _, of, size = np.unique(cluster, return_inverse=True, return_counts=True)
        return parts.ranked(
            rows[torn[chosen]],
            doubt[torn[chosen]],
            "uncertain",
            cluster=cluster[chosen],
            cluster_size=size[of][chosen],
            rank_before=chosen,
        )

    def _clusters(self, view: View, rows: Rows, torn: NDArray[np.int64], rng: Generator) -> NDArray[np.int64]:
        """Gives the cluster of each torn row."""
        k = max(1, round(min(len(rows), parts.EXACT_UP_TO) / self.cluster_size))
        if len(rows) <= parts.EXACT_UP_TO:
            _, (vectors,) = parts.sweep(view, lambda block: ops.unit(view.embeddings(block)))
            return agglomerate(vectors, k)[torn]
        sample = np.sort(rng.choice(rows, parts.EXACT_UP_TO, replace=False))
        centers = clustering.kmeans(ops.unit(view.embeddings(sample)), k, rng).centers
        nearest = ops.squared_distances(ops.unit(view.embeddings(rows[torn])), centers).argmin(1)
        return np.asarray(nearest, np.int64)


def agglomerate(vectors: Floats, k: int) -> NDArray[np.int64]:
    """Gives the cluster of each vector when average linkage has merged them to k clusters."""
    from scipy.cluster.hierarchy import fcluster, linkage

    n = len(vectors)
    if n == 1:
        return np.zeros(1, np.int64)
    condensed, at = np.empty(n * (n - 1) // 2), 0
    for start in range(0, n, 512):
        distances = np.sqrt(ops.squared_distances(vectors[start : start + 512], vectors))
        for i, row in enumerate(distances, start):
            condensed[at : at + n - 1 - i] = row[i + 1 :]
            at += n - 1 - i
    return np.asarray(fcluster(linkage(condensed, "average"), k, "maxclust"), np.int64) - 1


def _round_robin(cluster: NDArray[np.int64], n: int, rng: Generator) -> NDArray[np.int64]:
    """Gives n positions: visit k of every cluster, smallest cluster first, before visit k + 1 of any."""
    _, of, size = np.unique(cluster, return_inverse=True, return_counts=True)
    shuffled = rng.permutation(len(cluster))
    by_cluster = shuffled[np.argsort(of[shuffled], kind="stable")]
    visit = np.empty(len(cluster), np.int64)
    visit[by_cluster] = np.arange(len(cluster)) - np.repeat(np.cumsum(size) - size, size)
    return np.lexsort((of, size[of], visit))[:n]
