"""k-means against scikit-learn's objective, fixed centers, and the nearest text never twice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from tyrogue import clustering, ops
from tyrogue.errors import UsageError
from tyrogue.testing.views import blobs
from tyrogue.types import Floats

RNG = np.random.default_rng


def _inertia(vectors: Floats, centers: Floats) -> float:
    return float(((vectors[:, None].astype(float) - centers[None]) ** 2).sum(2).min(1).sum())


@pytest.mark.parametrize(("spread", "k"), [(0.1, 12), (0.5, 12), (0.5, 60), (2.0, 30)])
def test_as_good_as_scikit_learn(spread: float, k: int) -> None:
    vectors, _ = blobs(1500, 32, 12, spread=spread)
    theirs = np.mean([KMeans(k, n_init=1, random_state=seed).fit(vectors).inertia_ for seed in range(5)])
    ours = [clustering.kmeans(vectors, k, RNG(seed)) for seed in range(5)]
    assert np.mean([found.inertia for found in ours]) <= 1.02 * theirs
    assert ours[0].inertia == pytest.approx(_inertia(vectors, ours[0].centers), rel=1e-3)
    assert (ours[0].assigned == ops.squared_distances(vectors, ours[0].centers).argmin(1)).mean() > 0.999


def test_more_restarts_are_never_worse() -> None:
    vectors, _ = blobs(400, 8, 20, spread=0.2)
    one, five = (clustering.kmeans(vectors, 20, RNG(3), n_init=n).inertia for n in (1, 5))
    assert five <= one


def test_the_published_setting_is_scikit_learns() -> None:
    vectors, _ = blobs(400, 8, 6, spread=0.5)
    found = clustering.kmeans(vectors, 6, RNG(3), n_init=10, published=True)
    theirs = KMeans(6, n_init=10, max_iter=300, tol=1e-4, random_state=int(RNG(3).integers(2**31))).fit(vectors)
    assert (found.assigned == theirs.labels_).all()
    with pytest.raises(UsageError, match="fixed"):
        clustering.kmeans(vectors, 6, RNG(3), fixed=vectors[:2], published=True)


def test_fixed_centers_keep_their_groups() -> None:
    vectors, group = blobs(300, 12, 6, spread=0.05)
    fixed = np.stack([vectors[group == g].mean(0) for g in (0, 4)])
    found = clustering.kmeans(vectors, 4, RNG(0), fixed=fixed)
    assert set(group[found.assigned < 0].tolist()) == {0, 4}
    assert sorted({int(group[found.assigned == cell][0]) for cell in range(4)}) == [1, 2, 3, 5]
    everything = np.concatenate([found.centers, fixed])
    assert found.inertia == pytest.approx(_inertia(vectors, everything), rel=1e-3)


def test_a_sample_moves_the_centers_and_all_are_assigned() -> None:
    vectors, _ = blobs(5000, 16, 8, spread=0.3)
    whole, part = (clustering.kmeans(vectors, 8, RNG(0), sample=sample) for sample in (None, 500))
    assert len(part.assigned) == 5000
    assert part.inertia <= 1.1 * whole.inertia


@settings(max_examples=60, deadline=None)
@for_all(
    n=st.integers(1, 50),
    k=st.integers(1, 60),
    distinct=st.integers(1, 50),
    m=st.integers(0, 5),
    seed=st.integers(0, 99),
)
def test_any_pool_gives_distinct_representatives(n: int, k: int, distinct: int, m: int, seed: int) -> None:
    """Copies, more cells than vectors, more cells than distinct vectors, everything at a fixed center."""
    rng = RNG(seed)
    vectors = ops.unit(rng.normal(size=(distinct, 3)).astype(np.float32))[rng.integers(distinct, size=n)]
    fixed = vectors[rng.integers(n, size=m)] if m else None
    found = clustering.kmeans(vectors, k, rng, fixed=fixed)
    cells = min(k, n)
    assert found.centers.shape == (cells, 3)
    assert np.isfinite(found.centers).all()
    assert found.assigned.min() >= (-1 if m else 0)
    assert found.assigned.max() < cells
    for nearest in (
        clustering.nearest_to_centers(vectors, found.centers),
        clustering.nearest_in_cells(vectors, found),
        clustering.drawn_from_cells(vectors, found, np.random.default_rng(0)),
    ):
        assert len(set(nearest.tolist())) == cells
        assert ((nearest >= 0) & (nearest < n)).all()


def test_nearest_to_centers_settles_quarrels_for_the_closer() -> None:
    vectors = np.array([[0.0], [10.0], [3.0]], np.float32)
    centers = np.array([[0.5], [0.1], [9.0]], np.float32)
    assert clustering.nearest_to_centers(vectors, centers).tolist() == [2, 0, 1]


def test_nearest_in_cells_stays_inside() -> None:
    vectors = np.array([[0.0], [1.0], [5.0]], np.float32)
    clusters = clustering.Clusters(np.array([[0.9], [1.2]], np.float32), np.array([0, 1, 1]), 0.0)
    assert clustering.nearest_in_cells(vectors, clusters).tolist() == [0, 1]
    assert clustering.nearest_to_centers(vectors, clusters.centers).tolist() == [1, 0]


def test_drawn_from_cells_takes_every_member_as_often() -> None:
    vectors = np.linspace(0, 1, 7, dtype=np.float32)[:, None]
    cells = np.array([0, 0, 0, 1, 1, 1, -1])
    clusters = clustering.Clusters(np.array([[0.0], [0.5]], np.float32), cells, 0.0)
    rng = np.random.default_rng(0)
    drawn = np.array([clustering.drawn_from_cells(vectors, clusters, rng) for _ in range(3000)])
    for cell in (0, 1):
        often = np.bincount(drawn[:, cell], minlength=7)
        assert set(np.flatnonzero(often)) == set(np.flatnonzero(cells == cell))
        assert abs(often[often > 0] - 1000).max() < 130  # five standard deviations


def test_drawn_from_cells_fills_an_empty_cell_with_what_is_left() -> None:
    vectors = np.array([[0.0], [1.0], [5.0]], np.float32)
    clusters = clustering.Clusters(np.array([[0.9], [4.0], [1.2]], np.float32), np.array([0, 0, 2]), 0.0)
    rngs = [np.random.default_rng(seed) for seed in range(20)]
    taken = {tuple(clustering.drawn_from_cells(vectors, clusters, rng).tolist()) for rng in rngs}
    assert taken == {(0, 1, 2), (1, 0, 2)}


def test_same_seed_same_cells() -> None:
    vectors, _ = blobs(500, 8, 5, spread=0.6)
    one, two = (clustering.kmeans(vectors, 20, RNG(4)) for _ in range(2))
    assert np.array_equal(one.centers, two.centers)


@pytest.mark.parametrize("wrong", [{"k": 0}, {"k": 2, "n_init": 0}, {"k": 2, "max_iter": 0}])
def test_refuses_what_cannot_be(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        clustering.kmeans(np.ones((3, 2), np.float32), rng=RNG(0), **wrong)  # type: ignore[arg-type]


def test_blocks_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, _ = blobs(300, 8, 5, spread=0.3)
    whole = clustering.kmeans(vectors, 9, RNG(1), fixed=vectors[:3])
    monkeypatch.setattr(clustering, "BLOCK", 37)
    assert (clustering.kmeans(vectors, 9, RNG(1), fixed=vectors[:3]).assigned == whole.assigned).mean() > 0.99
