"""Bounded memory: no gradients of C * d numbers, no matrix of n x n; peaks as the allocator sees them."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tyrogue.pool import Pool, Texts
from tyrogue.protocols import Strategy
from tyrogue.strategies import (
    Badge,
    BertKM,
    Cal,
    ClusterMargin,
    CoreSet,
    DropQuery,
    FTbertKM,
    Margin,
    MaxHerding,
    ProbCover,
    TypiClust,
    Tyrogue,
    UHerding,
)
from tyrogue.testing.views import GivenEmbedder, GivenModel, blobs
from tyrogue.view import PoolView

N, WIDTH, CLASSES = 60_000, 64, 14
ONE_COPY = N * WIDTH * 4
AT_MOST = 64 * 2**20
"""Beside the copies: blocks, samples and their products, whatever the pool."""

STRATEGIES: list[tuple[Strategy, float]] = [
    (Margin(), 0.5),
    (Tyrogue(), 0.5),
    (Cal(), 0.5),
    (ClusterMargin(), 0.5),
    (CoreSet(), 2),
    (BertKM(), 3),
    (FTbertKM(), 3),
    (Badge(), 4),
    (TypiClust(), 4),
    (DropQuery(), 4),
    (MaxHerding(), 2),
    (ProbCover(), 2),
    (UHerding(), 2),
]


@pytest.mark.parametrize(
    ("strategy", "copies"), STRATEGIES, ids=[type(strategy).__name__ for strategy, _ in STRATEGIES]
)
def test_peak_is_a_few_copies_of_the_features(strategy: Strategy, copies: float) -> None:
    """Explicit gradients would be 14 copies, all pairs 900."""
    vectors, classes = blobs(N, WIDTH, CLASSES, spread=0.3)
    pool = Pool(Texts(range(N)))  # type: ignore[arg-type]
    pool.teach(np.arange(0, N, 1200), classes[::1200])
    weights = np.eye(WIDTH, CLASSES, dtype=np.float32)
    view = PoolView(pool, GivenModel(vectors, weights), GivenEmbedder(vectors), n_classes=CLASSES, mode="current")
    tracemalloc.start()
    try:
        selection = strategy.query(view, 20, np.random.default_rng(0))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(selection.rows) >= 20
    assert peak < copies * ONE_COPY + AT_MOST, f"{peak / ONE_COPY:.1f} copies"
