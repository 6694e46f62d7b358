"""TypiClust: the most typical text of each cluster that holds no label yet."""

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
from tyrogue.types import Floats, Selection

LARGE = 4096
"""Members of a cluster above which typicality is measured against so many of them, drawn at random."""


@dataclass(frozen=True)
class TypiClust:
    """Clusters labeled and open rows into |L| + n cells of the frozen embedding, visits those with the fewest
    labels first, larger before smaller, and takes in each the open row of highest typicality: one over the
    mean distance to its nearest neighbors in the cell (Hacohen et al., 2022). `score` is the typicality.

    Attributes:
        neighbors: how many, at most half of the cell.
        max_clusters: cells at most.
        min_size: smaller cells are visited only when the others are used up.
    """

    neighbors: int = 20
    max_clusters: int = 500
    min_size: int = 6

    cold_start: ClassVar[bool] = True
    whole_pool: ClassVar[bool] = True
    citation: ClassVar[str] = (
        "Hacohen et al. (2022), Active Learning on a Budget: Opposite Strategies Suit High and Low Budgets"
    )

    def __post_init__(self) -> None:
        if self.neighbors < 1 or self.max_clusters < 1:
            raise UsageError(f"neighbors and max_clusters of {self} must be at least 1.")

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        rows, (vectors,) = parts.sweep(view, lambda block: ops.unit(view.static(block)))
        labeled = ops.unit(view.static(view.labeled)) if len(view.labeled) else vectors[:0]
        k = min(len(labeled) + n, self.max_clusters)
        everything = np.concatenate([vectors, labeled])
        cells = clustering.kmeans(everything, k, rng, sample=max(parts.EXACT_UP_TO, 20 * k)).assigned
        open_in = _members(cells[: len(rows)], k)
        visits = self._visits(cells, len(rows), k)
        chosen = [
            self._most_typical(vectors, open_in, cell, rng) for cell in _cycle(visits, open_in, min(n, len(rows)))
        ]
        positions = np.array([position for position, _ in chosen], np.int64)
        cell = cells[positions]
        typicality = np.array([value for _, value in chosen], np.float32)
        return parts.ranked(
            rows[positions], typicality, "typical", cluster=cell, cluster_size=np.bincount(cells, minlength=k)[cell]
        )

    def _visits(self, cells: NDArray[np.int64], n_open: int, k: int) -> NDArray[np.int64]:
        """Gives the cells in the order in which they are visited."""
        size = np.bincount(cells, minlength=k)
        labels = np.bincount(cells[n_open:], minlength=k)
        return np.lexsort((-size, labels, size < self.min_size))

    def _most_typical(
        self, vectors: Floats, open_in: list[NDArray[np.int64]], cell: int, rng: Generator
    ) -> tuple[int, float]:
        """Takes the most typical open member out of a cell: its position and typicality."""
        members = open_in[cell]
        typical = typicality(vectors[members], min(self.neighbors, len(members) // 2), rng)
        best = int(typical.argmax())
        open_in[cell] = np.delete(members, best)
        return int(members[best]), float(typical[best])


def typicality(vectors: Floats, neighbors: int, rng: Generator) -> Floats:
    """Gives 1 / (mean distance to the nearest neighbors + 1e-5), shape (n,); the same for all when alone."""
    if not neighbors:
        return np.ones(len(vectors), np.float32)
    some = vectors if len(vectors) <= LARGE else vectors[np.sort(rng.choice(len(vectors), LARGE, replace=False))]
    mean = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), 1024):
        block = slice(start, start + 1024)
        distances = np.sqrt(ops.squared_distances(vectors[block], some))
        # the nearest of all is the vector itself
        mean[block] = np.sort(np.partition(distances, neighbors, axis=1)[:, : neighbors + 1], axis=1)[:, 1:].mean(1)
    return np.asarray(1 / (mean + 1e-5), np.float32)


def _members(cells: NDArray[np.int64], k: int) -> list[NDArray[np.int64]]:
    order = np.argsort(cells, kind="stable")
    return np.split(order, np.cumsum(np.bincount(cells, minlength=k))[:-1])


def _cycle(visits: NDArray[np.int64], open_in: list[NDArray[np.int64]], n: int) -> list[int]:
    """Gives the n cells to take one row of: round and round the visits, leaving out those used up.

    Cells too small to be clusters come last in `visits`, so they are reached in the first lap only when n
    exceeds the number of the others.
    """
    left = [len(open_in[cell]) for cell in visits]
    taken = list[int]()
    lap = 0
    while len(taken) < n:
        taken += [int(cell) for cell, size in zip(visits, left, strict=True) if size > lap]
        lap += 1
    return taken[:n]
