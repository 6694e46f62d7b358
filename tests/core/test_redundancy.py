"""Redundancy metrics against their definitions by loops, and at their ends."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from tyrogue import ops, redundancy
from tyrogue.errors import UsageError
from tyrogue.types import Floats


def _vectors(n: int, seed: int = 0, width: int = 6) -> Floats:
    return ops.unit(np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32))


def dot(x: Floats, y: Floats) -> float:
    return sum(float(a) * float(b) for a, b in zip(x, y, strict=True))


def covered(y: Floats, chosen: list[Floats]) -> float:
    return max([dot(x, y) for x in chosen] + [0.0])


@settings(max_examples=20, deadline=None)
@for_all(st.integers(0, 1000), st.integers(2, 12), st.integers(1, 9))
def test_by_the_definitions(seed: int, b: int, m: int) -> None:
    q, known, pool = _vectors(b, seed), _vectors(m, seed + 1), _vectors(40, seed + 2)
    siblings = [max(dot(q[i], q[j]) for j in range(b) if j != i) for i in range(b)]
    assert redundancy.sibling_similarity(q) == pytest.approx(sum(siblings) / b, abs=1e-6)
    assert redundancy.near_duplicate_rate(q, 0.5) == pytest.approx(sum(s > 0.5 for s in siblings) / b)
    assert redundancy.labeled_similarity(q, known) == pytest.approx(
        sum(max(dot(x, y) for y in known) for x in q) / b, abs=1e-6
    )
    gain = sum(covered(y, [*known, *q]) - covered(y, [*known]) for y in pool) / b
    assert redundancy.coverage_gain(q, known, pool) == pytest.approx(gain, abs=1e-4)
    matrix = np.array([[dot(x, y) for y in q] for x in q])
    values = [v for v in np.linalg.eigvals(matrix / b).real if v > 1e-9]
    assert redundancy.effective_size(q) == pytest.approx(math.exp(-sum(v * math.log(v) for v in values)), rel=1e-4)
    assert redundancy.log_determinant(q) == pytest.approx(math.log(np.linalg.det(matrix + 1e-3 * np.eye(b))), rel=1e-3)


def test_copies_amount_to_one_text_and_strangers_to_all() -> None:
    assert redundancy.effective_size(np.repeat(_vectors(1), 8, axis=0)) == pytest.approx(1, abs=1e-4)
    assert redundancy.effective_size(np.eye(8, dtype=np.float32)) == pytest.approx(8)
    assert redundancy.sibling_similarity(np.repeat(_vectors(1), 8, axis=0)) == pytest.approx(1, abs=1e-6)
    assert math.isnan(redundancy.sibling_similarity(_vectors(1)))
    assert redundancy.near_duplicate_rate(_vectors(1), 0.0) == 0


def test_threshold_leaves_one_in_a_hundred() -> None:
    pool = _vectors(400)
    threshold = redundancy.pool_threshold(pool, 20, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    rates = [redundancy.near_duplicate_rate(pool[rng.choice(400, 20, replace=False)], threshold) for _ in range(100)]
    assert 0.002 < np.mean(rates) < 0.025


@pytest.mark.parametrize("inside", [True, False])
def test_covered_rate_by_loops(inside: bool) -> None:
    pool, known = _vectors(60, 3), _vectors(8, 4)
    batch = pool[:15] if inside else _vectors(15, 5)
    near = 0
    for x in batch:
        to_pool = sorted(float(np.linalg.norm(x - y)) for y in pool)
        radius = to_pool[10 if inside else 9]
        near += min(float(np.linalg.norm(x - y)) for y in known) < radius
    assert redundancy.covered_rate(batch, known, pool) == pytest.approx(near / 15)
    assert redundancy.covered_rate(batch, known[:0], pool) == 0
    with pytest.raises(UsageError, match="neighbor number 10"):
        redundancy.covered_rate(batch, known, pool[:10])


def test_no_batch_gains_more_than_the_greedy_one_here() -> None:
    pool, known = _vectors(80), _vectors(3, 9)
    best = redundancy.greatest_coverage_gain(pool, known, pool, 5)
    rng = np.random.default_rng(0)
    others = [redundancy.coverage_gain(pool[rng.choice(80, 5, replace=False)], known, pool) for _ in range(200)]
    assert max(others) <= best
    assert redundancy.coverage_gain(known, known, pool) == pytest.approx(0, abs=1e-6)


def test_cell_repeats_need_the_same_cell_and_class() -> None:
    rate = redundancy.cell_repeat_rate(
        np.array([3, 3, 4, 9]), np.array([0, 1, 0, 0]), np.array([3, 4, 8]), np.array([0, 1, 0])
    )
    assert rate == 0.25


def test_already_known_needs_a_sure_right_model_and_like_neighbors() -> None:
    batch = np.eye(2, dtype=np.float32)[[0, 0, 0, 1]]
    known, classes = np.eye(2, dtype=np.float32)[[0, 0, 0, 1, 1, 1]], np.array([0, 0, 0, 1, 1, 0])
    p = np.array([[0.95, 0.05], [0.8, 0.2], [0.02, 0.98], [0.05, 0.95]], np.float32)
    rate = redundancy.already_known_rate(batch, np.array([0, 0, 0, 1]), p, known, classes, neighbors=3)
    assert rate == 0.5  # the first and the last; the second is unsure, the third wrong
    other = redundancy.already_known_rate(batch, np.array([0, 0, 0, 1]), p, known, 1 - classes, neighbors=3)
    assert other == 0
    assert redundancy.already_known_rate(batch, np.array([0, 0, 0, 1]), p, known[:0], classes[:0]) == 0


def test_a_random_batch_is_like_random() -> None:
    pool, rng = _vectors(500), np.random.default_rng(0)
    rows = np.arange(100, 500)

    def metric(batch: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
        assert set(batch.tolist()) <= set(rows.tolist())
        return redundancy.sibling_similarity(pool[batch])

    usual = redundancy.matched(metric, rng.choice(rows, 30, replace=False), rows, rng)
    assert usual.ratio == pytest.approx(1, abs=0.15)
    assert abs(usual.z) < 4
    center = rows[np.argsort(-(pool[rows] @ pool[100]))[:30]]
    copies = redundancy.matched(metric, center, rows, rng)
    assert copies.ratio > 1.1
    assert copies.z > 4
    assert copies.value == pytest.approx(copies.ratio * copies.random)
