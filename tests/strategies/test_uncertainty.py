"""Entropy, least confidence, margin and BALD against formulas in plain Python floats."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from tyrogue import ops
from tyrogue.protocols import Strategy
from tyrogue.strategies import Bald, Entropy, LeastConfidence, Margin
from tyrogue.testing.views import WatchedView, blobs, given
from tyrogue.types import Floats


def _view(n_classes: int = 4) -> WatchedView:
    vectors, classes = blobs(120, 12, n_classes, seed=3)
    weights = np.random.default_rng(5).normal(size=(12, n_classes)).astype(np.float32)
    return given(vectors, weights, labels={row: int(classes[row]) for row in range(0, 120, 6)}, closed=[1, 2, 50])


def _softmax(z: list[float]) -> list[float]:
    e = [math.exp(v - max(z)) for v in z]
    return [v / sum(e) for v in e]


def _entropy(z: list[float]) -> float:
    return -sum(p * math.log(p) for p in _softmax(z) if p > 0)


def _least(z: list[float]) -> float:
    return 1 - max(_softmax(z))


def _margin(z: list[float]) -> float:
    first, second = sorted(_softmax(z))[-1:-3:-1]
    return 1 - (first - second)


@pytest.mark.parametrize(
    ("strategy", "formula"), [(Entropy(), _entropy), (LeastConfidence(), _least), (Margin(), _margin)]
)
@pytest.mark.parametrize("n", [1, 9, 97])
def test_takes_the_open_rows_of_highest_score(
    strategy: Strategy, formula: Callable[[list[float]], float], n: int
) -> None:
    view = _view()
    selection = strategy.query(view, n, np.random.default_rng(0))
    open_rows = np.setdiff1d(np.arange(120), np.union1d(view.labeled, [1, 2, 50]))
    logits = dict(zip(open_rows.tolist(), view.logits(open_rows).tolist(), strict=True))
    wanted = sorted(logits, key=lambda row: -formula(logits[row]))[:n]
    assert selection.rows.tolist() == wanted
    assert selection.score.tolist() == pytest.approx([formula(logits[row]) for row in wanted], abs=1e-5)


def test_two_classes_make_the_three_agree() -> None:
    rows = [
        s.query(_view(2), 30, np.random.default_rng(0)).rows.tolist() for s in (Entropy(), LeastConfidence(), Margin())
    ]
    assert rows[0] == rows[1] == rows[2]


def test_ties_go_to_the_lower_row() -> None:
    vectors = np.ones((10, 2), np.float32)
    view = given(vectors, np.eye(2, dtype=np.float32), labels={0: 0})
    for strategy in (Entropy(), LeastConfidence(), Margin()):
        assert strategy.query(view, 4, np.random.default_rng(0)).rows.tolist() == [1, 2, 3, 4]


def test_raw_logits_follow_a_common_offset_that_entropy_ignores() -> None:
    vectors, classes = blobs(120, 12, 4, seed=3)
    weights = np.random.default_rng(5).normal(size=(12, 4)).astype(np.float32)
    labels = {row: int(classes[row]) for row in range(0, 120, 6)}
    offset = np.random.default_rng(1).normal(size=(120, 1)).astype(np.float32)
    view = given(vectors, weights, labels=labels)
    shifted = given(np.hstack([vectors, offset]), np.vstack([weights, np.ones((1, 4), np.float32)]), labels=labels)
    rng = np.random.default_rng(0)
    right = [Entropy().query(v, 10, rng).rows.tolist() for v in (view, shifted)]
    raw = [Entropy(raw_logits=True).query(v, 10, rng).rows.tolist() for v in (view, shifted)]
    assert right[0] == right[1]
    assert raw[0] != raw[1]
    assert raw[0] != right[0]


def test_raw_logit_score_is_the_published_formula() -> None:
    z = [0.3, -1.2, 2.0]
    assert ops.entropy_rawlogit(np.array([z], np.float32))[0] == pytest.approx(
        -sum(math.exp(v) * v for v in z), rel=1e-6
    )


def _mutual_information(samples: Floats) -> list[float]:
    """Over passes (k, n, C), by the definition."""
    out = []
    for text in samples.swapaxes(0, 1).tolist():
        p = [_softmax(z) for z in text]
        mean = [sum(column) / len(p) for column in zip(*p, strict=True)]
        total = -sum(v * math.log(v) for v in mean if v > 0)
        out.append(total - sum(_entropy(z) for z in text) / len(p))
    return out


def test_bald_with_head_dropout() -> None:
    view, strategy = _view(), Bald(passes=6, dropout=0.4)
    selection = strategy.query(view, 12, np.random.default_rng(8))
    rows = np.concatenate(list(view.pool.blocks()))
    keep = np.random.default_rng(8).random((6, 12)) >= 0.4
    samples = np.stack([view.head(np.asarray(view.features(rows) * mask / 0.6, np.float32)) for mask in keep])
    score = _mutual_information(samples)
    order = np.argsort(-np.round(score, 9), kind="stable")[:12]
    assert selection.rows.tolist() == rows[order].tolist()
    assert selection.score.tolist() == pytest.approx([score[i] for i in order], abs=1e-5)


def test_bald_in_the_whole_model() -> None:
    view = _view()
    selection = Bald(passes=5, full=True).query(view, 12, np.random.default_rng(8))
    rows = np.concatenate(list(view.pool.blocks()))
    score = _mutual_information(_view().samples(rows, 5, np.random.default_rng(8)))
    assert set(selection.rows.tolist()) == set(rows[np.argsort(score)[-12:]].tolist())
    assert selection.rows.tolist() != Bald(passes=5).query(view, 12, np.random.default_rng(8)).rows.tolist()


def test_bald_without_dropout_sees_no_disagreement() -> None:
    assert Bald(dropout=0.0).query(_view(), 5, np.random.default_rng(0)).score == pytest.approx(0, abs=1e-6)
