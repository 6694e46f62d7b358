"""How much of a batch is wasted: near copies of one another, of what is labeled, of what the model knows.

All on unit vectors of one fixed encoder (a method must not be judged in the space that it optimises), so that a
dot product is a cosine similarity. Divide by `matched` batches to read a number: 1 is "like random".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tyrogue import coverage
from tyrogue.errors import UsageError
from tyrogue.types import Floats, Labels

# Within a batch


def sibling_similarity(batch: Floats) -> float:
    """Gives the mean similarity of each vector (b, d) to its nearest sibling; NaN for fewer than two."""
    return float(_siblings(batch).mean()) if len(batch) > 1 else float("nan")


def near_duplicate_rate(batch: Floats, threshold: float) -> float:
    """Gives the share of vectors with a sibling more similar than the threshold (see `pool_threshold`)."""
    return float((_siblings(batch) > threshold).mean()) if len(batch) > 1 else 0.0


def pool_threshold(pool: Floats, b: int, rng: Generator, *, draws: int = 100) -> float:
    """Gives the 99th percentile of nearest-sibling similarity in random batches of b: what counts as a near copy."""
    drawn = (_siblings(pool[rng.choice(len(pool), b, replace=False)]) for _ in range(draws))
    return float(np.percentile(np.concatenate(list(drawn)), 99))


def effective_size(batch: Floats) -> float:
    """Gives the Vendi score: how many different texts the batch amounts to, 1 to b (Friedman and Dieng, 2023).

    exp of the entropy of the eigenvalues of K / b, with K the similarities.
    """
    values = np.linalg.eigvalsh(_similarities(batch) / len(batch))
    positive = values[values > 1e-12]
    return float(np.exp(-(positive * np.log(positive)).sum()))


def log_determinant(batch: Floats, *, ridge: float = 1e-3) -> float:
    """Gives log det(K + ridge I): the log of the squared volume that the batch spans."""
    return float(np.linalg.slogdet(_similarities(batch) + ridge * np.eye(len(batch)))[1])


# Between a batch and what was labeled before


def labeled_similarity(batch: Floats, labeled: Floats) -> float:
    """Gives the mean similarity of each vector (b, d) to the nearest labeled one (l, d); NaN without labels."""
    return float((batch @ labeled.T).max(1).mean()) if len(labeled) else float("nan")


def covered_rate(batch: Floats, labeled: Floats, pool: Floats, *, neighbors: int = 10) -> float:
    """Gives the share of the batch that has a labeled vector within the distance of its `neighbors`-th pool neighbor.

    The radius is each vector's own, so dense regions are judged finely. `pool` (n, d) may hold the batch.
    """
    if not len(labeled):
        return 0.0
    if len(pool) <= neighbors:
        raise UsageError(f"A pool of {len(pool)} has no neighbor number {neighbors}: ask for fewer.")
    nearest = -np.partition(-(batch @ pool.T), neighbors, axis=1)
    # the nearest of all is the vector itself when the pool holds it
    own = np.isclose(nearest[:, :neighbors].max(1), 1, atol=1e-5)
    ordered = -np.sort(-nearest[:, : neighbors + 1], axis=1)
    reach = np.where(own, ordered[:, neighbors], ordered[:, neighbors - 1])
    return float(((batch @ labeled.T).max(1) > reach).mean())


def coverage_gain(batch: Floats, labeled: Floats, pool: Floats) -> float:
    """Gives by how much each label of the batch raises the similarity of the pool to the nearest labeled vector:
    [sum_y max over labeled and batch - sum_y max over labeled] / b. Similarities below 0 count as 0."""
    before = coverage.covered_by(pool, labeled, _similarity)
    after = np.maximum(before, coverage.covered_by(pool, batch, _similarity))
    return float((after - before).sum(dtype=np.float64) / len(batch))


def greatest_coverage_gain(candidates: Floats, labeled: Floats, pool: Floats, b: int) -> float:
    """Gives the `coverage_gain` of the batch that greedy facility location chooses of the candidates: a practical
    upper bound, at least 63% of the true one."""
    before = coverage.covered_by(pool, labeled, _similarity)
    chosen = coverage.greedy(candidates, pool, b, _similarity, covered=before).chosen
    return coverage_gain(candidates[chosen], labeled, pool) * len(chosen) / b


def cell_repeat_rate(
    batch_cells: NDArray[np.int64], batch_classes: Labels, labeled_cells: NDArray[np.int64], labeled_classes: Labels
) -> float:
    """Gives the share of the batch that falls into a cell which already holds a label of the same true class.

    Cells are those of one fixed clustering of the pool (200 k-means cells, say).
    """
    known = set(zip(labeled_cells.tolist(), labeled_classes.tolist(), strict=True))
    repeats = [pair in known for pair in zip(batch_cells.tolist(), batch_classes.tolist(), strict=True)]
    return float(np.mean(repeats))


# Between a batch and what the model knew


def already_known_rate(
    batch: Floats,
    classes: Labels,
    probabilities: Floats,
    labeled: Floats,
    labeled_classes: Labels,
    *,
    confidence: float = 0.9,
    neighbors: int = 5,
) -> float:
    """Gives the share of the batch whose label told nothing new.

    Such a text was predicted right with at least this confidence by the model before it (`probabilities`,
    (b, C)), and most of its nearest labeled neighbors are of its class.
    """
    if not len(labeled):
        return 0.0
    sure = (probabilities.argmax(1) == classes) & (probabilities.max(1) >= confidence)
    nearest = np.argsort(-(batch @ labeled.T), axis=1, kind="stable")[:, :neighbors]
    same = labeled_classes[nearest] == classes[:, None]
    return float((sure & (2 * same.sum(1) > nearest.shape[1])).mean())


# Against chance


class Matched(NamedTuple):
    """A metric of a batch beside that of random batches of its size."""

    value: float
    random: float
    """Mean over the random batches."""
    ratio: float
    """value / random: 1 is like random; NaN when random is 0."""
    z: float
    """(value - random) / standard deviation; NaN when that is 0."""


def matched(
    metric: Callable[[NDArray[np.int64]], float],
    batch: NDArray[np.int64],
    open_rows: NDArray[np.int64],
    rng: Generator,
    *,
    draws: int = 100,
) -> Matched:
    """Gives a metric of a batch and of random batches of the same size from the same open rows.

    Args:
        metric: of the rows of a batch.
        open_rows: those that were open when the batch was chosen, the batch included.
    """
    chance = np.array([metric(rng.choice(open_rows, len(batch), replace=False)) for _ in range(draws)])
    value, mean, deviation = metric(batch), float(chance.mean()), float(chance.std(ddof=1)) if draws > 1 else 0.0
    ratio = value / mean if mean else float("nan")
    return Matched(value, mean, ratio, (value - mean) / deviation if deviation else float("nan"))


def _similarities(batch: Floats) -> NDArray[np.float64]:
    vectors = batch.astype(np.float64)
    return np.asarray(vectors @ vectors.T)


def _siblings(batch: Floats) -> NDArray[np.float64]:
    similarities = _similarities(batch)
    np.fill_diagonal(similarities, -np.inf)
    return np.asarray(similarities.max(1))


def _similarity(similarity: Floats) -> Floats:
    return np.maximum(similarity, 0)
