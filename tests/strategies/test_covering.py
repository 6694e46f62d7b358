"""Greedy coverage against brute force; ProbCover's graph, MaxHerding's kernel, UHerding's limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tyrogue import coverage, ops
from tyrogue.strategies import MaxHerding, ProbCover, UHerding, parts
from tyrogue.strategies.probcover import pure_radius
from tyrogue.strategies.uherding import spacing, temperature
from tyrogue.testing.views import WatchedView, blobs, given
from tyrogue.types import Floats, Rows


def _view(n: int = 150, labeled: int = 6, scale: float = 3.0, **more: object) -> WatchedView:
    vectors, classes = blobs(n, 8, 3, seed=21, spread=0.4)
    known = np.random.default_rng(3).choice(n, labeled, replace=False)
    labels = {int(row): int(classes[row]) for row in known}
    weights = np.asarray(scale * np.random.default_rng(1).normal(size=(8, 3)), np.float32)
    return given(vectors, weights, labels=labels, closed=[1, 4], **more)  # type: ignore[arg-type]


def _open(view: WatchedView) -> Rows:
    return np.concatenate(list(view.pool.blocks()))


def _brute(
    kernel: NDArray[np.float64], weight: NDArray[np.float64], covered: NDArray[np.float64], n: int
) -> tuple[list[int], list[float]]:
    """Plain greedy on the whole kernel (candidates, targets)."""
    chosen, gains = list[int](), list[float]()
    for _ in range(n):
        gain = (np.maximum(kernel - covered, 0) * weight).mean(1)
        gain[chosen] = -1
        best = int(gain.argmax())
        if gain[best] <= 0:
            break
        chosen.append(best)
        gains.append(float(gain[best]))
        covered = np.maximum(covered, kernel[best])
    return chosen, gains


def _distances(a: Floats, b: Floats) -> NDArray[np.float64]:
    return np.array(np.linalg.norm(a[:, None].astype(float) - b[None].astype(float), axis=2))


@settings(max_examples=40, deadline=None)
@for_all(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 60), st.integers(1, 30))
def test_lazy_greedy_is_greedy(seed: int, n_candidates: int, n_targets: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    candidates, targets = (ops.unit(rng.normal(size=(m, 4)).astype(np.float32)) for m in (n_candidates, n_targets))
    weight, covered = rng.random(n_targets), rng.random(n_targets) * 0.5
    got = coverage.greedy(
        candidates,
        targets,
        n,
        coverage.gaussian(0.8),
        weight=weight.astype(np.float32),
        covered=covered.astype(np.float32),
    )
    kernel = np.exp(-((_distances(candidates, targets) / 0.8) ** 2))
    _, gains = _brute(kernel, weight, covered, n)
    # rounding may settle a tie otherwise; what is gained may not differ
    assert got.gains.sum() == pytest.approx(sum(gains), abs=2e-5)
    assert (np.diff(got.gains) <= 0).all()
    assert len(np.unique(got.chosen)) == len(got.chosen)


def test_lazy_greedy_in_small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, _ = blobs(200, 6, 4, spread=0.5)
    whole = coverage.greedy(vectors, vectors, 20, coverage.gaussian(0.5)).chosen.tolist()
    monkeypatch.setattr(coverage, "BLOCK_CELLS", 999)
    monkeypatch.setattr(coverage, "LOOK_AGAIN", 1)
    assert coverage.greedy(vectors, vectors, 20, coverage.gaussian(0.5)).chosen.tolist() == whole


def test_ties_go_to_the_lower_position() -> None:
    corners = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)
    assert coverage.greedy(corners, corners, 3, coverage.ball(0.5)).chosen.tolist() == [0, 4, 8]


def test_maxherding_is_greedy_on_the_kernel() -> None:
    view = _view()
    rows = _open(view)
    vectors = view.static(np.arange(150))
    kernel = np.exp(-(_distances(vectors[rows], vectors[rows]) ** 2))
    covered = np.exp(-(_distances(vectors[rows], vectors[view.labeled]) ** 2)).max(1)
    chosen, gains = _brute(kernel, np.ones(len(rows)), covered, 15)
    got = MaxHerding().query(view, 15, np.random.default_rng(0))
    assert got.rows.tolist() == rows[chosen].tolist()
    assert got.score.tolist() == pytest.approx(gains, abs=1e-5)


def test_probcover_is_greedy_on_the_graph() -> None:
    view, delta = _view(), 0.6
    rows = _open(view)
    vectors = view.static(np.arange(150))
    graph = _distances(vectors, vectors) < delta
    uncovered = {int(y) for y in rows if not graph[view.labeled, y].any()}
    wanted = []
    for _ in range(8):
        best = max(rows.tolist(), key=lambda x: (sum(graph[x, y] for y in uncovered), -x))
        wanted.append(best)
        uncovered -= {y for y in uncovered if graph[best, y]}
    assert uncovered
    assert ProbCover(delta=delta).query(view, 8, np.random.default_rng(0)).rows.tolist() == wanted


@pytest.mark.filterwarnings("ignore:The maximum purity")
def test_probcover_agrees_with_scikit_activeml() -> None:
    pool = pytest.importorskip("skactiveml.pool")
    vectors, _ = blobs(120, 8, 3, seed=5, spread=0.4)
    view = given(vectors, np.eye(8, 3, dtype=np.float32), fitted=False)
    theirs = pool.ProbCover(random_state=0, n_classes=3, deltas=[0.6]).query(
        X=vectors, y=np.full(120, np.nan), batch_size=6, return_utilities=True
    )[1]
    ours = ProbCover(delta=0.6).query(view, 6, np.random.default_rng(0))
    # their ties fall at random, so compare how much each step covers
    reached = np.nanmax(theirs, axis=1)
    assert (ours.score * 120).tolist() == pytest.approx(reached.tolist(), abs=1e-3)


def test_probcover_goes_on_at_random_when_all_is_covered() -> None:
    view = _view()
    got = ProbCover(delta=2.0).query(view, 20, np.random.default_rng(0))
    steps = got.facts["step"].tolist()
    assert len(set(got.rows.tolist())) == 20
    assert steps.count("random") >= 18


@pytest.mark.parametrize("purity", [0.5, 0.8, 0.95, 1.0])
def test_radius_is_the_largest_with_enough_pure_balls(purity: float) -> None:
    vectors, _ = blobs(90, 8, 3, seed=9, spread=0.45)
    radius = pure_radius(vectors, 3, purity, np.random.default_rng(4))
    from tyrogue.clustering import kmeans

    guess = kmeans(vectors, 3, np.random.default_rng(4)).assigned
    distances = _distances(vectors, vectors)

    def share(delta: float) -> float:
        return float(np.mean([(guess[distances[x] < delta] == guess[x]).all() for x in range(90)]))

    assert share(radius - 1e-3) >= purity
    assert share(radius + 1e-2) < purity


def test_uherding_weighs_by_doubt() -> None:
    view = _view()
    rows = _open(view)
    vectors = view.static(np.arange(150))
    sigma, t = 0.5, 2.0
    p = np.sort(ops.softmax(view.logits(rows) / np.float32(t)).astype(float), axis=1)
    weight = 1 - (p[:, -1] - p[:, -2])
    kernel = np.exp(-((_distances(vectors[rows], vectors[rows]) / sigma) ** 2))
    covered = np.exp(-((_distances(vectors[rows], vectors[view.labeled]) / sigma) ** 2)).max(1)
    chosen, gains = _brute(kernel, weight, covered, 15)
    got = UHerding(sigma=sigma, temperature=t).query(view, 15, np.random.default_rng(0))
    assert got.rows.tolist() == rows[chosen].tolist()
    assert got.score.tolist() == pytest.approx(gains, abs=1e-5)


def test_uherding_at_infinite_temperature_is_maxherding() -> None:
    hot = UHerding(sigma=1.0, temperature=1e6).query(_view(), 15, np.random.default_rng(0)).rows
    assert hot.tolist() == MaxHerding().query(_view(), 15, np.random.default_rng(0)).rows.tolist()


def test_uherding_with_a_point_kernel_is_margin() -> None:
    from tyrogue.strategies import Margin

    point = UHerding(sigma=0.03, temperature=1.0).query(_view(), 15, np.random.default_rng(0)).rows
    assert point.tolist() == Margin().query(_view(), 15, np.random.default_rng(0)).rows.tolist()


def test_uherding_cold_is_maxherding() -> None:
    vectors, _ = blobs(60, 6, 3)
    cold = given(vectors, np.eye(6, 3, dtype=np.float32), fitted=False, round=0)
    assert (
        UHerding().query(cold, 9, np.random.default_rng(0)).rows.tolist()
        == MaxHerding().query(cold, 9, np.random.default_rng(0)).rows.tolist()
    )


def test_spacing_of_labels() -> None:
    angles = np.array([0.0, 0.5, 1.2, 2.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    nearest = [2 * np.sin(0.25), 2 * np.sin(0.25), 2 * np.sin(0.35), 2 * np.sin(0.4)]
    assert spacing(vectors) == pytest.approx(np.percentile(nearest, 5), abs=1e-5)
    assert spacing(vectors[:1]) == spacing(vectors[:0]) == 1.0
    assert spacing(np.repeat(vectors[:1], 5, axis=0)) == pytest.approx(0.2)


def test_temperature_finds_over_confidence() -> None:
    rng = np.random.default_rng(0)
    true = ops.softmax(rng.normal(size=(4000, 3)).astype(np.float32))
    labels = np.array([rng.choice(3, p=p / p.sum()) for p in true.astype(float)])
    sharpened = ops.softmax(np.asarray(3 * np.log(true), np.float32))
    assert temperature(sharpened, labels) == pytest.approx(3, rel=0.08)
    assert temperature(true, labels) == pytest.approx(1, rel=0.08)
    nothing = np.full((5, 3), np.nan, np.float32)
    assert temperature(nothing, labels[:5]) == pytest.approx(1.5, rel=0.04)
    assert temperature(nothing[:0], labels[:0]) == pytest.approx(1.5, rel=0.04)


@pytest.mark.parametrize("strategy", [MaxHerding(), ProbCover(), UHerding()])
def test_a_large_pool_is_covered_through_anchors(
    strategy: MaxHerding | ProbCover | UHerding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "EXACT_UP_TO", 100)
    monkeypatch.setattr(parts, "ANCHORS", 60)
    view = _view()
    got = strategy.query(view, 10, np.random.default_rng(0))
    assert len(set(got.rows.tolist())) == 10
    if isinstance(strategy, UHerding):
        assert view.spent.rows_inferred <= 60 + 10
