"""Pools made worse on purpose: wrong labels, rare classes, repeated texts. The test set stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from tyrogue.errors import UnknownName
from tyrogue.experiments.data import SUBSET_SEED, Examples, Task
from tyrogue.types import Labels, Rows

NOISE = 0.1
RARITY = 20
COPIES = 10

Stress = Callable[[Labels, Generator], tuple[Rows, Labels]]
"""Gives from the labels (n,) of a pool the rows that are kept, in ascending order, and the labels they get."""


def noisy(labels: Labels, rng: Generator) -> tuple[Rows, Labels]:
    """Gives every tenth label another class, drawn uniformly from the others."""
    wrong = rng.choice(len(labels), round(NOISE * len(labels)), replace=False)
    classes = int(labels.max()) + 1
    changed = labels.copy()
    if classes > 1:
        changed[wrong] = (labels[wrong] + rng.integers(1, classes, len(wrong))) % classes
    return np.arange(len(labels)), changed


def imbalanced(labels: Labels, rng: Generator) -> tuple[Rows, Labels]:
    """Keeps the most frequent class, and of each other at most one text for twenty of it."""
    size = np.bincount(labels)
    few = max(int(size.max()) // RARITY, 1)
    kept = [np.flatnonzero(labels == size.argmax())]
    for label in np.delete(np.arange(len(size)), size.argmax()):
        of_class = np.flatnonzero(labels == label)
        kept.append(rng.permutation(of_class)[:few])
    rows = np.sort(np.concatenate(kept))
    return rows, labels[rows]


def repeated(labels: Labels, rng: Generator) -> tuple[Rows, Labels]:
    """Keeps every tenth text, in ten copies."""
    few = rng.choice(len(labels), max(len(labels) // COPIES, 1), replace=False)
    rows = np.repeat(np.sort(few), COPIES)
    return rows, labels[rows]


def shuffled(labels: Labels, rng: Generator) -> tuple[Rows, Labels]:
    """Gives the labels to other texts, at random: there is nothing left to learn."""
    return np.arange(len(labels)), rng.permutation(labels)


STRESSES: dict[str, Stress] = {
    "imbalanced": imbalanced,
    "noisy": noisy,
    "repeated": repeated,
    "shuffled": shuffled,
}
"""By the name that a grid uses."""


def stressed(task: Task, name: str) -> tuple[Task, Rows]:
    """Gives the task with its pool made worse, and for each of its texts the row in the numbering of `task`.

    Raises:
        UnknownName: there is no such stress.
    """
    if name not in STRESSES:
        raise UnknownName("stress", name, STRESSES)
    rows, labels = STRESSES[name](task.train.labels, np.random.default_rng(SUBSET_SEED))
    train = Examples([task.train.texts[row] for row in rows.tolist()], labels)
    origin = np.concatenate([rows, len(task.train) + np.arange(len(task.test))])
    return replace(task, train=train), origin.astype(np.int64)
