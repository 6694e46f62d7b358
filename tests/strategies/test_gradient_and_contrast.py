"""BADGE against explicit C*d gradients, CAL against loops, Core-set and DAL against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from tyrogue import clustering, ops
from tyrogue.strategies import Badge, Cal, CoreSet, Dal
from tyrogue.testing.views import WatchedView, blobs, given
from tyrogue.types import Rows

N, WIDTH, CLASSES = 200, 10, 5


def _view(n: int = N, *, labeled: int = 30, scale: float = 4.0) -> WatchedView:
    vectors, classes = blobs(n, WIDTH, CLASSES, seed=11, spread=0.5)
    length = np.random.default_rng(2).uniform(0.5, 2, size=(n, 1))
    weights = scale * np.random.default_rng(4).normal(size=(WIDTH, CLASSES))
    known = np.random.default_rng(6).choice(n, labeled, replace=False)
    return given(
        np.asarray(vectors * length, np.float32),
        np.asarray(weights, np.float32),
        labels={int(row): int(classes[row]) for row in known},
        closed=[0, 5],
    )


def _open(view: WatchedView) -> Rows:
    return np.concatenate(list(view.pool.blocks()))


def _gradients(view: WatchedView, rows: Rows) -> NDArray[np.float64]:
    """(n, C * d): of the loss of the predicted class with respect to the head's weights."""
    z = view.logits(rows).astype(np.float64)
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    hot = np.eye(CLASSES)[p.argmax(1)]
    return np.asarray((hot - p)[:, :, None] * view.features(rows).astype(np.float64)[:, None, :]).reshape(len(rows), -1)


def _kmeans_plus_plus(g: NDArray[np.float64], n: int, rng: np.random.Generator, first: int | None) -> list[int]:
    chosen: list[int] = []
    for step in range(n):
        if step == 0 and first is not None:
            chosen.append(first)
            continue
        weight = np.ones(len(g)) if not chosen else np.min([((g - g[c]) ** 2).sum(1) for c in chosen], axis=0)
        weight[chosen] = 0
        chosen.append(int(np.searchsorted(np.cumsum(weight), rng.random() * weight.sum(), side="right")))
    return chosen


@pytest.mark.parametrize("seed", range(8))
def test_badge_is_kmeans_plus_plus_on_explicit_gradients(seed: int) -> None:
    view = _view()
    rows = _open(view)
    g = _gradients(view, rows)
    norm = np.linalg.norm(g, axis=1)
    wanted = _kmeans_plus_plus(g, 20, np.random.default_rng(seed), int(norm.argmax()))
    got = Badge().query(view, 20, np.random.default_rng(seed))
    assert set(got.rows.tolist()) == set(rows[wanted].tolist())
    assert got.score.tolist() == pytest.approx(sorted(norm[wanted].tolist(), reverse=True), rel=1e-4)


@pytest.mark.parametrize("seed", range(8))
def test_normalized_badge_is_kmeans_plus_plus_on_unit_gradients(seed: int) -> None:
    view = _view()
    rows = _open(view)
    g = _gradients(view, rows)
    wanted = _kmeans_plus_plus(g / np.linalg.norm(g, axis=1, keepdims=True), 20, np.random.default_rng(seed), None)
    got = Badge(normalized=True).query(view, 20, np.random.default_rng(seed)).rows
    assert set(got.tolist()) == set(rows[wanted].tolist())
    assert set(got.tolist()) != set(Badge().query(view, 20, np.random.default_rng(seed)).rows.tolist())


def test_badge_takes_the_longest_gradient_first() -> None:
    view = _view()
    longest = int(_open(view)[np.linalg.norm(_gradients(view, _open(view)), axis=1).argmax()])
    assert all(Badge().query(view, 1, np.random.default_rng(seed)).rows.tolist() == [longest] for seed in range(3))


def test_badge_samples_by_squared_distance() -> None:
    view = _view(60, labeled=5)
    rows = _open(view)
    g = _gradients(view, rows)
    first = int(np.linalg.norm(g, axis=1).argmax())
    weight = ((g - g[first]) ** 2).sum(1)
    seen = np.zeros(len(rows))
    for seed in range(1500):
        second = set(Badge().query(view, 2, np.random.default_rng(seed)).rows.tolist()) - {int(rows[first])}
        seen[np.searchsorted(rows, second.pop())] += 1
    expected = 1500 * weight / weight.sum()
    often = expected > 5
    assert (((seen - expected) ** 2 / np.maximum(expected, 1e-9))[often]).sum() < 2 * often.sum()


def test_cal_is_mean_divergence_from_the_nearest_labeled() -> None:
    view = _view(80, labeled=25)
    rows = _open(view)
    h = {
        row: v / np.linalg.norm(v) for row, v in zip(range(80), view.features(np.arange(80)).astype(float), strict=True)
    }
    p = dict(zip(range(80), view.probabilities(np.arange(80)).tolist(), strict=True))
    score = {}
    for x in rows.tolist():
        near = sorted(view.labeled.tolist(), key=lambda row, x=x: math.dist(h[x], h[row]))[:10]  # type: ignore[misc]
        score[x] = sum(sum(a * math.log(a / b) for a, b in zip(p[row], p[x], strict=True)) for row in near) / 10
    wanted = sorted(score, key=lambda row: -score[row])[:15]
    got = Cal().query(view, 15, np.random.default_rng(0))
    assert got.rows.tolist() == wanted
    assert got.score.tolist() == pytest.approx([score[row] for row in wanted], rel=1e-3)


def test_cal_with_fewer_labels_than_neighbors_uses_all() -> None:
    view = _view(labeled=4)
    few, many = (Cal(neighbors=k).query(view, 9, np.random.default_rng(0)).rows.tolist() for k in (4, 50))
    assert few == many


def test_cal_is_zero_where_neighbors_are_predicted_alike() -> None:
    vectors = np.tile(np.array([[1.0, 2.0]], np.float32), (20, 1))
    view = given(vectors, np.eye(2, dtype=np.float32), labels={3: 0, 4: 1})
    assert Cal().query(view, 3, np.random.default_rng(0)).score == pytest.approx(0, abs=1e-6)


def test_coreset_is_the_farthest_from_all_labeled_and_chosen() -> None:
    view = _view()
    vectors = ops.unit(view.static(np.arange(N))).astype(float)
    covered, chosen = view.labeled.tolist(), list[int]()
    for _ in range(12):
        rows = [row for row in _open(view).tolist() if row not in chosen]
        best = max(rows, key=lambda row: min(math.dist(vectors[row], vectors[c]) for c in [*covered, *chosen]))
        chosen.append(best)
    got = CoreSet().query(view, 12, np.random.default_rng(0))
    assert got.rows.tolist() == chosen
    assert (np.diff(got.score) <= 0).all()


def test_coreset_agrees_with_scikit_activeml() -> None:
    pool = pytest.importorskip("skactiveml.pool")
    view = _view()
    vectors = ops.unit(view.static(np.arange(N)))
    known = np.full(N, np.nan)
    known[view.labeled] = view.labels
    theirs = pool.CoreSet(random_state=0).query(X=vectors, y=known, candidates=_open(view), batch_size=10)
    assert CoreSet().query(view, 10, np.random.default_rng(0)).rows.tolist() == theirs.tolist()


def test_coreset_without_labels_starts_anywhere_and_goes_far() -> None:
    vectors, _ = blobs(50, 6, 3, spread=0.1)
    starts = set()
    for seed in range(12):
        view = given(vectors, np.eye(6, 3, dtype=np.float32), fitted=False)
        rows = CoreSet().query(view, 2, np.random.default_rng(seed)).rows
        starts.add(int(rows[0]))
        assert rows[1] == np.argmax(((vectors - vectors[rows[0]]) ** 2).sum(1))
    assert len(starts) > 5


def test_dal_goes_where_no_label_is() -> None:
    vectors, classes = blobs(300, 8, 3, seed=1, spread=0.15)
    of_first = np.flatnonzero(classes == 0)
    view = given(vectors, np.eye(8, 3, dtype=np.float32), labels=dict.fromkeys(of_first[:40].tolist(), 0))
    rows = Dal().query(view, 20, np.random.default_rng(0)).rows
    assert (classes[rows] != 0).all()


@pytest.mark.parametrize("sub_batches", [1, 4])
def test_dal_step_by_step(sub_batches: int) -> None:
    view, rng = _view(labeled=8), np.random.default_rng(3)
    open_rows, vectors = _open(view).tolist(), view.static(np.arange(N))
    known, chosen = view.labeled.tolist(), list[int]()
    for _ in range(sub_batches):
        free = [row for row in open_rows if row not in chosen]
        positions = [open_rows.index(row) for row in free]
        drawn = [open_rows[i] for i in rng.choice(positions, min(3 * len(known + chosen), len(free)), replace=False)]
        told = [0] * len(known + chosen) + [1] * len(drawn)
        model = LogisticRegression(class_weight="balanced", max_iter=200).fit(vectors[known + chosen + drawn], told)
        logit = dict(zip(free, model.decision_function(vectors[free]), strict=True))
        chosen += sorted(free, key=lambda row, logit=logit: -logit[row])[: 12 // sub_batches]  # type: ignore[misc]
    got = Dal(sub_batches=sub_batches, contrast=3).query(view, 12, np.random.default_rng(3))
    assert set(got.rows.tolist()) == set(chosen)


def test_d2_sampling_never_repeats_and_handles_copies() -> None:
    got = clustering.d2_sample(lambda some: np.zeros((9, len(some)), np.float32), 9, 9, np.random.default_rng(0))
    assert sorted(got.tolist()) == list(range(9))
