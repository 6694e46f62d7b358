"""How good the model is, said honestly: on texts that it was not trained on, or called what it is."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from tyrogue import models
from tyrogue.corpus.project import Project, is_project
from tyrogue.corpus.sqlite import SqliteCorpus
from tyrogue.pool import Inputs
from tyrogue.protocols import Classifier
from tyrogue.store import Store
from tyrogue.types import UNLABELED, Labels, Rows
from tyrogue.view import Embedder

if TYPE_CHECKING:
    from tyrogue.labeling.fitting import Lesson

TEST = "test"
"""Folder of the project that holds the gold file."""
TEST_TEXTS = 1000
"""At most so many texts of the gold file are predicted for a point of the curve while people label."""
ENOUGH_AUDITED = 30
FOLDS = 5

CROSS_VALIDATED = (
    "Cross-validated on the labels themselves, with the linear model. Queried labels are harder than average texts, "
    "so the real accuracy is usually higher."
)

InputsOf = Callable[[Rows], Inputs]


def wilson(correct: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Gives the Wilson score interval of a proportion (Wilson, 1927)."""
    if n == 0:
        return 0.0, 1.0
    z = float(ndtri(0.5 + confidence / 2))
    share = correct / n
    center = (correct + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * sqrt(correct * (n - correct) / n + z * z / 4)
    low, high = (0.0 if share == 0 else center - half), (1.0 if share == 1 else center + half)
    return max(low, 0.0), min(high, 1.0)


def test_corpus(project: Project) -> SqliteCorpus | None:
    """Gives the gold file that came with `--test`, or None."""
    place = project.path / TEST
    return Project.open(place).corpus if is_project(place) else None


def audit(store: Store, model: Classifier, inputs_of: InputsOf, class_ids: tuple[int, ...]) -> dict[str, Any]:
    """Gives the accuracy on the labeled part of the reference sample, which no model has trained on."""
    rows, ids = store.labels(kinds=("reference",))
    if not len(rows):
        return {}
    predicted = np.array(class_ids)[model.infer(inputs_of(rows)).logits.argmax(1)]
    correct, n = int((predicted == ids).sum()), len(rows)
    low, high = wilson(correct, n)
    return {"audit": {"n": n, "correct": correct, "accuracy": correct / n, "low": low, "high": high}}


def curve_point(
    project: Project, model: Classifier, lesson: Lesson, inputs_of: InputsOf, embedder: Embedder, store: Store
) -> dict[str, Any] | None:
    """Gives a point of the learning curve: on the gold file when there is one, else cross-validated."""
    test = test_corpus(project)
    if test is not None:
        names = {c.name: position for position, c in enumerate(_ordered(store, lesson.class_ids))}
        rows = np.arange(len(test), dtype=np.int64)
        if len(rows) > TEST_TEXTS:
            rows = np.sort(np.random.default_rng(0).choice(rows, TEST_TEXTS, replace=False))
        gold = np.array([names.get(name or "", UNLABELED) for name in test.gold(rows)], np.int64)
        inputs = Inputs(test.texts(rows[gold != UNLABELED]), embed=embedder.embed)
        predicted = model.infer(inputs).logits.argmax(1) if len(inputs) else np.empty(0, np.int64)
        return _point("test", lesson, gold[gold != UNLABELED], predicted)
    predicted = cross_validate(lesson.rows, lesson.labels, len(lesson.class_ids), inputs_of, embedder)
    return None if predicted is None else _point("cross-validated", lesson, lesson.labels, predicted)


def cross_validate(
    rows: Rows, labels: Labels, n_classes: int, inputs_of: InputsOf, embedder: Embedder
) -> Labels | None:
    """Gives for each label what a linear model says that was trained on the other folds; None for too few labels."""
    if len(rows) < 4 * FOLDS or len(np.unique(labels)) < 2:
        return None
    fold = np.random.default_rng(0).permutation(len(rows)) % FOLDS
    predicted = np.empty(len(rows), np.int64)
    for held_out in range(FOLDS):
        model = models.create("linear", n_classes=n_classes, embedder=embedder)
        model.fit(inputs_of(rows[fold != held_out]), labels[fold != held_out], seed=0)
        predicted[fold == held_out] = model.infer(inputs_of(rows[fold == held_out])).logits.argmax(1)
    return predicted


def _point(source: str, lesson: Lesson, gold: Labels, predicted: Labels) -> dict[str, Any]:
    from sklearn.metrics import accuracy_score, f1_score  # half a second that the first text must not wait for

    return {
        "source": source,
        "labels": len(lesson.rows),
        "kind": lesson.kind,
        "accuracy": float(accuracy_score(gold, predicted)),
        "value": float(f1_score(gold, predicted, average="macro", zero_division=0)),
    }


def _ordered(store: Store, class_ids: tuple[int, ...]) -> list[Any]:
    known = {c.id: c for c in store.classes()}
    return [known[class_id] for class_id in class_ids]
