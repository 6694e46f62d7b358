from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tyrogue.experiments import redundancy
from tyrogue.experiments.simulate import simulate
from tyrogue.strategies import Random, Tyrogue

if TYPE_CHECKING:
    from tests.experiments.conftest import Toy


def test_every_metric_from_the_second_batch_on(toy: Toy) -> None:
    run = simulate(
        toy.task, Tyrogue(candidates=80), toy.model, toy.embedder, batch=20, budget=60,
        describe=redundancy.describe(toy.task, toy.embedder),
    )  # fmt: skip
    first, *others = (round.redundancy for round in run.rounds)
    assert set(first) == {"sibling_similarity", "effective_size"}
    for found in others:
        assert set(found) == set(redundancy.METRICS)
        assert all(np.isfinite(value) for value in found.values())


def test_measuring_changes_nothing(toy: Toy) -> None:
    with_, without = (
        simulate(toy.task, Random(), toy.model, toy.embedder, batch=20, budget=60, describe=measure).rounds
        for measure in (redundancy.describe(toy.task, toy.embedder), None)
    )
    assert [r.rows for r in with_] == [r.rows for r in without]
    assert [r.model_version for r in with_] == [r.model_version for r in without]


def test_the_metrics_are_of_the_batch_and_the_labels_before_it(toy: Toy) -> None:
    """The second batch against loops over its vectors."""
    run = simulate(
        toy.task, Random(), toy.model, toy.embedder, batch=20, budget=40,
        describe=redundancy.describe(toy.task, toy.embedder),
    )  # fmt: skip
    vectors = np.asarray(toy.embedder.vectors, np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    before, batch = (vectors[list(round.rows)] for round in run.rounds)
    siblings = [max(a @ b for j, b in enumerate(batch) if i != j) for i, a in enumerate(batch)]
    assert run.rounds[1].redundancy["sibling_similarity"] == pytest.approx(np.mean(siblings), abs=1e-4)
    labeled = [max(a @ b for b in before) for a in batch]
    assert run.rounds[1].redundancy["labeled_similarity"] == pytest.approx(np.mean(labeled), abs=1e-4)


def test_cells_are_nearest_centers(toy: Toy) -> None:
    space = redundancy.Space(toy.task, toy.embedder)
    vectors = space.at(np.arange(30))
    nearest = [int(np.argmin([np.linalg.norm(v - c) for c in space.centers])) for v in vectors]
    assert space.cells(vectors).tolist() == nearest
