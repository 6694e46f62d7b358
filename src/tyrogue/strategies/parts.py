"""What several strategies are made of: a sweep of the pool, cells and their representatives, the ranked answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tyrogue import clustering, coverage, ops
from tyrogue.protocols import View
from tyrogue.types import Floats, Rows, Selection

EXACT_UP_TO = 10_000
"""Open rows up to which methods quadratic in the pool run exactly as published."""

ANCHORS = 4096
"""Rows that stand for a larger pool in those methods."""


def sweep(view: View, *ask: Callable[[Rows], Floats]) -> tuple[Rows, list[Floats]]:
    """Gives all open rows and, aligned with them, what each function says of them.

    The pool passes by in blocks, so that beside the answer only one block is in memory.
    """
    rows, answers = np.empty(view.size, np.int64), list[Floats]()
    at = 0
    for block in view.blocks():
        parts = [function(block) for function in ask]
        if not at:
            answers = [np.empty((len(rows), *part.shape[1:]), np.float32) for part in parts]
        rows[at : at + len(block)] = block
        for answer, part in zip(answers, parts, strict=True):
            answer[at : at + len(block)] = part
        at += len(block)
    return rows, answers


def anchors(n: int, rng: Generator) -> NDArray[np.int64]:
    """Gives the positions of n that stand for all: all of them up to `EXACT_UP_TO`, else `ANCHORS`, sorted."""
    return np.arange(n) if n <= EXACT_UP_TO else np.sort(rng.choice(n, ANCHORS, replace=False)).astype(np.int64)


def ranked(rows: Rows, score: Floats, step: str | NDArray[Any], **facts: NDArray[Any]) -> Selection:
    """Gives the rows as an answer, highest score first, ties in the order given."""
    order = ops.top(score, len(score))
    steps = np.full(len(rows), step) if isinstance(step, str) else step
    aligned = {"step": steps, **facts}
    return Selection(rows[order], np.asarray(score, np.float32)[order], {k: fact[order] for k, fact in aligned.items()})


def most_uncertain(view: View, n: int, score_of: Callable[[Rows], Floats]) -> Selection:
    """Gives the n open rows of the highest score."""
    rows, (score,) = sweep(view, score_of)
    best = ops.top(score, n)
    return ranked(rows[best], score[best], "uncertain")


class Cells(NamedTuple):
    """One representative of each cell."""

    nearest: NDArray[np.int64]
    """Position of the representative of each cell."""
    size: NDArray[np.int64]
    """How many vectors it stands for, itself included."""


def representatives(vectors: Floats, n: int, rng: Generator, *, within: bool = False) -> Cells:
    """Gives the vectors nearest to the centers of n k-means cells.

    Args:
        within: nearest among the cell's own members instead of among all vectors.
    """
    clusters = clustering.kmeans(vectors, n, rng)
    if within:
        nearest = clustering.nearest_in_cells(vectors, clusters)
    else:
        nearest = clustering.nearest_to_centers(vectors, clusters.centers)
    return Cells(nearest, sizes(clusters))


def sizes(clusters: clustering.Clusters) -> NDArray[np.int64]:
    """Gives the number of members of each cell; an empty one stands for its representative alone."""
    members = clusters.assigned[clusters.assigned >= 0]
    return np.maximum(np.bincount(members, minlength=len(clusters.centers)), 1)


def largest_first(rows: Rows, cells: Cells, step: str = "diverse", **facts: NDArray[Any]) -> Selection:
    """Gives representatives as an answer: what stands for most texts first."""
    return ranked(
        rows, cells.size.astype(np.float32), step, cluster=np.arange(len(rows)), cluster_size=cells.size, **facts
    )


def covering(rows: Rows, cover: coverage.Cover, n: int, rng: Generator) -> Selection:
    """Gives a greedy cover as an answer, filled up at random where nothing was left to gain."""
    others = rng.permutation(np.setdiff1d(np.arange(len(rows)), cover.chosen))
    rest = others[: min(n, len(rows)) - len(cover.chosen)]
    score = np.concatenate([cover.gains, np.zeros(len(rest), np.float32)])
    step = np.repeat(["covers", "random"], [len(cover.chosen), len(rest)])
    return ranked(rows[np.concatenate([cover.chosen, rest])], score, step)


def ranks(score: Floats) -> NDArray[np.int64]:
    """Gives the rank of each, 0 for the highest score, ties by position."""
    place = np.empty(len(score), np.int64)
    place[ops.top(score, len(score))] = np.arange(len(score))
    return place
