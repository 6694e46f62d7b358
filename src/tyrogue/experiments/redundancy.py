"""How redundant each batch of a run is, measured in the frozen encoder's space, the same for every strategy."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tyrogue import clustering, ops, redundancy
from tyrogue.experiments.data import SUBSET_SEED, Task
from tyrogue.experiments.embeddings import Precomputed
from tyrogue.learner import Learner
from tyrogue.types import Floats, Rows

REFERENCE = 2000
"""Rows of the pool that coverage is measured on."""
CELLS = 200
"""Into which the reference is clustered, to see which regions come back."""

METRICS: dict[str, str] = {
    "sibling_similarity": "similarity to the nearest text of the same batch",
    "effective_size": "how many different texts the batch amounts to (Vendi score)",
    "labeled_similarity": "similarity to the nearest text labeled before",
    "covered_rate": "share of the batch in a neighborhood that was labeled before",
    "coverage_gain": "what a label adds to the coverage of the pool",
    "cell_repeats": "share of the batch in a region that holds a label of its class",
    "already_known": "share of the batch that the model and its labeled neighbors knew for sure",
}


class Space:
    """The frozen space of a task, with what is computed once for all runs in it."""

    def __init__(self, task: Task, vectors: Precomputed) -> None:
        self._task, self._vectors = task, vectors.vectors

    def at(self, rows: Rows) -> Floats:
        """Gives unit vectors (n, d)."""
        return ops.unit(np.asarray(self._vectors[rows], np.float32))

    @cached_property
    def reference(self) -> Floats:
        """Unit vectors of a uniform sample of the pool, the same for all runs."""
        n = len(self._task.train)
        rng = np.random.default_rng(SUBSET_SEED)
        return self.at(np.sort(rng.choice(n, min(REFERENCE, n), replace=False)).astype(np.int64))

    @cached_property
    def centers(self) -> Floats:
        k = min(CELLS, len(self.reference))
        return clustering.kmeans(self.reference, k, np.random.default_rng(SUBSET_SEED)).centers

    def cells(self, vectors: Floats) -> NDArray[np.int64]:
        """Gives the cell of each vector (n,)."""
        return np.asarray(ops.squared_distances(vectors, self.centers).argmin(1), np.int64)


def describe(task: Task, vectors: Precomputed) -> Callable[[Learner, Rows], dict[str, float]]:
    """Gives a function that measures a batch before it is taught; what is not defined yet is left out."""
    space = Space(task, vectors)

    def measured(learner: Learner, rows: Rows) -> dict[str, float]:
        batch, before = space.at(rows), learner.pool.labeled
        found = {"effective_size": redundancy.effective_size(batch)}
        if len(rows) > 1:
            found["sibling_similarity"] = redundancy.sibling_similarity(batch)
        if len(before):
            found |= _between(space, batch, task.train.labels[rows], space.at(before), learner)
        if learner.model.fitted:
            found["already_known"] = _known(batch, task.train.labels[rows], space.at(before), learner, rows)
        return found

    return measured


def _between(
    space: Space, batch: Floats, classes: NDArray[np.int64], labeled: Floats, learner: Learner
) -> dict[str, float]:
    neighbors = min(10, len(space.reference) - 1)
    return {
        "labeled_similarity": redundancy.labeled_similarity(batch, labeled),
        "covered_rate": redundancy.covered_rate(batch, labeled, space.reference, neighbors=neighbors),
        "coverage_gain": redundancy.coverage_gain(batch, labeled, space.reference),
        "cell_repeats": redundancy.cell_repeat_rate(
            space.cells(batch), classes, space.cells(labeled), learner.pool.labels
        ),
    }


def _known(batch: Floats, classes: NDArray[np.int64], labeled: Floats, learner: Learner, rows: Rows) -> float:
    probabilities = ops.softmax(learner.model.infer(learner.inputs(rows)).logits)
    return redundancy.already_known_rate(batch, classes, probabilities, labeled, learner.pool.labels)
