"""k-means on unit vectors, and the text nearest to each center without ever repeating one.

Our own Lloyd instead of scikit-learn's: on 10,000 sentence embeddings and 150 centers it is several times
faster at an inertia within one percent (`benchmarks/kmeans.py`), because it seeds on a sub-sample, sums the
cells by one sparse product and stops when hardly a vector moves. `published=True` asks for scikit-learn's.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tyrogue import ops
from tyrogue.errors import UsageError
from tyrogue.types import Floats

Positions = NDArray[np.int64]

SEEDING_SAMPLE = 2000
"""Vectors that seeding looks at: D^2 sampling costs k passes, and a sub-sample seeds as well."""

MOST_PRODUCTS = 6144
"""Vectors whose inner products with one another seeding holds in memory (150 MB)."""

SETTLED = 0.005
"""Lloyd stops when a smaller share of the vectors than this changes its cell."""

BLOCK = 8192
"""Vectors assigned at a time: bounds the memory at BLOCK * k floats."""


class Clusters(NamedTuple):
    """A partition of n vectors into at most k cells."""

    centers: Floats
    """(k, d), not normalised (k-means on unit vectors, as published, not spherical k-means)."""
    assigned: Positions
    """(n,) the cell of each vector; -1 where a fixed center is at least as near as any of these."""
    inertia: float
    """Sum of squared distances to the nearest center, fixed ones included."""


def kmeans(
    vectors: Floats,
    k: int,
    rng: Generator,
    *,
    fixed: Floats | None = None,
    n_init: int = 1,
    max_iter: int = 10,
    sample: int | None = None,
    published: bool = False,
) -> Clusters:
    """Partitions vectors (n, d) into min(k, n) cells: Lloyd's algorithm from k-means++ seeds, in float32.

    Args:
        fixed: (m, d) further centers that never move; the k are found around them.
        n_init: how often to start afresh, keeping the smallest inertia.
        max_iter: Lloyd iterations.
        sample: move the centers by so many vectors, drawn at random, instead of all.
        published: the setting of the paper's code: scikit-learn, up to 300 iterations, tolerance 1e-4
            (together with `n_init=10`).
    """
    if k < 1 or n_init < 1 or max_iter < 1:
        raise UsageError(f"k={k}, n_init={n_init} and max_iter={max_iter} of k-means must be at least 1.")
    vectors, k = np.ascontiguousarray(vectors, np.float32), min(k, len(vectors))
    if published:
        if fixed is not None:
            raise UsageError("The published k-means knows no fixed centers: leave out fixed= or published=.")
        return _published(vectors, k, rng, n_init)
    drawn = vectors if sample is None or sample >= len(vectors) else vectors[_drawn(len(vectors), sample, rng)]
    bound = None if fixed is None or not len(fixed) else np.ascontiguousarray(fixed, np.float32)
    starts = (_lloyd(drawn, min(k, len(drawn)), rng, bound, max_iter) for _ in range(n_init))
    best = min(starts, key=lambda found: found.inertia)
    return best if drawn is vectors else _assign(vectors, best.centers, _reach(vectors, bound))


def _lloyd(vectors: Floats, k: int, rng: Generator, fixed: Floats | None, max_iter: int) -> Clusters:
    reach, length = _reach(vectors, fixed), (vectors * vectors).sum(1)
    found = _assign(vectors, _seeds(vectors, k, rng, fixed), reach, length)
    for _ in range(max_iter - 1):
        moved = _assign(vectors, _means(vectors, found), reach, length)
        changed = np.count_nonzero(moved.assigned != found.assigned)
        found = moved
        if changed < SETTLED * len(vectors):
            break
    return found


def _seeds(vectors: Floats, k: int, rng: Generator, fixed: Floats | None) -> Floats:
    some = vectors[_drawn(len(vectors), max(SEEDING_SAMPLE, 4 * k), rng)]
    length = (some * some).sum(1)
    # All products at once: k times a few of them take three times as long.
    inner = some @ some.T if len(some) <= MOST_PRODUCTS else None

    def distances_to(positions: Positions) -> Floats:
        products = some @ some[positions].T if inner is None else inner[positions].T
        return np.asarray(length[:, None] + length[positions] - 2 * products, np.float32)

    reach = _reach(some, fixed)
    return np.asarray(some[d2_sample(distances_to, len(some), k, rng, reach=reach, trials=2 + int(np.log(k)))])


def d2_sample(
    distances_to: Callable[[Positions], Floats],
    n: int,
    k: int,
    rng: Generator,
    *,
    first: int | None = None,
    reach: Floats | None = None,
    trials: int = 1,
) -> Positions:
    """Gives k distinct positions of n by D^2 sampling, the seeding of k-means++ (Arthur and Vassilvitskii, 2007).

    Each is drawn with probability proportional to its squared distance to the nearest one chosen before;
    uniformly among the others when no distance is left.

    Args:
        distances_to: gives the squared distances (n, t) of all to those at t positions.
        first: the first to choose; drawn when None.
        reach: (n,) squared distances to what is covered already.
        trials: draw so many each time and keep the one that leaves the least total distance.
    """
    chosen = np.empty(k, np.int64)
    free = np.ones(n, bool)
    left = None if reach is None else np.maximum(reach, 0)
    for step in range(k):
        if step == 0 and first is not None:
            drawn = np.array([first])
        else:
            weight = np.asarray(free, np.float32) if left is None else left * free
            drawn = _weighted(weight, free, trials if step else 1, rng)
        after = np.maximum(distances_to(drawn), 0)
        after = after if left is None else np.minimum(after, left[:, None])
        best = int(after.sum(0, dtype=np.float64).argmin()) if len(drawn) > 1 else 0
        chosen[step], left = drawn[best], after[:, best]
        free[chosen[step]] = False
    return chosen


def _weighted(weight: Floats, free: NDArray[np.bool_], size: int, rng: Generator) -> Positions:
    """Draws positions, with replacement, with probability proportional to their weight."""
    total = np.cumsum(weight, dtype=np.float64)
    if total[-1] <= 0:  # only copies of what was chosen are left
        return np.asarray(rng.choice(np.flatnonzero(free), 1), np.int64)
    # "right" steps over weights of zero; the last position with weight is the guard against rounding
    drawn = np.searchsorted(total, rng.random(size) * total[-1], side="right")
    return np.asarray(np.minimum(drawn, np.flatnonzero(weight)[-1]), np.int64)


def _means(vectors: Floats, found: Clusters) -> Floats:
    """Gives the mean of each cell; an empty cell moves to the vector worst served, or stays."""
    from scipy.sparse import csr_array  # three times as fast as sorted segment sums

    k, inside = len(found.centers), np.flatnonzero(found.assigned >= 0)
    cells = found.assigned[inside]
    size = np.bincount(cells, minlength=k)
    member = csr_array((np.ones(len(inside), np.float32), (cells, inside)), shape=(k, len(vectors)))
    means = np.where(size[:, None] > 0, (member @ vectors) / np.maximum(size, 1)[:, None], found.centers)
    empty = np.flatnonzero(size == 0)
    if len(empty):
        served = ((vectors[inside] - means[cells]) ** 2).sum(1)
        worst = ops.top(served, len(empty))
        worst = worst[served[worst] > 1e-6]  # copies of one text cannot fill two cells
        means[empty[: len(worst)]] = vectors[inside[worst]]
    return np.asarray(means, np.float32)


def _assign(vectors: Floats, centers: Floats, reach: Floats | None, length_of: Floats | None = None) -> Clusters:
    assigned, inertia = np.empty(len(vectors), np.int64), 0.0
    length_of = (vectors * vectors).sum(1) if length_of is None else length_of
    length, turned = (centers * centers).sum(1), np.ascontiguousarray(-2 * centers.T)
    for some in _blocks(len(vectors)):
        block = vectors[some]
        distances = block @ turned
        distances += length
        nearest = distances.argmin(1)
        served = distances[np.arange(len(block)), nearest] + length_of[some]
        if reach is not None:
            nearest = np.where(reach[some] <= served, -1, nearest)
            served = np.minimum(served, reach[some])
        assigned[some] = nearest
        inertia += float(np.maximum(served, 0).sum(dtype=np.float64))
    return Clusters(centers, assigned, inertia)


def _reach(vectors: Floats, fixed: Floats | None) -> Floats | None:
    """Gives the squared distance of each vector to the nearest fixed center."""
    return None if fixed is None else nearest_distances(vectors, fixed)


def nearest_distances(vectors: Floats, targets: Floats) -> Floats:
    """Gives the squared distance of each vector (n, d) to the nearest target (m, d), in bounded memory."""
    nearest = np.empty(len(vectors), np.float32)
    for some in _blocks(len(vectors)):
        nearest[some] = ops.squared_distances(vectors[some], targets).min(1)
    return nearest


def _published(vectors: Floats, k: int, rng: Generator, n_init: int) -> Clusters:
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # Fewer distinct vectors than clusters: some cells stay empty, which nearest_to_centers fills.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = KMeans(k, n_init=n_init, max_iter=300, tol=1e-4, random_state=int(rng.integers(2**31))).fit(vectors)
    return Clusters(fitted.cluster_centers_.astype(np.float32), fitted.labels_.astype(np.int64), float(fitted.inertia_))


def nearest_to_centers(vectors: Floats, centers: Floats) -> Positions:
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


def nearest_in_cells(vectors: Floats, clusters: Clusters) -> Positions:
    """Gives for each cell the position of its member nearest to its center, no position twice.

    An empty cell takes the nearest vector that no other cell took.
    """
    return _first_of_cells(vectors, clusters, _served(vectors, clusters))


def drawn_from_cells(vectors: Floats, clusters: Clusters, rng: Generator) -> Positions:
    """Gives for each cell the position of one of its members, drawn uniformly, no position twice.

    An empty cell takes the nearest vector that no other cell took.
    """
    return _first_of_cells(vectors, clusters, rng.random(len(vectors), np.float32))


def _first_of_cells(vectors: Floats, clusters: Clusters, cost: Floats) -> Positions:
    """Gives the member of the least cost (n,) of each cell."""
    inside = np.flatnonzero(clusters.assigned >= 0)
    cells = clusters.assigned[inside]
    order = np.lexsort((inside, cost[inside], cells))
    filled, head = np.unique(cells[order], return_index=True)
    chosen = np.full(len(clusters.centers), -1, np.int64)
    chosen[filled] = inside[order[head]]
    used = np.zeros(len(vectors), bool)
    used[chosen[filled]] = True
    for cell in np.flatnonzero(chosen < 0):
        far = ops.squared_distances(clusters.centers[cell : cell + 1], vectors)[0]
        chosen[cell] = int(np.where(used, np.inf, far).argmin())
        used[chosen[cell]] = True
    return chosen


def _served(vectors: Floats, clusters: Clusters) -> Floats:
    """Gives the squared distance of each vector (n, d) to the center of its cell; 0 outside of all."""
    served, inside = np.zeros(len(vectors), np.float32), np.flatnonzero(clusters.assigned >= 0)
    served[inside] = ((vectors[inside] - clusters.centers[clusters.assigned[inside]]) ** 2).sum(1)
    return served


def _drawn(n: int, size: int, rng: Generator) -> Positions:
    return np.asarray(rng.permutation(n)[:size] if size < n else np.arange(n), np.int64)


def _blocks(n: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, n, BLOCK))
