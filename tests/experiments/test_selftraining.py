from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrogue.errors import UsageError
from tyrogue.experiments.factories import make_model
from tyrogue.experiments.grid import ModelEntry
from tyrogue.experiments.selftraining import CONFIDENT, NEIGHBOURS, SelfTrained, agreed, balanced
from tyrogue.pool import Inputs

if TYPE_CHECKING:
    from tests.experiments.conftest import Toy


def test_only_what_teacher_and_neighbours_agree_on_is_kept() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([0.2] * 3, 60).astype(np.float32)
    vectors, labeled = rng.normal(size=(60, 4)).astype(np.float32), rng.normal(size=(40, 4)).astype(np.float32)
    labels = rng.integers(3, size=40)
    positions, classes = agreed(probabilities, vectors, labeled, labels)
    expected = {}
    for i in range(60):  # text by text
        nearest = sorted(range(40), key=lambda j: -float(vectors[i] @ labeled[j]))[:NEIGHBOURS]
        guess = int(np.argmax(probabilities[i]))
        if probabilities[i, guess] >= CONFIDENT and sum(labels[j] == guess for j in nearest) > NEIGHBOURS / 2:
            expected[i] = guess
    assert expected
    assert dict(zip(positions.tolist(), classes.tolist(), strict=True)) == expected


@given(classes=st.lists(st.integers(0, 4), max_size=60), most=st.integers(0, 40))
def test_no_class_takes_more_than_its_share(classes: list[int], most: int) -> None:
    kept = balanced(np.array(classes, np.int64), most, seed=0)
    assert len(set(kept.tolist())) == len(kept) <= most
    taken = np.bincount(np.array(classes, np.int64)[kept], minlength=5)
    assert sum(taken) <= most
    assert all(taken[c] == min(classes.count(c), most // len(set(classes))) for c in set(classes))


def test_the_student_learns_from_labels_and_pseudo_labels_of_open_rows_only(toy: Toy) -> None:
    pool, rows = toy.task.train_inputs(toy.embedder), np.arange(60)
    model = SelfTrained(toy.model, pool)
    assert not model.fitted
    report = model.fit(pool.take(rows), toy.task.train.labels[rows], seed=0)
    teacher, student = toy.fits
    assert teacher == 60
    assert student == 60 + report.details["pseudo_labels"]
    assert 0 < report.details["pseudo_labels"] <= 60
    test = toy.task.test_inputs(toy.embedder)
    assert (model.infer(test).logits.argmax(1) == toy.task.test.labels).mean() > 0.6


def test_texts_from_elsewhere_are_refused(toy: Toy) -> None:
    model = SelfTrained(toy.model, toy.task.train_inputs(toy.embedder))
    with pytest.raises(UsageError, match="rows of its pool"):
        model.fit(Inputs(["a", "b"]), np.array([0, 1]), seed=0)


def test_a_grid_may_ask_for_it(toy: Toy) -> None:
    assert isinstance(make_model(ModelEntry("linear", self_training=True), toy.task, toy.embedder), SelfTrained)
    assert not isinstance(make_model(ModelEntry("linear"), toy.task, toy.embedder), SelfTrained)
