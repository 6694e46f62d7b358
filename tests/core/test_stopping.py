"""Reasons to stop against scikit-learn, explicit formulas, and curves whose continuation is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from tyrogue import stopping
from tyrogue.errors import UsageError

Predictions = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=80)


@given(Predictions)
def test_kappa_is_scikit_learns_and_1_where_all_agree(pairs: list[tuple[int, int]]) -> None:
    before, after = np.array(pairs, np.int64).T
    told = 1.0 if (before == after).all() else cohen_kappa_score(before, after)
    assert stopping.kappa(before, after) == pytest.approx(told)


def test_predictions_of_different_texts_cannot_be_compared() -> None:
    with pytest.raises(UsageError):
        stopping.kappa(np.zeros(3, np.int64), np.zeros(4, np.int64))


@given(st.lists(st.lists(st.floats(-8, 8, width=32), min_size=3, max_size=3), min_size=1, max_size=20))
def test_uncertainty_is_the_share_of_the_largest_entropy(rows: list[list[float]]) -> None:
    total = 0.0
    for row in rows:
        p = np.exp(row) / np.exp(row).sum()
        total -= sum(one * np.log(one) for one in p if one > 0)
    expected = total / len(rows) / np.log(3)
    assert stopping.uncertainty(np.array(rows, np.float32)) == pytest.approx(expected, abs=1e-4)


def test_a_model_of_one_class_is_not_called_stable() -> None:
    always, labels = np.zeros(100, np.int64), np.array([0] * 30 + [1] * 20)
    assert stopping.stuck(always, labels, 2)
    assert not stopping.stuck(np.array([0] * 80 + [1] * 20), labels, 2)
    assert not stopping.stuck(always, np.zeros(50, np.int64), 2), "there is nothing else to learn"
    assert stopping.never_predicted(always, labels, 3).tolist() == [1]
    assert stopping.never_predicted(always, np.array([0, 1, 1]), 3).tolist() == [], "too few labels to expect it"


def test_stable_takes_three_comparisons() -> None:
    assert stopping.stable([1.0, 1.0]) is None
    assert stopping.stable([0.5, 0.98, 0.97, 0.97])
    assert not stopping.stable([0.99, 0.99, 0.92])


@pytest.mark.parametrize(("a", "c", "g"), [(0.9, 1.5, 0.5), (0.85, 6.0, 1.0), (0.95, 0.8, 0.3)])
def test_an_exact_curve_is_prolonged_exactly(a: float, c: float, g: float) -> None:
    n = np.arange(50, 550, 50)
    found = stopping.expected_gain(n.tolist(), (a - c * n**-g).tolist(), 100, np.random.default_rng(0))
    assert found is not None
    truth = c * (500**-g - 600**-g)
    assert found.expected == pytest.approx(truth, abs=2e-4)
    assert found.low - 2e-4 <= truth <= found.high + 2e-4


def test_the_interval_holds_what_comes_about_as_often_as_it_says() -> None:
    rng, n, held = np.random.default_rng(1), np.arange(50, 550, 50), 0
    for _ in range(300):
        all_scores = 0.9 - 1.5 * np.append(n, 600) ** -0.5 + rng.normal(0, 0.005, 11)
        found = stopping.expected_gain(n.tolist(), all_scores[:10].tolist(), 100, rng, luck=0.005)
        assert found is not None
        held += found.low <= all_scores[10] - all_scores[9] <= found.high
    assert 0.82 <= held / 300 <= 0.97


def test_luck_is_an_eighth_of_what_changes_from_model_to_model() -> None:
    assert stopping.luck_of([]) == 0
    assert stopping.luck_of([0.5, 0.92, 0.96, 0.94]) == pytest.approx(0.06 / 8)


def test_noise_that_is_known_widens_the_interval_and_a_falling_curve_promises_nothing() -> None:
    n, rng = [50, 100, 150, 200, 250], np.random.default_rng(0)
    exact = [0.9 - 1.5 * one**-0.5 for one in n]
    narrow, wide = (stopping.expected_gain(n, exact, 50, rng, noise=noise) for noise in (0.0, 0.03))
    assert narrow is not None
    assert wide is not None
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)
    falling = stopping.expected_gain(n, [0.8, 0.79, 0.78, 0.77, 0.76], 50, rng)
    assert falling is not None
    assert 0 <= falling.expected < 0.002


def test_a_curve_takes_four_points() -> None:
    assert stopping.expected_gain([10, 20, 30], [0.5, 0.6, 0.65], 50, np.random.default_rng(0)) is None
    assert stopping.expected_gain([10, 20, 30, 30], [0.5, 0.6, 0.65, 0.65], 50, np.random.default_rng(0)) is None
