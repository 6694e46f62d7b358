"""Intervals against SciPy, scikit-learn, explicit loops, and against what they promise: coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import confusion_matrix, f1_score

from tyrogue import estimates

SHARES = (0.6, 0.7, 0.8, 0.9, 0.95)
SIZES = (30, 50, 100, 200)


@given(n=st.integers(1, 500), data=st.data(), confidence=st.floats(0.5, 0.99))
def test_wilson_is_scipys(n: int, data: st.DataObject, confidence: float) -> None:
    correct = data.draw(st.integers(0, n))
    told = stats.binomtest(correct, n).proportion_ci(confidence, method="wilson")
    assert estimates.wilson(correct, n, confidence) == pytest.approx((told.low, told.high), abs=1e-9)


@given(n=st.integers(1, 200), more=st.integers(0, 2000), data=st.data())
def test_a_finite_pool_narrows_the_interval_by_its_correction(n: int, more: int, data: st.DataObject) -> None:
    correct, pool = data.draw(st.integers(0, n)), n + more
    low, high = estimates.wilson(correct, n, population=pool)
    assert 0 <= low <= correct / n <= high <= 1
    # The same equation as ever, |share - p| = z sqrt(p (1 - p) / n), its variance times (N - n) / (N - 1).
    for end in {low, high} - {0.0, 1.0}:
        variance = end * (1 - end) / n * (pool - n) / max(pool - 1, 1)
        assert abs(correct / n - end) == pytest.approx(1.959963985 * np.sqrt(variance), abs=1e-6)


def test_nothing_is_told_of_nothing() -> None:
    assert estimates.share(0, 0) is None
    assert estimates.wilson(0, 0) == (0.0, 1.0)


def exact_coverage(share: float, n: int, pool: int | None) -> float:
    """The probability that the interval holds the truth, by enumeration of everything that can be drawn."""
    good = round(share * (pool or 0))
    truth = good / pool if pool else share
    drawn = stats.hypergeom(pool, good, n) if pool else stats.binom(n, share)
    ends = [estimates.wilson(k, n, population=pool) for k in range(n + 1)]
    return float(sum(drawn.pmf(k) for k, (low, high) in enumerate(ends) if low - 1e-12 <= truth <= high + 1e-12))


@pytest.mark.parametrize("pool", [None, 20_000, 1_000, 400])
def test_coverage_is_what_is_promised(pool: int | None) -> None:
    found = [exact_coverage(share, n, pool) for share in SHARES for n in SIZES]
    assert 0.94 <= np.mean(found) <= 0.97
    assert min(found) >= 0.91


labels_and_predictions = st.integers(2, 5).flatmap(
    lambda c: st.tuples(
        st.just(c), st.lists(st.tuples(st.integers(0, c - 1), st.integers(0, c - 1)), min_size=1, max_size=60)
    )
)


@given(labels_and_predictions)
def test_macro_f1_is_scikit_learns(case: tuple[int, list[tuple[int, int]]]) -> None:
    n_classes, pairs = case
    true, said = np.array(pairs, np.int64).T
    counts = estimates.confusion(true, said, n_classes)
    assert (counts == confusion_matrix(true, said, labels=range(n_classes))).all()
    assert float(estimates.macro_f1(counts)) == pytest.approx(f1_score(true, said, average="macro", zero_division=0))


def test_the_bootstrap_is_that_of_an_explicit_loop() -> None:
    rng = np.random.default_rng(3)
    true = rng.integers(0, 3, 120)
    said = np.where(rng.random(120) < 0.8, true, rng.integers(0, 3, 120))
    again = []
    for _ in range(1_500):
        drawn = np.concatenate([rng.choice(np.flatnonzero(said == c), (said == c).sum()) for c in range(3)])
        again.append(f1_score(true[drawn], said[drawn], average="macro"))
    found = estimates.macro_f1_interval(estimates.confusion(true, said, 3), np.random.default_rng(0))
    assert found is not None
    assert found.value == pytest.approx(f1_score(true, said, average="macro"))
    assert (found.low, found.high) == pytest.approx(np.quantile(again, [0.05, 0.95]), abs=0.012)


def test_macro_f1_is_not_told_from_few_checks_of_a_class() -> None:
    enough, few = np.array([[20, 2], [1, 4]]), np.array([[20, 2], [1, 3]])
    assert estimates.macro_f1_interval(enough, np.random.default_rng(0)) is not None
    assert estimates.macro_f1_interval(few, np.random.default_rng(0)) is None
    assert estimates.macro_f1_interval(np.array([[20, 0], [0, 0]]), np.random.default_rng(0)) is None


def test_a_pool_that_was_checked_whole_leaves_no_doubt() -> None:
    counts = np.array([[20, 2], [3, 15]])
    whole = estimates.macro_f1_interval(counts, np.random.default_rng(0), population=40)
    assert whole is not None
    assert whole.low == whole.value == whole.high
