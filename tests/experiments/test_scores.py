from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle

from tyrogue.experiments import scores


def problem(seed: int, n: int = 60, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, classes)).astype(np.float32) * 3, rng.integers(0, classes - 1, n).astype(np.int64)


@given(seed=st.integers(0, 2**31), classes=st.integers(2, 15), n=st.integers(1, 200))
def test_scores_agree_with_scikit_learn(seed: int, classes: int, n: int) -> None:
    logits, labels = problem(seed, n, classes)
    predicted = logits.argmax(1)
    got = scores.evaluate(logits, labels)
    assert got["accuracy"] == pytest.approx(oracle.accuracy_score(labels, predicted))
    assert got["macro_f1"] == pytest.approx(oracle.f1_score(labels, predicted, average="macro", zero_division=0))
    assert got["micro_f1"] == pytest.approx(oracle.f1_score(labels, predicted, average="micro", zero_division=0))
    p = np.exp(logits.astype(np.float64))
    p /= p.sum(1, keepdims=True)
    assert got["log_loss"] == pytest.approx(oracle.log_loss(labels, p, labels=np.arange(classes)), rel=1e-4, abs=1e-6)


def test_ece_by_hand() -> None:
    # Confidence .8 twice (one right) and .6 twice (both right): |.5 - .8| / 2 + |1 - .6| / 2.
    p = np.array([[0.8, 0.2], [0.8, 0.2], [0.6, 0.4], [0.4, 0.6]])
    assert scores.ece(np.log(p).astype(np.float32), np.array([0, 1, 0, 1])) == pytest.approx(0.35, abs=1e-6)


@given(seed=st.integers(0, 2**31))
def test_ece_agrees_with_a_loop_over_bins(seed: int) -> None:
    logits, labels = problem(seed)
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    confidence, right = p.max(1), p.argmax(1) == labels
    total = 0.0
    for b in range(scores.ECE_BINS):
        inside = (confidence > b / scores.ECE_BINS) & (confidence <= (b + 1) / scores.ECE_BINS)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert scores.ece(logits, labels) == pytest.approx(total, abs=1e-5)


def test_a_certain_and_right_model_has_no_loss() -> None:
    logits = np.full((6, 3), -50, np.float32)
    labels = np.array([0, 1, 2, 0, 1, 2])
    logits[np.arange(6), labels] = 50
    got = scores.evaluate(logits, labels)
    assert (got["macro_f1"], got["log_loss"], got["ece"]) == (1.0, 0.0, 0.0)
