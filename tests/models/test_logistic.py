"""The logistic head against scikit-learn, and cross-validation with few labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from tyrogue.models import logistic
from tyrogue.models.logistic import Doubles
from tyrogue.types import Labels


def blobs(n: int, d: int, k: int, spread: float = 1.0, seed: int = 0) -> tuple[Doubles, Labels]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(k, size=n)
    labels[:k] = np.arange(k)
    return rng.normal(size=(k, d))[labels] + spread * rng.normal(size=(n, d)), labels


@pytest.mark.parametrize("c", [0.03, 1.0, 30.0])
@pytest.mark.parametrize(("n", "d", "k"), [(40, 5, 2), (60, 8, 4), (12, 100, 3)])
def test_same_optimum_as_scikit_learn(n: int, d: int, k: int, c: float) -> None:
    x, y = blobs(n, d, k, spread=2.0)
    ours = softmax(logistic.fit_head(x, y, k, c)(x), axis=1)
    # With two classes scikit-learn has one weight vector w; ours are w/2 and -w/2, half as long squared.
    theirs = LogisticRegression(C=c if k > 2 else 2 * c, tol=1e-8, max_iter=5000).fit(x, y)
    assert_allclose(ours, theirs.predict_proba(x), atol=2e-3)


def test_the_start_does_not_change_the_optimum() -> None:
    x, y = blobs(80, 6, 3, spread=2.0)
    cold = logistic.fit_head(x, y, 3, 3.0)
    warm = logistic.fit_head(x, y, 3, 3.0, logistic.fit_head(x, 2 - y, 3, 100.0))
    assert_allclose(softmax(warm(x), axis=1), softmax(cold(x), axis=1), atol=2e-3)


def test_cross_validated_choice_is_the_best_of_the_grid() -> None:
    """Against a plain loop with scikit-learn: our C is as good as its best one."""
    x, y = blobs(90, 40, 3, spread=3.0)
    chosen = logistic.choose(x, y, 3, seed=0)
    losses = {}
    for c in logistic.C_GRID:
        parts = []
        for train, test in StratifiedKFold(5, shuffle=True, random_state=1).split(x, y):
            p = LogisticRegression(C=c, max_iter=3000).fit(x[train], y[train]).predict_log_proba(x[test])
            parts.append(-p[np.arange(len(test)), y[test]])
        losses[c] = float(np.concatenate(parts).mean())
    assert losses[chosen.c] < min(losses.values()) + 0.05
    assert chosen.folds == 5


def test_temperature_calibrates_held_out_logits() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 3)) * 2
    labels = np.array([rng.choice(3, p=p) for p in softmax(logits, axis=1)])
    for true in (0.5, 1.0, 3.0):
        assert logistic.best_temperature(logits * true, labels) == pytest.approx(true, rel=0.1)
    assert logistic.best_temperature(logits[:20] * 9, labels[:20]) == 1.0


def test_temperature_never_raises_the_log_loss() -> None:
    x, y = blobs(60, 30, 3, spread=3.0)
    chosen = logistic.choose(x, y, 3, seed=0)
    assert 0.25 <= chosen.temperature <= 4
    assert np.isfinite(chosen.log_loss)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 30),
    st.integers(1, 6),
    st.integers(2, 12),
    st.lists(st.integers(0, 5), min_size=1, max_size=6),
    st.integers(0, 5),
)
def test_any_few_labels_give_a_finite_head(n: int, k: int, d: int, kinds: list[int], seed: int) -> None:
    """One class, one label of a class, identical texts, more columns than labels: nothing raises or is NaN."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) if seed else np.ones((n, d))
    y = np.array([kinds[i % len(kinds)] % k for i in range(n)], np.int64)
    chosen = logistic.choose(x, y, k, seed=seed)
    p = softmax(logistic.fit_head(x, y, k, chosen.c).cooled(chosen.temperature)(x), axis=1)
    assert p.shape == (n, k)
    assert np.isfinite(p).all()
    unseen = np.setdiff1d(np.arange(k), y)
    assert (p[:, unseen] <= 0.5).all()


def test_a_class_never_seen_counts_as_one_imagined_label() -> None:
    x, y = blobs(60, 8, 2)
    p = softmax(logistic.fit_head(x, y, 5, 10.0)(x), axis=1)
    assert p[:, 2:].mean() == pytest.approx(1 / 65, rel=0.5)
    assert (p.argmax(1) < 2).all()
    assert_allclose(
        log_softmax(logistic.fit_head(x, y, 5, 10.0)(x)[:, :2], axis=1),
        log_softmax(logistic.fit_head(x, y, 2, 10.0)(x), axis=1),
        atol=1e-9,
    )


def test_folds_spread_every_class() -> None:
    labels = np.array([0] * 17 + [1] * 5 + [2] * 3)
    folds = logistic.stratified(labels, seed=3)
    assert folds is not None
    assert np.bincount(folds).tolist() == [5] * 5
    assert np.bincount(folds[labels == 1]).tolist() == [1] * 5
    assert logistic.stratified(labels[:9], seed=0) is None
