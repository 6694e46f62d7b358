"""Formulas against Python floats and against their extremes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tyrogue import ops
from tyrogue.errors import NonFinite
from tyrogue.types import Floats

LOGITS = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 6), st.integers(1, 5)),
    elements=st.floats(-60, 60, width=32),
)


@settings(max_examples=80, deadline=None)
@given(LOGITS)
def test_probabilities_and_scores(logits: Floats) -> None:
    p, h, lc, margin = ops.softmax(logits), ops.entropy(logits), ops.least_confidence(logits), ops.margin(logits)
    for i, z in enumerate(logits.astype(float).tolist()):
        e = [math.exp(v - max(z)) for v in z]
        q = sorted((v / sum(e) for v in e), reverse=True)
        assert sorted(p[i].tolist(), reverse=True) == pytest.approx(q, abs=1e-5)
        assert h[i] == pytest.approx(-sum(v * math.log(v) for v in q if v > 0), abs=1e-4)
        assert lc[i] == pytest.approx(1 - q[0], abs=1e-5)
        assert margin[i] == pytest.approx(q[0] - q[1] if len(q) > 1 else 1, abs=1e-5)


def test_extremes_stay_finite() -> None:
    huge = np.array([[1e30, -1e30, 0], [0, 0, 0]], np.float32)
    with np.errstate(all="raise", under="ignore"):
        for score in (ops.entropy, ops.least_confidence, ops.margin, ops.softmax):
            assert np.isfinite(score(huge)).all()
        assert np.isfinite(ops.entropy_rawlogit(np.array([[1e4, -1e4]], np.float32))).all()
    assert ops.entropy(huge)[1] == pytest.approx(math.log(3))


def test_top_breaks_ties_by_position() -> None:
    assert ops.top(np.array([1, 3, 3, 2, 3], np.float32), 4).tolist() == [1, 2, 4, 3]
    assert ops.top(np.array([1, 2], np.float32), 9).tolist() == [1, 0]


def test_unit_leaves_zero_alone() -> None:
    assert ops.unit(np.array([[3, 4], [0, 0]], np.float32)).tolist() == [
        [pytest.approx(0.6), pytest.approx(0.8)],
        [0, 0],
    ]


def test_squared_distances_by_loops() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(7, 3)).astype(np.float32), rng.normal(size=(4, 3)).astype(np.float32)
    wanted = [[math.dist(x, y) ** 2 for y in b.tolist()] for x in a.tolist()]
    assert ops.squared_distances(a, b) == pytest.approx(np.array(wanted), abs=1e-5)
    assert (ops.squared_distances(1e3 * a, 1e3 * a) >= 0).all()


def test_finite_counts_the_bad_rows() -> None:
    values = np.array([[0, 1], [np.nan, 1], [np.inf, np.nan]], np.float32)
    with pytest.raises(NonFinite, match="2 of 3 logits"):
        ops.finite(values, "logits")
    assert ops.finite(values[:1], "logits") is not None


def test_bald_is_zero_when_all_passes_agree_and_ln2_when_two_certain_ones_disagree() -> None:
    agree = np.tile(np.array([[[2.0, -1.0]]], np.float32), (4, 1, 1))
    torn = np.array([[[99.0, -99.0]], [[-99.0, 99.0]]], np.float32)
    assert ops.bald(agree) == pytest.approx(0, abs=1e-6)
    assert ops.bald(torn) == pytest.approx(math.log(2), abs=1e-5)
