"""The ratio that adapts itself: its signals by an explicit loop, its ends, and that it says why."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from tyrogue.errors import UsageError
from tyrogue.strategies import Tyrogue, create
from tyrogue.strategies.balance import MOST, SIGNALS, USUAL, Balance, alignment, balance
from tyrogue.testing.strategies import CHECKS
from tyrogue.testing.views import WatchedView, blobs, given
from tyrogue.types import Floats, Labels

AUTO = Tyrogue(ratio="auto")
RNG = np.random.default_rng


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_keeps_the_contract(check: object) -> None:
    assert callable(check)
    check(AUTO)


def by_hand(vectors: Floats, labels: Labels) -> float:
    """The alignment as its docstring says it, one text at a time."""
    right, k = 0, min(max(len(labels) // (2 * len(set(labels.tolist()))), 1), 5)
    for i, label in enumerate(labels.tolist()):
        others = sorted((j for j in range(len(labels)) if j != i), key=lambda j: (-float(vectors[i] @ vectors[j]), j))
        near = [int(labels[j]) for j in others[:k]]
        votes = {c: n + 0.5 * (c == near[0]) for c, n in Counter(near).items()}
        right += min(votes, key=lambda c: (-votes[c], c)) == label
    accuracy, majority = right / len(labels), max(Counter(labels.tolist()).values()) / len(labels)
    return max(0.0, (accuracy - majority) / (1 - majority))


@settings(max_examples=40, deadline=None)
@for_all(n=st.integers(3, 40), classes=st.integers(2, 4), seed=st.integers(0, 99))
def test_alignment_is_its_formula(n: int, classes: int, seed: int) -> None:
    rng = RNG(seed)
    # multiples of 1/4 multiply without rounding: ties are ties in both
    vectors = np.asarray(rng.integers(-4, 5, size=(n, 3)) / 4, np.float32)
    labels = rng.integers(0, classes, n)
    labels[:2] = 0, 1
    assert alignment(vectors, labels) == pytest.approx(by_hand(vectors, labels), abs=1e-12)


def _view(n_labels: int, *, shuffled: bool = False, groups: int = 4, n: int = 1200) -> WatchedView:
    vectors, group = blobs(n, 16, groups, seed=3, spread=0.08)
    labels = RNG(1).permutation(group) if shuffled else group
    return given(vectors, np.eye(16, groups, dtype=np.float32), labels=dict(enumerate(labels[:n_labels].tolist())))


def test_explores_while_the_embedding_knows_the_classes_and_labels_are_few() -> None:
    ratios = [balance(_view(n)).ratio for n in (10, 50, 200, 800)]
    assert ratios == sorted(ratios)
    assert ratios[0] <= 2 < ratios[2] < ratios[3] <= MOST
    assert ratios[3] >= MOST - 2


def test_the_formula() -> None:
    found = balance(_view(100))
    assert found.alignment == pytest.approx(1, abs=0.05)
    assert found.unexplored == pytest.approx(np.exp(-0.5))
    wanted = math.exp((1 - found.alignment) * math.log(5) + found.alignment * (1 - found.unexplored) * math.log(10))
    assert found.ratio == round(wanted)


@pytest.mark.parametrize("n", [20, 100, 400])
def test_labels_that_say_nothing_leave_it_as_usual(n: int) -> None:
    assert abs(balance(_view(n, shuffled=True)).ratio - USUAL) <= 1
    assert abs(balance(_view(n)).ratio - USUAL) >= 1


@pytest.mark.parametrize("labels", [{}, {0: 0}, {0: 1, 1: 1, 2: 1}, {0: 0, 1: 1}])
def test_one_class_or_hardly_a_label(labels: dict[int, int]) -> None:
    vectors, _ = blobs(60, 8, 3, seed=2)
    view = given(vectors, np.eye(8, 3, dtype=np.float32), labels=labels)
    found = balance(view)
    assert 1 <= found.ratio <= MOST
    assert np.isfinite(found).all()
    assert len(AUTO.query(view, 7, RNG(0)).rows) >= 7


def test_identical_texts_with_different_labels() -> None:
    vectors = np.ones((50, 4), np.float32)
    view = given(vectors, np.eye(4, 3, dtype=np.float32), labels={row: row % 3 for row in range(12)})
    assert balance(view).alignment <= 0.5
    assert len(set(AUTO.query(view, 10, RNG(0)).rows.tolist())) >= 10


def test_is_the_strategy_at_the_ratio_it_names_and_says_why() -> None:
    view = _view(40)
    got = AUTO.query(view, 6, RNG(5))
    chosen = balance(view)
    same = Tyrogue(ratio=chosen.ratio).query(view, 6, RNG(5))
    assert got.rows.tolist() == same.rows.tolist()
    assert {name: set(got.facts[name].tolist()) for name in Balance._fields} == {
        name: {value} for name, value in chosen._asdict().items()
    }


def test_without_a_model_it_is_variety_alone() -> None:
    vectors, _ = blobs(100, 8, 4, seed=2)
    view = given(vectors, np.eye(8, 3, dtype=np.float32), fitted=False, round=0)
    got, same = AUTO.query(view, 8, RNG(5)), Tyrogue(ratio=1).query(view, 8, RNG(5))
    assert got.rows.tolist() == same.rows.tolist()
    assert set(got.facts["ratio"].tolist()) == {1}
    assert set(SIGNALS) <= set(got.facts)


def test_by_name_and_beside_fixed_ratios() -> None:
    assert create("tyrogue", ratio="auto") == AUTO
    assert create("tyrogue", ratio="7") == Tyrogue(ratio=7)
    assert AUTO.at(4) == Tyrogue(ratio=4)
    with pytest.raises(UsageError, match="does not fit"):
        create("tyrogue", ratio="seldom")
